"""Embeddings, labels and weights as the arrays that the native module borrows.

An array that is already what is needed passes through untouched: f32 embeddings and int64
labels, C-contiguous, are never copied.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._containers import as_array, inexact, is_row
from ._label_errors import too_large
from ._labels import as_labels

__all__ = [
    "COMPUTED",
    "as_array",
    "as_embeddings",
    "as_labels",
    "as_weights",
    "narrowed",
    "wrong_dtype",
    "wrong_shape",
]

_F32 = np.dtype(np.float32)
_F64 = np.dtype(np.float64)
_OWN = {_F32, _F64, np.dtype(np.float16)}  # NumPy's own of those that are computed
COMPUTED = ("float32", "float64", "float16", "bfloat16")


def wrong_shape(shape: Iterable[int | None]) -> ValueError:
    """What is said of embeddings that are no matrix."""
    return ValueError(
        f"embeddings have shape {list(shape)}: expected two dimensions, [batch_size, embedding_width]"
    )


def wrong_dtype(dtype: object) -> TypeError:
    """What is said of embeddings that are no numbers of a type that is computed."""
    return TypeError(f"embeddings have dtype {dtype}: expected float32, float64, float16 or bfloat16")


def as_embeddings(values: Any) -> tuple[NDArray[Any], np.dtype[Any]]:
    """A contiguous matrix `[B, D]`, bfloat16 as its bits in uint16, and its real type.

    Integers become float32, which must hold each exactly.
    """
    if type(values) is np.ndarray and values.dtype is _F32 and values.ndim == 2:
        flags = values.flags
        if flags.c_contiguous and flags.aligned:
            return values, _F32
    array = as_array(values, "embeddings")
    if array.ndim == 1 and array.dtype == object and any(map(is_row, array)):
        array = _stacked(array.tolist())
    if array.ndim != 2:
        raise wrong_shape(array.shape)
    if array.dtype.kind in "iu":
        array = _singles(array)
    dtype = array.dtype if array.dtype.isnative else array.dtype.newbyteorder("=")
    if dtype not in _OWN and dtype.name not in COMPUTED:
        raise wrong_dtype(dtype.name)
    array = np.require(array, dtype, ["C", "A"])
    return (array if dtype in _OWN else array.view(np.uint16)), dtype


def _stacked(rows: list[Any]) -> NDArray[Any]:
    """A column of rows, as data frames have them."""
    for number, row in enumerate(rows):
        if not is_row(row):
            raise ValueError(f"embeddings[{number}] is {str(row)[:60]}: every row must be there")
    return as_array(rows, "embeddings")


def _singles(integers: NDArray[Any]) -> NDArray[np.float32]:
    """Integers as float32, which must hold each exactly."""
    singles = integers.astype(np.float32)
    bad = inexact(integers, singles)
    if bad.any():
        place = [int(i) for i in np.argwhere(bad)[0]]
        raise ValueError(
            f"embeddings{place} is {integers[tuple(place)]}: an integer that float32 cannot hold; "
            "convert the embeddings to float64"
        )
    return singles


def as_weights(values: Any) -> NDArray[np.float64]:
    """Weights of any shape; the native module knows which are right."""
    if type(values) is np.ndarray and values.dtype is _F64:
        flags = values.flags
        if flags.c_contiguous and flags.aligned:
            return values
    if isinstance(values, int):
        values = [values]  # which one is named, if NumPy has no type for it
    array = as_array(values, "sample_weight")
    if array.dtype == object:
        raise _no_weight(array.ravel())
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"sample_weight has dtype {array.dtype.name}: expected numbers")
    return np.require(array, np.float64, ["C", "A"])


def _no_weight(items: NDArray[Any]) -> Exception:
    """What is said of weights of several types, or of one that no array of numbers has."""
    for row, item in enumerate(items):
        if isinstance(item, int) and not -(2**63) <= item < 2**64:
            return too_large("sample_weight", row, item)
        if not isinstance(item, (int, float, np.number)):
            return TypeError(f"sample_weight[{row}] is of type {type(item).__name__}: expected numbers")
    return TypeError("sample_weight has dtype object: convert it to float64")


def narrowed(values: NDArray[Any], dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    """Values in a type, if it can hold them."""
    if values.dtype == dtype:
        return values
    with np.errstate(over="ignore"):
        narrow = values.astype(dtype)
    bad = ~np.isfinite(narrow)
    if bad.any():
        place = [int(i) for i in np.argwhere(bad)[0]]
        raise ValueError(
            f"the {what}{place or ''} leaves the range of {dtype.name}: scale the embeddings, the margin "
            "or the weights down, or pass float32"
        )
    return narrow
