"""The loss of JAX arrays: argument checks and the derivative rule.

The computation is a callback to the CPU (`_jax_callbacks`). The margin is an input of the callback,
so that another margin needs no recompilation. In a jitted function, whose inputs are traced values,
the callback itself reads a margin that is a variable or a function, at every run.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._arrays import (
    SUPPORTED_DTYPES,
    as_floats,
    as_labels,
    as_weights,
    dtype_error,
    refuse_overflow,
    shape_error,
)
from ._jax_callbacks import (
    Evaluate,
    MarginSource,
    Vjp,
    compute_dtype,
    id_as_uint32,
    run_callback,
    variable_value,
)
from ._loss import Loss, Settings
from ._margin import as_margin, is_fixed, is_schedule
from ._margin_cell import MarginCell

_UNSET = object()


def apply(loss: Loss, labels: Any, embeddings: Any, weights: Any = None, margin: Any = _UNSET) -> jax.Array:
    """The loss with the settings of `loss`; with another margin if one is given."""
    embeddings = embeddings_of(embeddings)
    if not isinstance(labels, jax.Array):
        labels = labels_as_int32(as_labels(labels))
    if labels.shape not in ((embeddings.shape[0],), (embeddings.shape[0], 1)):
        raise ValueError(
            f"labels have shape {list(labels.shape)} but embeddings have shape {list(embeddings.shape)}: "
            "one label a row is needed"
        )
    if weights is not None:
        weights = weights_of(weights)
        if weights.shape not in ((), (embeddings.shape[0],), (embeddings.shape[0], 1)):
            raise ValueError(
                f"sample_weight has shape {list(weights.shape)} but the batch has shape "
                f"{list(embeddings.shape[:1])}: give a scalar, or one weight a row"
            )
    source, given = _margin(loss, margin, compute_dtype(embeddings.dtype))
    key = loss.settings._replace(margin=1.0)  # the margin is an input of the callback
    value: jax.Array = _loss(key, source, labels, embeddings, weights, given, id_as_uint32(loss.id_input))
    return value


def labels_as_int32(labels: Any) -> jax.Array:
    """Labels as int32, which JAX has without x64: renumbered if needed, since only equality counts."""
    bounds = np.iinfo(np.int32)
    if labels.size and not (bounds.min <= labels.min() and labels.max() <= bounds.max):
        _, labels = np.unique(labels, return_inverse=True)
    return jnp.asarray(labels.astype(np.int32))


def wait_for_programs() -> None:
    """Waits for all running programs, whose callbacks may still read the margin."""
    for array in jax.live_arrays():
        with suppress(Exception):  # the error is raised again where the array is used
            array.block_until_ready()


def embeddings_of(values: Any) -> jax.Array:
    """A matrix of floats of JAX, of its own arrays, of NumPy's or of lists, whose numbers it keeps."""
    if _is_held(values):
        array = jnp.asarray(values)
    else:
        given = as_floats(values)
        array = jnp.asarray(given)
        refuse_overflow(given, array.dtype.name)
    if array.dtype.name not in SUPPORTED_DTYPES:
        raise dtype_error(array.dtype.name)
    if array.ndim != 2 or array.shape[1] == 0:
        raise shape_error(array.shape)
    return array


def weights_of(values: Any) -> Any:
    """Weights as JAX's floats, without a derivative."""
    array = jnp.asarray(values) if _is_held(values) else as_weights(values)
    if array.dtype.kind == "c":
        raise TypeError(f"sample_weight has dtype {array.dtype.name}: expected numbers")
    return jax.lax.stop_gradient(jnp.asarray(array, float))


def _is_held(values: Any) -> bool:
    """Whether values are, or contain, arrays of JAX."""
    return hasattr(values, "__jax_array__") or any(isinstance(x, jax.Array) for x in jax.tree.leaves(values))


def _margin(loss: Loss, margin: Any, dtype: Any) -> tuple[MarginSource | None, Any]:
    """The margin as (source that the callback reads, None) or as (None, input of the callback)."""
    margin = loss.settings.margin if margin is _UNSET else margin
    inner = margin.value if isinstance(margin, MarginCell) else margin
    is_variable = not isinstance(inner, jax.Array) and hasattr(inner, "__jax_array__")
    value = variable_value(inner) if is_variable else inner
    if isinstance(value, jax.core.Tracer):
        is_real = jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer)
        if value.shape or not is_real:
            raise TypeError(f"margin is {value.aval.str_short()}: expected a real number without dimensions")
        return None, _constant(value.astype(dtype))
    # JAX treats arrays as constants of a program. A variable must be read at run time instead.
    is_constant = is_fixed(margin) or isinstance(margin, (jax.Array, np.ndarray))
    if is_constant or not _is_staged():
        number = loss.with_margin(as_margin(margin)).settings.margin
        if abs(number) > np.finfo(dtype).max:
            text = str(number).replace("e+", "e")
            raise ValueError(f"margin is {text}: it must be a finite number that the element type can hold")
        return None, jnp.asarray(number, dtype)
    if not is_schedule(margin):
        as_margin(margin)  # raises now, not when the program runs
    return MarginSource(margin), None


def _is_staged() -> bool:
    """Whether a program is being traced, as under ``jit``."""
    return isinstance(jnp.zeros(()), jax.core.Tracer)


@jax.custom_jvp
def _constant(margin: Any) -> Any:
    return margin


@_constant.defjvp
def _(primals: Any, tangents: Any) -> Any:
    raise NotImplementedError("the derivative by the margin is not computed: jax.lax.stop_gradient(margin)")


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _loss(
    key: Settings, source: Any, labels: Any, embeddings: Any, weights: Any, margin: Any, loss_id: Any
) -> Any:
    call = Evaluate(key, source, np.dtype(embeddings.dtype), gradient=False)
    return run_callback(call, labels, embeddings, weights, margin, loss_id)[0].astype(embeddings.dtype)


def _forward(
    key: Settings, source: Any, labels: Any, embeddings: Any, weights: Any, margin: Any, loss_id: Any
) -> Any:
    per_row = key.reduction == "none"
    call = Evaluate(key, source, np.dtype(embeddings.dtype), gradient=not per_row)
    value, other = run_callback(call, labels, embeddings, weights, margin, loss_id)
    residuals = (
        (labels, embeddings, weights, other) if per_row else (None, _dtype_marker(embeddings), None, other)
    )
    return value.astype(embeddings.dtype), residuals


def _dtype_marker(embeddings: Any) -> Any:
    """A scalar residual that carries the dtype of the embeddings."""
    return jnp.zeros((), embeddings.dtype)


def _backward(key: Settings, source: Any, residuals: Any, upstream: Any) -> Any:
    labels, embeddings, weights, other = residuals
    if key.reduction == "none":
        gradient = run_callback(Vjp(key), labels, embeddings, weights, other, upstream)
    else:
        gradient = other * upstream.astype(other.dtype)
    return None, gradient.astype(embeddings.dtype), None, None, None


_loss.defvjp(_forward, _backward)
