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
derivative by them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._arrays import COMPUTED, as_embeddings, as_labels, as_weights, narrowed, wrong_dtype, wrong_shape
from ._loss import Loss, Settings, shared

__all__ = ["triplet_hard_loss", "triplet_semihard_loss"]


def triplet_semihard_loss(
    labels: Any,
    embeddings: Any,
    margin: float = 1.0,
    distance: str = "squared-l2",
    *,
    sample_weight: Any = None,
    reduction: str = "mean",
    literal: bool = False,
    backend: str = "auto",
    threads: int | None = None,
    require_positives: bool = False,
) -> jax.Array:
    """For every anchor and positive, the nearest negative that is farther than the positive.

    Args:
        labels: `[B]` or `[B, 1]`, integers or floats that are whole numbers.
        embeddings: `[B, D]`.
        margin: Margin of the hinge, in units of the distance. A Python number.
        distance: ``squared-l2``, ``l2`` (TFA's default from 0.11 on) or ``angular``.
        sample_weight: Factors on the rows' losses: a scalar, `[B]` or `[B, 1]`.
        reduction: ``mean`` (TFA's scalar), ``sum`` or ``none`` (`[B]`).
        literal: The sentence on TFA's page instead of what its code does.
        backend: ``auto``, ``par``, ``simd``, ``scalar`` or ``gram``.
        threads: At most so many; None for one a core.
        require_positives: Whether a batch without a positive pair is an error, not 0.

    Returns:
        The loss in the embeddings' type: a scalar, or `[B]`.
    """
    rule = "semi-hard-literal" if literal else "semi-hard"
    settings = Settings(float(margin), distance, rule, reduction, backend, threads, require_positives)
    return apply(shared(settings), labels, embeddings, sample_weight)


def triplet_hard_loss(
    labels: Any,
    embeddings: Any,
    margin: float = 1.0,
    soft: bool = False,
    distance: str = "squared-l2",
    *,
    sample_weight: Any = None,
    reduction: str = "mean",
    backend: str = "auto",
    threads: int | None = None,
    require_positives: bool = False,
) -> jax.Array:
    """For every anchor, its farthest positive and its nearest negative.

    The arguments are those of ``triplet_semihard_loss``; ``soft`` takes the softplus of the
    difference instead of the hinge.
    """
    rule = "hard-soft" if soft else "hard"
    settings = Settings(float(margin), distance, rule, reduction, backend, threads, require_positives)
    return apply(shared(settings), labels, embeddings, sample_weight)


def apply(loss: Loss, labels: Any, embeddings: Any, weights: Any = None) -> jax.Array:
    """The loss as `loss` defines it."""
    embeddings = jnp.asarray(embeddings)
    if embeddings.dtype.name not in COMPUTED:
        raise wrong_dtype(embeddings.dtype.name)
    if embeddings.ndim != 2 or embeddings.shape[1] == 0:
        raise wrong_shape(embeddings.shape)
    if not isinstance(labels, jax.Array):
        labels = _narrow(as_labels(labels))
    if labels.shape not in ((embeddings.shape[0],), (embeddings.shape[0], 1)):
        raise ValueError(
            f"labels have shape {list(labels.shape)} but embeddings have shape {list(embeddings.shape)}: "
            "one label a row is needed"
        )
    if weights is not None:
        weights = jax.lax.stop_gradient(jnp.asarray(weights, float))
        if weights.shape not in ((), (embeddings.shape[0],), (embeddings.shape[0], 1)):
            raise ValueError(
                f"sample_weight has shape {list(weights.shape)} but the batch has shape "
                f"{list(embeddings.shape[:1])}: give a scalar, or one weight a row"
            )
    value: jax.Array = _loss(loss, labels, embeddings, weights)
    return value


def _narrow(labels: Any) -> Any:
    """Labels that JAX can hold without x64: their names do not matter, only which are equal."""
    if labels.size and np.abs(labels).max() > np.iinfo(np.int32).max:
        _, labels = np.unique(labels, return_inverse=True)
    return jnp.asarray(labels.astype(np.int32))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loss(loss: Loss, labels: Any, embeddings: Any, weights: Any) -> Any:
    return _called(loss, labels, embeddings, weights, gradient=False)[0]


def _forward(loss: Loss, labels: Any, embeddings: Any, weights: Any) -> Any:
    if loss.settings.reduction == "none":
        value = _called(loss, labels, embeddings, weights, gradient=False)[0]
        return value, (labels, embeddings, weights, None)
    value, gradient = _called(loss, labels, embeddings, weights, gradient=True)
    return value, (None, jnp.zeros((), embeddings.dtype), None, gradient)


def _backward(loss: Loss, kept: Any, upstream: Any) -> Any:
    labels, embeddings, weights, gradient = kept
    if gradient is not None:
        gradient = gradient * upstream.astype(gradient.dtype)
    else:

        def pull(labels: Any, embeddings: Any, upstream: Any, *weights: Any) -> Any:
            y, x, w = _arrays(labels, embeddings, weights)
            return loss.pull(y, x, w, np.asarray(upstream, np.float64))

        shape = jax.ShapeDtypeStruct(embeddings.shape, _computed(embeddings.dtype))
        factors = [] if weights is None else [weights]
        gradient = _callback(pull, shape, labels, embeddings, upstream, *factors)
    return None, gradient.astype(embeddings.dtype), None


_loss.defvjp(_forward, _backward)


def _called(loss: Loss, labels: Any, embeddings: Any, weights: Any, gradient: bool) -> Any:
    """The loss in the embeddings' type, and the gradient in the computed one or nothing."""
    dtype, computed = np.dtype(embeddings.dtype), _computed(embeddings.dtype)
    rows = embeddings.shape[:1] if loss.settings.reduction == "none" else ()

    # Answers with NumPy's arrays: JAX called from within a callback may wait for itself.
    def call(labels: Any, embeddings: Any, *weights: Any) -> Any:
        outcome = loss.evaluate(*_arrays(labels, embeddings, weights), gradient=gradient)
        value = np.asarray(outcome.loss if outcome.losses is None else outcome.losses, computed)
        narrowed(value, dtype, "loss")
        return (value, outcome.gradient) if gradient else (value,)

    shapes = [jax.ShapeDtypeStruct(rows, computed)]
    if gradient:
        shapes.append(jax.ShapeDtypeStruct(embeddings.shape, computed))
    factors = [] if weights is None else [weights]
    answer = _callback(call, tuple(shapes), labels, embeddings, *factors)
    return answer[0].astype(embeddings.dtype), answer[1] if gradient else None


def _arrays(labels: Any, embeddings: Any, weights: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    x = as_embeddings(np.asarray(embeddings))[0]
    return as_labels(np.asarray(labels)), x, as_weights(np.asarray(weights[0])) if weights else None


def _computed(dtype: Any) -> Any:
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def _callback(function: Any, shapes: Any, *inputs: Any) -> Any:
    """Calls back with arrays; what comes is, in `shard_map`, as varied over the mesh as the embeddings."""
    found = jax.pure_callback(function, shapes, *inputs, vmap_method="sequential")
    axes = _varying(inputs[1])
    return jax.tree.map(lambda x: jax.lax.pcast(x, axes, to="varying"), found) if axes else found


def _varying(embeddings: Any) -> tuple[str, ...]:
    """Axes of a mesh over which they vary, as the type of JAX 0.10 says; earlier ones do not ask."""
    kind = jax.typeof(embeddings) if hasattr(jax, "typeof") else None
    return tuple(getattr(getattr(kind, "manual_axis_type", None), "varying", ()))
