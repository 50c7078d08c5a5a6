"""The loss of TensorFlow tensors, eager or in a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ._arrays import as_embeddings, as_labels, as_weights, narrowed, wrong_dtype, wrong_shape
from ._loss import ONCE, Loss
from ._margin import as_margin

_COMPUTED = {tf.float64: tf.float64}
_KNOWN = (tf.float32, tf.float64, tf.float16, tf.bfloat16)


def apply(loss: Loss, labels: Any, embeddings: Any, weights: Any = None) -> Any:
    """A scalar, or `[B]` without a reduction, in the embeddings' type.

    In a graph this is a Python function, which XLA cannot compile and a SavedModel does
    not hold; neither matters for training with ``jit_compile=False``. A margin that is a
    number's place or a function is read when the graph runs; a tensor or a variable is an input.
    """
    embeddings = tf.convert_to_tensor(embeddings)  # a variable, or Keras's
    if embeddings.dtype not in _KNOWN:
        raise wrong_dtype(embeddings.dtype.name)
    if embeddings.shape.rank not in (None, 2):
        raise wrong_shape(embeddings.shape.as_list())
    if tf.executing_eagerly():
        loss = loss.now()  # the gradient, which may be asked for later, is that of this margin
    else:
        _refuse_xla()
    labels = tf.convert_to_tensor(labels)
    # An empty list stands for none: a Python function takes tensors only.
    factors = [] if weights is None else [tf.convert_to_tensor(weights)]
    margins = [_constant(loss.settings.margin)] if tf.is_tensor(loss.settings.margin) else []
    inputs = [labels, *factors, *margins]
    computed = _COMPUTED.get(embeddings.dtype, tf.float32)
    per_row = loss.settings.reduction == "none"
    rows = embeddings.shape[0]

    def forward(x: Any, y: Any, *more: Any) -> Any:
        margin = as_margin(more[-1] if margins else loss.settings.margin)
        outcome = loss.at(margin).evaluate(*_arrays(x, y, more[: len(factors)]), gradient=not per_row)
        losses = outcome.losses
        value = np.asarray(outcome.loss if losses is None else losses, computed.as_numpy_dtype)
        narrowed(value, np.dtype(embeddings.dtype.as_numpy_dtype), "loss")
        return value, np.float64(margin) if per_row else outcome.gradient

    def pull(x: Any, margin: Any, upstream: Any, y: Any, *more: Any) -> Any:
        y, x, w = _arrays(x, y, more[: len(factors)])
        return loss.at(float(margin)).pull(y, x, w, np.asarray(upstream, np.float64))

    @tf.custom_gradient
    def run(x: Any) -> Any:
        if per_row:
            losses, margin = tf.numpy_function(forward, [x, *inputs], [computed, tf.float64])
            losses.set_shape([rows])

            def backward(upstream: Any) -> Any:
                gradient = tf.numpy_function(pull, [x, margin, upstream, *inputs], computed)
                gradient.set_shape(x.shape)
                return _once(tf.cast(gradient, x.dtype), x)

            return tf.cast(losses, x.dtype), backward
        value, gradient = tf.numpy_function(forward, [x, *inputs], [computed, computed])
        value.set_shape([])
        gradient.set_shape(x.shape)

        def scaled(upstream: Any) -> Any:
            return _once(tf.cast(gradient * tf.cast(upstream, computed), x.dtype), x)

        return tf.cast(value, x.dtype), scaled

    return run(embeddings)


@tf.custom_gradient
def _once(gradient: Any, _embeddings: Any) -> Any:
    """The gradient, for TensorFlow a function of the embeddings without a derivative."""

    def backward(_upstream: Any) -> Any:
        raise NotImplementedError(ONCE)

    return tf.identity(gradient), backward


@tf.custom_gradient
def _constant(margin: Any) -> Any:
    """A margin in a graph, by which there is no derivative."""
    margin = tf.convert_to_tensor(margin)
    if margin.shape.rank not in (None, 0):
        raise ValueError(f"margin has shape {margin.shape.as_list()}: expected one number, without dimensions")
    if not (margin.dtype.is_floating or margin.dtype.is_integer):
        raise TypeError(f"margin has dtype {margin.dtype.name}: expected a real number")

    def backward(_upstream: Any) -> Any:
        raise NotImplementedError("the derivative by the margin is not computed: tf.stop_gradient(margin)")

    return tf.cast(margin, tf.float64), backward


def _refuse_xla() -> None:
    """Python functions cannot be compiled; XLA would say so in words that name nothing of ours."""
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
