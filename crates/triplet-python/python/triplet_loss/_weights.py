"""Checks of the weights that Keras, not the engine, multiplies by the losses of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _engine
from ._arrays import as_weights
from ._frameworks import framework_of
from ._loss import Settings, cached_loss


def check_weights(weights: Any, rows: int | None) -> None:
    """Raises the engine's error for weights of another shape than `[]`, `[rows]` or `[rows, 1]`.

    And for values that are negative or not finite. While a graph is traced, values and some shapes
    are unknown and are not checked.
    """
    if weights is None or rows is None:
        return
    values = _values(weights)
    if values is None:
        shape = getattr(weights, "shape", None)
        known = shape is not None and getattr(shape, "rank", 0) is not None
        sizes = tuple(shape) if shape is not None and known else ()
        if any(size is None for size in sizes):
            sizes = ()
        values = np.zeros(sizes)
    if values.shape in ((), (rows,), (rows, 1)) and np.all(np.isfinite(values) & (values >= 0)):
        return
    # A batch of distinct classes, whose loss is 0: the engine raises its error for the weights.
    plan = cached_loss(Settings()).plan
    _engine.engine.evaluate(
        plan, np.arange(rows), np.zeros((rows, 1), np.float32), np.require(values, None, "C"), False, False, 0
    )


def _values(weights: Any) -> NDArray[np.float64] | None:
    """Weights as an array; None for tensors of a graph that is being traced."""
    framework = framework_of(weights)
    if framework is None and hasattr(weights, "assign"):  # Keras's variable
        return _values(weights.value)
    if framework == "torch":
        from .torch._modes import is_traced
        from .torch._tensors import weights_array

        return None if is_traced(weights) else weights_array(weights)
    if framework == "jax":
        import jax

        return None if isinstance(weights, jax.core.Tracer) else as_weights(np.asarray(weights))
    if framework == "tensorflow":
        import tensorflow as tf

        is_known = tf.executing_eagerly() and hasattr(weights, "numpy")
        return as_weights(weights.numpy()) if is_known else None
    return as_weights(weights)
