"""What JAX calls back to compute the loss and its gradient.

They are values: equal ones are one entry of JAX's compilation caches, so that calls outside
``jit`` compile once for each shape, whatever loss with these settings they are of: its number is
an input, as its margin is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import monotonic, sleep
from typing import Any

import jax
import numpy as np

from ._arrays import as_embeddings, as_labels, as_weights, narrowed
from ._held import Held
from ._loss import ONCE, Settings, found, shared
from ._margin import as_margin


@dataclass(frozen=True, eq=False)
class Read:
    """A variable or function, to be read when the callback runs."""

    margin: Any


# How long a callback waits for a variable. One that is assigned while the callback's program runs
# may be computed after the program, which waits for the callback.
_PATIENCE = 5.0


_TAKEN = (
    "margin depends on a variable of the model or the optimizer, whose values Keras takes out of it while "
    "JAX trains: set loss.margin to a number, or to a keras.Variable of your own that a callback assigns"
)


def variable(margin: Any) -> Any:
    """The array in a variable of Keras's."""
    try:
        array = margin.__jax_array__()
    except TypeError as error:
        raise _as_taken(error) from error
    if isinstance(array, jax.Array) and not isinstance(array, jax.core.Tracer) and array.is_deleted():
        raise TypeError(_TAKEN)
    return array


def _as_taken(error: Exception) -> Exception:
    """What is said of a variable without a value, which Keras then calls an initializer for."""
    reasons = ("'NoneType' object is not callable", "has been deleted")
    return TypeError(_TAKEN) if any(reason in str(error) for reason in reasons) else error


def _read(source: Read) -> float:
    """The margin while a program runs, which waits for the answer."""
    margin = source.margin.value if isinstance(source.margin, Held) else source.margin
    if not hasattr(margin, "__jax_array__"):
        try:
            return as_margin(margin)
        except (TypeError, RuntimeError) as error:
            raise _as_taken(error) from error
    array = variable(margin)
    end = monotonic() + _PATIENCE
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
    """The loss and its gradient; or without the latter the loss and the margin that it is of.

    Answers with NumPy's arrays: JAX called from within a callback may wait for itself.
    """

    settings: Settings
    source: Read | None
    dtype: np.dtype[Any]
    gradient: bool

    def __call__(self, labels: Any, embeddings: Any, weights: Any, margin: Any, words: Any) -> Any:
        if self.source is not None:
            margin = _read(self.source)
        loss = found(_as_number(words), self.settings._replace(margin=float(margin)))
        computed = computed_in(self.dtype)
        outcome = loss.evaluate(*_arrays(labels, embeddings, weights), gradient=self.gradient)
        value = np.asarray(outcome.loss if outcome.losses is None else outcome.losses, computed)
        narrowed(value, self.dtype, "loss")
        return value, outcome.gradient if self.gradient else np.asarray(margin, computed)

    def shapes(self, embeddings: Any) -> Any:
        """Of what it answers."""
        computed = computed_in(self.dtype)
        rows = embeddings.shape[:1] if self.settings.reduction == "none" else ()
        other = embeddings.shape if self.gradient else ()
        return jax.ShapeDtypeStruct(rows, computed), jax.ShapeDtypeStruct(other, computed)


@dataclass(frozen=True)
class Pull:
    """The gradient for a derivative by each row's loss."""

    settings: Settings

    def __call__(self, labels: Any, embeddings: Any, weights: Any, margin: Any, upstream: Any) -> Any:
        y, x, w = _arrays(labels, embeddings, weights)
        return shared(self.settings._replace(margin=float(margin))).pull(
            y, x, w, np.asarray(upstream, np.float64)
        )

    def shapes(self, embeddings: Any) -> Any:
        """Of what it answers."""
        return jax.ShapeDtypeStruct(embeddings.shape, computed_in(embeddings.dtype))


@dataclass(frozen=True)
class Each:
    """A callback under ``vmap``: one call for each batch; arguments have dimensions before their own."""

    function: Evaluate | Pull
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
        answers = jax.tree.map(
            lambda one: np.empty(batches + one.shape, one.dtype), self.function.shapes(embeddings)
        )
        for place in np.ndindex(batches):
            answer = self.function(*(None if x is None else x[place] for x in views))
            for into, one in zip(jax.tree.leaves(answers), jax.tree.leaves(answer)):
                into[place] = one
        return answers


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def called(function: Any, labels: Any, embeddings: Any, *others: Any) -> Any:
    """What `function` answers; in `shard_map`, as varied over the mesh as the embeddings."""
    arguments = (labels, embeddings, *others)
    each = Each(function, tuple(None if x is None else x.ndim for x in arguments))
    # JAX's own loop, "sequential", would outside jit be compiled at every call.
    answer = jax.pure_callback(each, function.shapes(embeddings), *arguments, vmap_method="expand_dims")
    axes = _varying(embeddings)
    return jax.tree.map(lambda x: jax.lax.pcast(x, axes, to="varying"), answer) if axes else answer


@called.defjvp
def _(function: Any, primals: Any, tangents: Any) -> Any:
    raise NotImplementedError(ONCE)


def _varying(embeddings: Any) -> tuple[str, ...]:
    """Axes of a mesh over which they vary, as the type of JAX 0.10 says; earlier ones do not ask."""
    kind = jax.typeof(embeddings) if hasattr(jax, "typeof") else None
    return tuple(getattr(getattr(kind, "manual_axis_type", None), "varying", ()))


def _arrays(labels: Any, embeddings: Any, weights: Any) -> tuple[Any, Any, Any]:
    w = None if weights is None else as_weights(np.asarray(weights))
    return as_labels(np.asarray(labels)), as_embeddings(np.asarray(embeddings))[0], w


def as_words(number: Any) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """A loss's number as JAX can hold it without x64."""
    return np.asarray(number, np.uint64).reshape(1).view(np.uint32)


def _as_number(words: Any) -> int:
    return int(np.ascontiguousarray(words, np.uint32).view(np.uint64)[0])


def computed_in(dtype: Any) -> np.dtype[Any]:
    """The type that embeddings of a type are computed in."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)
