"""The host callbacks with which JAX computes the loss and its gradient.

Callbacks compare by value: equal ones share an entry of JAX's compilation caches. Margin and id of
the loss are inputs, so calls outside ``jit`` compile once for each shape and settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import monotonic, sleep
from typing import Any

import jax
import numpy as np

from ._arrays import as_embeddings, as_labels, as_weights, cast_checked
from ._loss import NO_SECOND_DERIVATIVE, Settings, cached_loss, loss_by_id
from ._margin import as_margin
from ._margin_cell import MarginCell


@dataclass(frozen=True, eq=False)
class MarginSource:
    """A margin that is a variable or a function; the callback reads it when it runs."""

    margin: Any


# Seconds that a callback waits for a variable's value. A variable that is assigned while the
# callback's program runs may be computed after that program: a deadlock without this limit.
_VARIABLE_TIMEOUT = 5.0


_NO_VALUE = (
    "margin depends on a variable of the model or the optimizer, whose values Keras takes out of it while "
    "JAX trains: set loss.margin to a number, or to a keras.Variable of your own that a callback assigns"
)


def variable_value(margin: Any) -> Any:
    """The array of a Keras variable."""
    try:
        array = margin.__jax_array__()
    except TypeError as error:
        raise _explained(error) from error
    if isinstance(array, jax.Array) and not isinstance(array, jax.core.Tracer) and array.is_deleted():
        raise TypeError(_NO_VALUE)
    return array


def _explained(error: Exception) -> Exception:
    """The error for a variable without a value, in place of the one that Keras or JAX raises."""
    reasons = ("'NoneType' object is not callable", "has been deleted")
    return TypeError(_NO_VALUE) if any(reason in str(error) for reason in reasons) else error


def read_margin(source: MarginSource) -> float:
    """The margin at run time; the running program waits for this callback."""
    margin = source.margin.value if isinstance(source.margin, MarginCell) else source.margin
    if not hasattr(margin, "__jax_array__"):
        try:
            return as_margin(margin)
        except (TypeError, RuntimeError) as error:
            raise _explained(error) from error
    array = variable_value(margin)
    end = monotonic() + _VARIABLE_TIMEOUT
    while not array.is_ready():
        if monotonic() > end:
            raise RuntimeError(
                "the variable that the margin is was assigned while a step ran, which waits for it: assign "
                "it after the step (on_train_batch_end, on_epoch_begin), or set loss.margin to a number"
            )
        sleep(1e-4)
    return as_margin(array)


@dataclass(frozen=True)
class Evaluate:
    """The loss and its gradient; without `gradient`, the loss and the margin that was used.

    Returns NumPy arrays: calling JAX from a callback may deadlock.
    """

    settings: Settings
    source: MarginSource | None
    dtype: np.dtype[Any]
    gradient: bool

    def __call__(self, labels: Any, embeddings: Any, weights: Any, margin: Any, loss_id: Any) -> Any:
        if self.source is not None:
            margin = read_margin(self.source)
        loss = loss_by_id(_id_from_uint32(loss_id), self.settings._replace(margin=float(margin)))
        computed = compute_dtype(self.dtype)
        native = loss.evaluate(*_arrays(labels, embeddings, weights), gradient=self.gradient)
        value = np.asarray(native.loss if native.losses is None else native.losses, computed)
        cast_checked(value, self.dtype, "loss")
        return value, native.gradient if self.gradient else np.asarray(margin, computed)

    def shapes(self, embeddings: Any) -> Any:
        """Shapes and types of the results."""
        computed = compute_dtype(self.dtype)
        rows = embeddings.shape[:1] if self.settings.reduction == "none" else ()
        other = embeddings.shape if self.gradient else ()
        return jax.ShapeDtypeStruct(rows, computed), jax.ShapeDtypeStruct(other, computed)


@dataclass(frozen=True)
class Vjp:
    """The gradient of the objective, given its derivative by the loss of each row."""

    settings: Settings

    def __call__(self, labels: Any, embeddings: Any, weights: Any, margin: Any, upstream: Any) -> Any:
        y, x, w = _arrays(labels, embeddings, weights)
        return cached_loss(self.settings._replace(margin=float(margin))).vjp(
            y, x, w, np.asarray(upstream, np.float64)
        )

    def shapes(self, embeddings: Any) -> Any:
        """Shapes and types of the results."""
        return jax.ShapeDtypeStruct(embeddings.shape, compute_dtype(embeddings.dtype))


@dataclass(frozen=True)
class BatchedCallback:
    """A callback under ``vmap``: one call for each batch; batch dimensions come first in every argument.

    `ranks` are the numbers of dimensions of the arguments of a single call.
    """

    function: Evaluate | Vjp
    ranks: tuple[int | None, ...]

    def __call__(self, *arguments: Any) -> Any:
        arrays = [None if x is None else np.asarray(x) for x in arguments]
        own = [() if x is None else x.shape[x.ndim - (rank or 0) :] for x, rank in zip(arrays, self.ranks)]
        pairs = list(zip(arrays, own))
        batches = np.broadcast_shapes(
            *(x.shape[: x.ndim - len(shape)] for x, shape in pairs if x is not None)
        )
        if not batches:
            return self.function(*arrays)
        views = [None if x is None else np.broadcast_to(x, batches + shape) for x, shape in pairs]
        embeddings = jax.ShapeDtypeStruct(own[1], arrays[1].dtype)  # type: ignore[union-attr]
        results = jax.tree.map(
            lambda one: np.empty(batches + one.shape, one.dtype), self.function.shapes(embeddings)
        )
        for place in np.ndindex(batches):
            result = self.function(*(None if x is None else x[place] for x in views))
            for into, one in zip(jax.tree.leaves(results), jax.tree.leaves(result)):
                into[place] = one
        return results


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def run_callback(function: Any, labels: Any, embeddings: Any, *others: Any) -> Any:
    """The result of `function`; in `shard_map`, marked as varying over the mesh axes of the embeddings."""
    arguments = (labels, embeddings, *others)
    each = BatchedCallback(function, tuple(None if x is None else x.ndim for x in arguments))
    # With vmap_method="sequential", JAX would recompile at every call outside jit.
    result = jax.pure_callback(each, function.shapes(embeddings), *arguments, vmap_method="expand_dims")
    axes = _varying(embeddings)
    return jax.tree.map(lambda x: jax.lax.pcast(x, axes, to="varying"), result) if axes else result


@run_callback.defjvp
def _(function: Any, primals: Any, tangents: Any) -> Any:
    raise NotImplementedError(NO_SECOND_DERIVATIVE)


def _varying(embeddings: Any) -> tuple[str, ...]:
    """The mesh axes over which the embeddings vary; empty before JAX 0.10, whose types do not have them."""
    kind = jax.typeof(embeddings) if hasattr(jax, "typeof") else None
    return tuple(getattr(getattr(kind, "manual_axis_type", None), "varying", ()))


def _arrays(labels: Any, embeddings: Any, weights: Any) -> tuple[Any, Any, Any]:
    w = None if weights is None else as_weights(np.asarray(weights))
    return as_labels(np.asarray(labels)), as_embeddings(np.asarray(embeddings))[0], w


def id_as_uint32(loss_id: Any) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """The id of a loss as two uint32, since JAX has no 64-bit integers without x64."""
    return np.asarray(loss_id, np.uint64).reshape(1).view(np.uint32)


def _id_from_uint32(loss_id: Any) -> int:
    return int(np.ascontiguousarray(loss_id, np.uint32).view(np.uint64)[0])


def compute_dtype(dtype: Any) -> np.dtype[Any]:
    """The type in which embeddings of a type are computed."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)
