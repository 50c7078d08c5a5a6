"""The loss of TensorFlow tensors against other rows, eager or in a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ._against import prepared
from ._arrays import as_embeddings, as_weights, cast_checked, dtype_error, shape_error
from ._labels import as_integers, as_labels_of_both
from ._loss import Loss
from ._margin import as_margin, is_fixed, is_schedule
from ._tensorflow import (
    _COMPUTE_DTYPES,
    _SUPPORTED,
    _as_input,
    _holds_tensors,
    _no_second_derivative,
    _refuse_xla,
)


def apply(
    loss: Loss, labels: Any, embeddings: Any, others: tuple[Any, Any, Any, Any], weights: Any = None
) -> Any:
    """The loss of embeddings against `others`: rows, their labels, and the ids of both sides.

    In a graph a Python function, as the loss of a batch is.
    """
    references, ref_labels, ids, ref_ids = others
    sides = [tf.convert_to_tensor(side) for side in (embeddings, references)]
    for side in sides:
        if side.dtype not in _SUPPORTED:
            raise dtype_error(side.dtype.name)
        if side.shape.rank not in (None, 2):
            raise shape_error(side.shape.as_list())
    if not tf.executing_eagerly():
        _refuse_xla()
    margin = loss.settings.margin
    if tf.executing_eagerly() or is_fixed(margin):
        margin = as_margin(margin)  # fixed now: the gradient may be computed after it has changed
    pairs = [_numbers(labels, ref_labels, ("labels", "ref_labels"))]
    pairs += [] if ids is None else [_numbers(ids, ref_ids, ("ids", "ref_ids"))]
    factors = [] if weights is None else [tf.convert_to_tensor(weights)]
    # As in `_tensorflow`: a tensor or variable is an input; what else may change is read when the graph runs.
    margins = [] if is_fixed(margin) or is_schedule(margin) else [_as_input(margin)]
    inputs = [number for pair in pairs for number in pair] + factors + margins
    computed = [_COMPUTE_DTYPES.get(side.dtype, tf.float32) for side in sides]
    per_row = loss.settings.reduction == "none"

    def arrays(x: Any, r: Any, *more: Any) -> Any:
        y, ry = more[:2]
        a, b = more[2:4] if ids is not None else (None, None)
        classes, against, _ = prepared(y, r, ry, a, b, True, ("references", "ref_labels"))
        w = as_weights(more[-1 - len(margins)]) if factors else None
        return classes, as_embeddings(x)[0], w, against

    def forward(x: Any, r: Any, *more: Any) -> Any:
        y, x, w, against = arrays(x, r, *more)
        number = as_margin(more[-1] if margins else margin)
        against = against._replace(gradient=not per_row)
        native = loss.with_margin(number).evaluate(y, x, w, gradient=not per_row, against=against)
        value = np.asarray(
            native.loss if native.losses is None else native.losses, computed[0].as_numpy_dtype
        )
        cast_checked(value, np.dtype(sides[0].dtype.as_numpy_dtype), "loss")
        if per_row:
            return value, np.float64(number)
        return value, native.gradient, native.candidate_gradient

    def vjp(x: Any, r: Any, number: Any, upstream: Any, *more: Any) -> Any:
        y, x, w, against = arrays(x, r, *more)
        up = np.asarray(upstream, np.float64)
        return loss.with_margin(float(number)).vjp_against(y, x, w, up, against)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(x: Any, r: Any) -> Any:
        if per_row:
            losses, number = tf.numpy_function(forward, [x, r, *inputs], [computed[0], tf.float64])
            losses.set_shape([x.shape[0]])

            def backward(upstream: Any) -> Any:
                found = tf.numpy_function(vjp, [x, r, number, upstream, *inputs], computed)
                return _as_gradients(found, (x, r), upstream)

            return tf.cast(losses, x.dtype), backward
        value, *found = tf.numpy_function(forward, [x, r, *inputs], [computed[0], *computed])
        value.set_shape([])

        def scaled(upstream: Any) -> Any:
            return _as_gradients([g * tf.cast(upstream, g.dtype) for g in found], (x, r))

        return tf.cast(value, x.dtype), scaled

    return run(*sides)


def _as_gradients(found: Any, sides: tuple[Any, Any], *more: Any) -> list[Any]:
    gradients = []
    for gradient, side in zip(found, sides):
        gradient.set_shape(side.shape)
        gradients.append(_no_second_derivative(tf.cast(gradient, side.dtype), *sides, *more))
    return gradients


def _numbers(first: Any, second: Any, names: tuple[str, str]) -> tuple[Any, Any]:
    """Labels or ids of both sides as tensors, in which equal numbers are equal labels."""
    if not (_holds_tensors(first) or _holds_tensors(second)):
        one, other = as_labels_of_both(first, second, names)
    else:
        # Text and dates would get numbers that have nothing to do with those of the other side.
        one, other = (
            side if _holds_tensors(side) else as_integers(side, name)
            for side, name in zip((first, second), names)
        )
    return tf.convert_to_tensor(one), tf.convert_to_tensor(other)
