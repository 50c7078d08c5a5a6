"""The loss of JAX arrays against other rows, by a callback to the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._against import Against, prepared
from ._arrays import as_embeddings, as_weights, cast_checked, naming
from ._jax import embeddings_of, weights_of
from ._jax_callbacks import MarginSource, compute_dtype, read_margin
from ._labels import as_integers, as_labels_of_both
from ._loss import NO_SECOND_DERIVATIVE, Settings, cached_loss
from ._margin import as_margin, is_fixed


def apply(
    settings: Settings,
    labels: Any,
    embeddings: Any,
    weights: Any,
    margin: Any,
    others: tuple[Any, Any, Any, Any],
) -> jax.Array:
    """The loss of embeddings against `others`: rows, their labels, and the ids of both sides, checked."""
    if isinstance(margin, jax.core.Tracer):
        raise TypeError("margin is traced: with ref_emb it must be a number, a function or a variable")
    ref_emb, ref_labels, ids, ref_ids = others
    rows = embeddings_of(embeddings)
    with naming("ref_emb"):
        references = embeddings_of(ref_emb)
    own, theirs = _numbers(labels, ref_labels, ("labels", "ref_labels"))
    pair = (None, None) if ids is None else _numbers(ids, ref_ids, ("ids", "ref_ids"))
    factors = None if weights is None else weights_of(weights)
    # What may change is read by the callback, when a jitted function runs.
    source = None if is_fixed(margin) or isinstance(margin, (jax.Array, np.ndarray)) else MarginSource(margin)
    key = settings._replace(margin=as_margin(margin) if source is None else 1.0)
    value: jax.Array = _loss(key, source, rows, references, (own, theirs, factors, *pair))
    return value


def _numbers(first: Any, second: Any, names: tuple[str, str]) -> tuple[jax.Array, jax.Array]:
    """Labels or ids of both sides as integers that JAX has without x64; only equality counts."""
    if isinstance(first, jax.Array) or isinstance(second, jax.Array):
        # A traced array has no values yet, so its numbers stay; NumPy's of 64 bits would lose some of theirs.
        one, other = (_kept(side, name) for side, name in zip((first, second), names))
        return one, other
    own, theirs = as_labels_of_both(first, second, names)
    if not (_fits(own) and _fits(theirs)):
        together = np.unique(np.concatenate([own, theirs]), return_inverse=True)[1]
        own, theirs = together[: len(own)], together[len(own) :]
    return jnp.asarray(own.astype(np.int32)), jnp.asarray(theirs.astype(np.int32))


def _kept(side: Any, name: str) -> jax.Array:
    if isinstance(side, jax.Array):
        return side
    # Text and dates would get numbers that have nothing to do with those of the other side.
    numbers = as_integers(side, name)
    if jax.config.jax_enable_x64:
        return jnp.asarray(numbers)
    if not _fits(numbers):
        raise ValueError(f"{name} has {np.abs(numbers).max()}, which JAX cuts to 32 bits: pass smaller ones")
    return jnp.asarray(numbers.astype(np.int32))


def _fits(numbers: Any) -> bool:
    bounds = np.iinfo(np.int32)
    return not numbers.size or bool(bounds.min <= numbers.min() and numbers.max() <= bounds.max)


@dataclass(frozen=True)
class _Call:
    """The loss and its gradients to both sides; without `gradients`, the loss and the margin in use."""

    settings: Settings
    source: MarginSource | None
    gradients: bool

    def __call__(self, rows: Any, references: Any, rest: Any) -> Any:
        margin = self.settings.margin if self.source is None else read_margin(self.source)
        loss = cached_loss(self.settings._replace(margin=float(margin)))
        x, (y, against), weights = _arrays(rows, references, rest, self.gradients)
        native = loss.evaluate(y, x, weights, gradient=self.gradients, against=against)
        computed = compute_dtype(rows.dtype)
        value = np.asarray(native.loss if native.losses is None else native.losses, computed)
        cast_checked(value, rows.dtype, "loss")
        if self.gradients:
            return value, native.gradient, native.candidate_gradient
        return value, np.asarray(margin, computed)


@dataclass(frozen=True)
class _Vjp:
    """The gradients to both sides, given the margin and the derivative by the loss of each row."""

    settings: Settings

    def __call__(self, rows: Any, references: Any, rest: Any, margin: Any, upstream: Any) -> Any:
        x, (y, against), weights = _arrays(rows, references, rest, True)
        loss = cached_loss(self.settings._replace(margin=float(margin)))
        return loss.vjp_against(y, x, weights, np.asarray(upstream, np.float64), against)


def _arrays(rows: Any, references: Any, rest: Any, gradient: bool) -> tuple[Any, tuple[Any, Against], Any]:
    labels, ref_labels, weights, ids, ref_ids = (None if part is None else np.asarray(part) for part in rest)
    names = ("ref_emb", "ref_labels")
    y, against, _ = prepared(labels, np.asarray(references), ref_labels, ids, ref_ids, gradient, names)
    assert against is not None
    factors = None if weights is None else as_weights(weights)
    return as_embeddings(np.asarray(rows))[0], (y, against), factors


def _shape(settings: Settings, rows: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(
        rows.shape[:1] if settings.reduction == "none" else (), compute_dtype(rows.dtype)
    )


def _sides(*sides: Any) -> tuple[jax.ShapeDtypeStruct, ...]:
    return tuple(jax.ShapeDtypeStruct(side.shape, compute_dtype(side.dtype)) for side in sides)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _run(call: Any, shapes: Any, *arguments: Any) -> Any:
    return jax.pure_callback(call, shapes, *arguments, vmap_method="sequential")


@_run.defjvp  # type: ignore[untyped-decorator]
def _(call: Any, shapes: Any, primals: Any, tangents: Any) -> Any:
    raise NotImplementedError(NO_SECOND_DERIVATIVE)


def _value(settings: Settings, source: Any, rows: Any, references: Any, rest: Any) -> Any:
    shapes = _shape(settings, rows), jax.ShapeDtypeStruct((), compute_dtype(rows.dtype))
    return _run(_Call(settings, source, False), shapes, rows, references, rest)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _loss(settings: Settings, source: Any, rows: Any, references: Any, rest: Any) -> Any:
    return _value(settings, source, rows, references, rest)[0].astype(rows.dtype)


def _forward(settings: Settings, source: Any, rows: Any, references: Any, rest: Any) -> Any:
    if settings.reduction == "none":
        value, margin = _value(settings, source, rows, references, rest)
        return value.astype(rows.dtype), (rows, references, rest, margin)
    shapes = (_shape(settings, rows), *_sides(rows, references))
    value, *gradients = _run(_Call(settings, source, True), shapes, rows, references, rest)
    marks = jnp.zeros((), rows.dtype), jnp.zeros((), references.dtype)
    return value.astype(rows.dtype), (*marks, rest, gradients)


def _backward(settings: Settings, source: Any, residuals: Any, upstream: Any) -> Any:
    rows, references, rest, other = residuals
    if settings.reduction == "none":
        shapes = _sides(rows, references)
        gradients = _run(_Vjp(settings), shapes, rows, references, rest, other, upstream)
    else:
        gradients = [gradient * upstream.astype(gradient.dtype) for gradient in other]
    to_rows, to_references = gradients
    nothing = jax.tree.map(lambda _: None, rest)
    return to_rows.astype(rows.dtype), to_references.astype(references.dtype), nothing


_loss.defvjp(_forward, _backward)
