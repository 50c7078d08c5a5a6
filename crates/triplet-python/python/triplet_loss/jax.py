"""Triplet losses for JAX: under ``jit``, ``grad`` and ``vmap``.

>>> import jax, jax.numpy as jnp
>>> from triplet_loss.jax import triplet_semihard_loss
>>> labels = jnp.array([0, 0, 1, 2])
>>> embeddings = jnp.array([[0.0], [1.0], [1.5], [3.0]])
>>> step = jax.jit(jax.value_and_grad(lambda x: triplet_semihard_loss(labels, x, distance="l2")))
>>> value, gradient = step(embeddings)
>>> float(value), gradient.ravel().tolist()
(0.25, [-0.5, 1.5, -0.5, -0.5])

The computation is a callback to the CPU. float32 and float64 are computed as they are,
float16 and bfloat16 in float32. The loss is a constant of labels and weights: it has no
derivative by them, and one by the margin is an error.

Without ``jax_enable_x64`` JAX truncates integers to 32 bits at the entry of a jitted function,
before any code of this module runs: pass labels that fit. Outside ``jit`` all 64 bits count.
"""

from __future__ import annotations

from typing import Any

import jax

from . import _jax_against
from ._against import has_references
from ._jax import apply
from ._loss import Settings, cached_loss, hard_rule, semi_hard_rule

__all__ = ["triplet_hard_loss", "triplet_semihard_loss"]


def triplet_semihard_loss(
    labels: Any,
    embeddings: Any,
    margin: Any = 1.0,
    distance: str = "squared-l2",
    *,
    sample_weight: Any = None,
    reduction: str = "mean",
    literal: bool = False,
    backend: str = "auto",
    threads: int | None = None,
    require_positives: bool = False,
    ref_emb: Any = None,
    ref_labels: Any = None,
    ids: Any = None,
    ref_ids: Any = None,
) -> jax.Array:
    """For every anchor and positive, the nearest negative that is farther than the positive.

    Args:
        labels: `[B]` or `[B, 1]`, integers or floats that are whole numbers.
        embeddings: `[B, D]`.
        margin: Margin of the hinge, in units of the distance: a number; an array, traced or not,
            or a variable, without dimensions; or a function of no arguments that gives one,
            which is called at every run, of a jitted function too.
        distance: ``squared-l2``, ``l2`` (TFA's default from 0.11 on) or ``angular``.
        sample_weight: Factors on the rows' losses: a scalar, `[B]` or `[B, 1]`.
        reduction: ``mean`` (TFA's scalar), ``sum`` or ``none`` (`[B]`).
        literal: The sentence on TFA's page instead of what its code does.
        backend: ``auto``, ``par``, ``openmp``, ``simd``, ``scalar`` or ``gram``.
        threads: At most so many; None for one a core.
        require_positives: Whether a batch without a positive pair is an error.
        ref_emb: Rows `[N, D]` to take positives and negatives from, instead of the batch; the
            gradient is that to both. A margin must not be traced then.
        ref_labels: Their labels, `[N]`.
        ids: What each anchor is, `[B]`: a reference with the same id is neither its positive nor its
            negative. Without ids, none is an anchor.
        ref_ids: What each reference is, `[N]`.

    Returns:
        The loss in the embeddings' type: a scalar, or `[B]`.
    """
    rule = semi_hard_rule(literal)
    settings = Settings(1.0, distance, rule, reduction, backend, threads, require_positives)
    return _apply(settings, labels, embeddings, sample_weight, margin, (ref_emb, ref_labels, ids, ref_ids))


def triplet_hard_loss(
    labels: Any,
    embeddings: Any,
    margin: Any = 1.0,
    soft: bool = False,
    distance: str = "squared-l2",
    *,
    sample_weight: Any = None,
    reduction: str = "mean",
    backend: str = "auto",
    threads: int | None = None,
    require_positives: bool = False,
    ref_emb: Any = None,
    ref_labels: Any = None,
    ids: Any = None,
    ref_ids: Any = None,
) -> jax.Array:
    """For every anchor, its farthest positive and its nearest negative.

    The arguments are those of ``triplet_semihard_loss``; ``soft`` takes the softplus of the
    difference instead of the hinge.
    """
    rule = hard_rule(soft)
    settings = Settings(1.0, distance, rule, reduction, backend, threads, require_positives)
    return _apply(settings, labels, embeddings, sample_weight, margin, (ref_emb, ref_labels, ids, ref_ids))


def _apply(
    settings: Settings,
    labels: Any,
    embeddings: Any,
    weights: Any,
    margin: Any,
    others: tuple[Any, Any, Any, Any],
) -> jax.Array:
    if not has_references(*others):
        return apply(cached_loss(settings), labels, embeddings, weights, margin)
    return _jax_against.apply(settings, labels, embeddings, weights, margin, others)
