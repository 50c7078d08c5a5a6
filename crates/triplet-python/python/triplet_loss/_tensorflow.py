"""The loss of TensorFlow tensors, eager or in a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ._arrays import as_embeddings, as_labels, as_weights, cast_checked, dtype_error, shape_error
from ._loss import NO_SECOND_DERIVATIVE, Loss
from ._margin import as_margin, is_fixed, is_schedule

_COMPUTE_DTYPES = {tf.float64: tf.float64}
_SUPPORTED = (tf.float32, tf.float64, tf.float16, tf.bfloat16)


_UNSET = object()


def apply(loss: Loss, labels: Any, embeddings: Any, weights: Any = None, margin: Any = _UNSET) -> Any:
    """A scalar, or `[B]` without a reduction, in the embeddings' type; with another margin if given.

    In a graph the loss is a Python function (``tf.numpy_function``), which XLA cannot compile and
    a SavedModel does not contain; training with ``jit_compile=False`` needs neither. A margin that
    is a tensor or a variable is an input of that function; the margin of a loss object, and a
    margin that is a function, are read when the graph runs.
    """
    embeddings = tf.convert_to_tensor(embeddings)  # from a variable, of Keras too
    if embeddings.dtype not in _SUPPORTED:
        raise dtype_error(embeddings.dtype.name)
    if embeddings.shape.rank not in (None, 2):
        raise shape_error(embeddings.shape.as_list())
    margin = loss.settings.margin if margin is _UNSET else margin
    if not tf.executing_eagerly():
        _refuse_xla()
    if tf.executing_eagerly() or is_fixed(margin):
        margin = as_margin(
            margin
        )  # fixed now: the gradient may be computed later, after the margin has changed
        loss = loss.with_margin(margin)
    labels = tf.convert_to_tensor(labels if _holds_tensors(labels) else as_labels(labels))
    # Lists of zero or one tensor: tf.numpy_function takes tensors only, not None.
    factors = [] if weights is None else [tf.convert_to_tensor(weights)]
    margins = [] if is_fixed(margin) or is_schedule(margin) else [_as_input(margin)]
    inputs = [labels, *factors, *margins]
    computed = _COMPUTE_DTYPES.get(embeddings.dtype, tf.float32)
    per_row = loss.settings.reduction == "none"
    rows = embeddings.shape[0]

    def forward(x: Any, y: Any, *more: Any) -> Any:
        number = as_margin(more[-1] if margins else margin)
        native = loss.with_margin(number).evaluate(*_arrays(x, y, more[: len(factors)]), gradient=not per_row)
        losses = native.losses
        value = np.asarray(native.loss if losses is None else losses, computed.as_numpy_dtype)
        cast_checked(value, np.dtype(embeddings.dtype.as_numpy_dtype), "loss")
        return value, np.float64(number) if per_row else native.gradient

    def vjp(x: Any, number: Any, upstream: Any, y: Any, *more: Any) -> Any:
        y, x, w = _arrays(x, y, more[: len(factors)])
        return loss.with_margin(float(number)).vjp(y, x, w, np.asarray(upstream, np.float64))

    @tf.custom_gradient
    def run(x: Any) -> Any:
        if per_row:
            losses, number = tf.numpy_function(forward, [x, *inputs], [computed, tf.float64])
            losses.set_shape([rows])

            def backward(upstream: Any) -> Any:
                gradient = tf.numpy_function(vjp, [x, number, upstream, *inputs], computed)
                gradient.set_shape(x.shape)
                return _no_second_derivative(tf.cast(gradient, x.dtype), x, upstream)

            return tf.cast(losses, x.dtype), backward
        value, gradient = tf.numpy_function(forward, [x, *inputs], [computed, computed])
        value.set_shape([])
        gradient.set_shape(x.shape)

        def scaled_gradient(upstream: Any) -> Any:
            return _no_second_derivative(tf.cast(gradient * tf.cast(upstream, computed), x.dtype), x)

        return tf.cast(value, x.dtype), scaled_gradient

    return run(embeddings)


def _holds_tensors(labels: Any) -> bool:
    items = labels if isinstance(labels, (list, tuple)) else [labels]
    return any(tf.is_tensor(item) or hasattr(item, "__tf_tensor__") for item in items)


@tf.custom_gradient
def _no_second_derivative(gradient: Any, *_inputs: Any) -> Any:
    """The gradient as an operation on its inputs whose derivative is an error."""

    def backward(*_upstream: Any) -> Any:
        raise NotImplementedError(NO_SECOND_DERIVATIVE)

    return tf.identity(gradient), backward


def _as_input(margin: Any) -> Any:
    """A margin that is a tensor, variable or array as an input of a graph, without a derivative."""
    if not (tf.is_tensor(margin) or hasattr(margin, "__tf_tensor__")):
        margin = as_margin(margin)  # of another framework; raises for anything else
    margin = tf.stop_gradient(tf.convert_to_tensor(margin))
    if margin.shape.rank not in (None, 0):
        raise ValueError(
            f"margin has shape {margin.shape.as_list()}: expected one number, without dimensions"
        )
    if not (margin.dtype.is_floating or margin.dtype.is_integer):
        raise TypeError(f"margin has dtype {margin.dtype.name}: expected a real number")
    return tf.cast(margin, tf.float64)


def _refuse_xla() -> None:
    """Raises inside an XLA context, where TensorFlow's own error would not name the loss."""
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        context = graph._get_control_flow_context()
        while context is not None:
            if context.IsXLAContext():
                raise NotImplementedError(
                    "triplet losses are Python functions in TensorFlow's graphs, which XLA cannot compile: "
                    "compile the model, or the tf.function, with jit_compile=False"
                )
            context = context.outer_context
        graph = getattr(graph, "outer_graph", None)


def _arrays(x: Any, y: Any, w: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    return as_labels(y), as_embeddings(x)[0], as_weights(w[0]) if w else None
