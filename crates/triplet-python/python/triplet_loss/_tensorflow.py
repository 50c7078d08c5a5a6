"""The loss of TensorFlow tensors, eager or in a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ._arrays import as_embeddings, as_labels, as_weights, narrowed, wrong_dtype, wrong_shape
from ._loss import ONCE, Loss

_COMPUTED = {tf.float64: tf.float64}
_KNOWN = (tf.float32, tf.float64, tf.float16, tf.bfloat16)


def apply(loss: Loss, labels: Any, embeddings: Any, weights: Any = None) -> Any:
    """A scalar, or `[B]` without a reduction, in the embeddings' type.

    In a graph this is a Python function, which XLA cannot compile and a SavedModel does
    not hold; neither matters for training with ``jit_compile=False``.
    """
    embeddings = tf.convert_to_tensor(embeddings)  # a variable, or Keras's
    if embeddings.dtype not in _KNOWN:
        raise wrong_dtype(embeddings.dtype.name)
    if embeddings.shape.rank not in (None, 2):
        raise wrong_shape(embeddings.shape.as_list())
    labels = tf.convert_to_tensor(labels)
    # An empty list stands for no weights: a Python function takes tensors only.
    factors = [] if weights is None else [tf.convert_to_tensor(weights)]
    computed = _COMPUTED.get(embeddings.dtype, tf.float32)
    per_row = loss.settings.reduction == "none"
    rows = embeddings.shape[0]

    def forward(x: Any, y: Any, *w: Any) -> Any:
        outcome = loss.evaluate(*_arrays(x, y, w), gradient=not per_row)
        losses = outcome.losses
        value = np.asarray(outcome.loss if losses is None else losses, computed.as_numpy_dtype)
        narrowed(value, np.dtype(embeddings.dtype.as_numpy_dtype), "loss")
        return value if per_row else (value, outcome.gradient)

    def pull(x: Any, y: Any, upstream: Any, *w: Any) -> Any:
        y, x, factors = _arrays(x, y, w)
        return loss.pull(y, x, factors, np.asarray(upstream, np.float64))

    @tf.custom_gradient
    def run(x: Any) -> Any:
        if per_row:
            losses = tf.numpy_function(forward, [x, labels, *factors], computed)
            losses.set_shape([rows])

            def backward(upstream: Any) -> Any:
                gradient = tf.numpy_function(pull, [x, labels, upstream, *factors], computed)
                gradient.set_shape(x.shape)
                return _once(tf.cast(gradient, x.dtype), x)

            return tf.cast(losses, x.dtype), backward
        value, gradient = tf.numpy_function(forward, [x, labels, *factors], [computed, computed])
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


def _arrays(x: Any, y: Any, w: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    return as_labels(y), as_embeddings(x)[0], as_weights(w[0]) if w else None
