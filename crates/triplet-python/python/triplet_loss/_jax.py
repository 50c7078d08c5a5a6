"""The loss of JAX arrays: what is checked, and how it is differentiated.

The computation is a callback (`_jax_callbacks`). The margin is an input of it, so that another
margin needs no other compilation; in a jitted function, where only traced values are inputs, the
callback reads a margin that is a variable or a function when it runs.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._arrays import COMPUTED, as_array, as_labels, wrong_dtype, wrong_shape
from ._held import Held
from ._jax_callbacks import Evaluate, Pull, Read, as_words, called, computed_in, variable
from ._loss import Loss, Settings
from ._margin import as_margin, is_fixed, is_schedule

_OWN = object()


def apply(loss: Loss, labels: Any, embeddings: Any, weights: Any = None, margin: Any = _OWN) -> jax.Array:
    """The loss as `loss` defines it, with another margin if one is given."""
    embeddings = _array(embeddings, "embeddings")
    if embeddings.dtype.name not in COMPUTED:
        raise wrong_dtype(embeddings.dtype.name)
    if embeddings.ndim != 2 or embeddings.shape[1] == 0:
        raise wrong_shape(embeddings.shape)
    if not isinstance(labels, jax.Array):
        labels = narrow(as_labels(labels))
    if labels.shape not in ((embeddings.shape[0],), (embeddings.shape[0], 1)):
        raise ValueError(
            f"labels have shape {list(labels.shape)} but embeddings have shape {list(embeddings.shape)}: "
            "one label a row is needed"
        )
    if weights is not None:
        weights = jax.lax.stop_gradient(_array(weights, "sample_weight", float))
        if weights.shape not in ((), (embeddings.shape[0],), (embeddings.shape[0], 1)):
            raise ValueError(
                f"sample_weight has shape {list(weights.shape)} but the batch has shape "
                f"{list(embeddings.shape[:1])}: give a scalar, or one weight a row"
            )
    source, given = _margin(loss, margin, computed_in(embeddings.dtype))
    key = loss.settings._replace(margin=1.0)  # which is an input
    value: jax.Array = _loss(key, source, labels, embeddings, weights, given, as_words(loss.number_input))
    return value


def narrow(labels: Any) -> jax.Array:
    """Labels that JAX can hold without x64: their names do not matter, only which are equal."""
    bounds = np.iinfo(np.int32)
    if labels.size and not (bounds.min <= labels.min() and labels.max() <= bounds.max):
        _, labels = np.unique(labels, return_inverse=True)
    return jnp.asarray(labels.astype(np.int32))


def finish() -> None:
    """Waits for the programs that run, whose callbacks may have a margin to read yet."""
    for array in jax.live_arrays():
        with suppress(Exception):  # which is raised where the array is used
            array.block_until_ready()


def _array(values: Any, what: str, dtype: Any = None) -> Any:
    """What JAX makes of arrays, lists and numbers; nothing whose mask it would ignore."""
    held = hasattr(values, "__jax_array__") or any(isinstance(x, jax.Array) for x in jax.tree.leaves(values))
    return jnp.asarray(values if held else as_array(values, what), dtype)


def _margin(loss: Loss, margin: Any, dtype: Any) -> tuple[Read | None, Any]:
    """Where callbacks read the margin when they run, or the margin as their input."""
    margin = loss.settings.margin if margin is _OWN else margin
    inner = margin.value if isinstance(margin, Held) else margin
    is_variable = not isinstance(inner, jax.Array) and hasattr(inner, "__jax_array__")
    value = variable(inner) if is_variable else inner
    if isinstance(value, jax.core.Tracer):
        is_real = jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer)
        if value.shape or not is_real:
            raise TypeError(f"margin is {value.aval.str_short()}: expected a real number without dimensions")
        return None, _constant(value.astype(dtype))
    # Arrays are constants of a program, as everywhere in JAX; a variable would silently be one.
    is_constant = is_fixed(margin) or isinstance(margin, (jax.Array, np.ndarray))
    if is_constant or not _is_staged():
        return None, jnp.asarray(loss.at(as_margin(margin)).settings.margin, dtype)
    if not is_schedule(margin):
        as_margin(margin)  # is an error now, not when the program runs
    return Read(margin), None


def _is_staged() -> bool:
    """Whether a program is being recorded, as under ``jit``, whatever its inputs are."""
    return isinstance(jnp.zeros(()), jax.core.Tracer)


@jax.custom_jvp
def _constant(margin: Any) -> Any:
    return margin


@_constant.defjvp
def _(primals: Any, tangents: Any) -> Any:
    raise NotImplementedError("the derivative by the margin is not computed: jax.lax.stop_gradient(margin)")


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _loss(
    key: Settings, source: Any, labels: Any, embeddings: Any, weights: Any, margin: Any, words: Any
) -> Any:
    call = Evaluate(key, source, np.dtype(embeddings.dtype), gradient=False)
    return called(call, labels, embeddings, weights, margin, words)[0].astype(embeddings.dtype)


def _forward(
    key: Settings, source: Any, labels: Any, embeddings: Any, weights: Any, margin: Any, words: Any
) -> Any:
    per_row = key.reduction == "none"
    call = Evaluate(key, source, np.dtype(embeddings.dtype), gradient=not per_row)
    value, other = called(call, labels, embeddings, weights, margin, words)
    kept = (labels, embeddings, weights, other) if per_row else (None, _typed(embeddings), None, other)
    return value.astype(embeddings.dtype), kept


def _typed(embeddings: Any) -> Any:
    """What says of which type the embeddings were."""
    return jnp.zeros((), embeddings.dtype)


def _backward(key: Settings, source: Any, kept: Any, upstream: Any) -> Any:
    labels, embeddings, weights, other = kept
    if key.reduction == "none":
        gradient = called(Pull(key), labels, embeddings, weights, other, upstream)
    else:
        gradient = other * upstream.astype(other.dtype)
    return None, gradient.astype(embeddings.dtype), None, None, None


_loss.defvjp(_forward, _backward)
