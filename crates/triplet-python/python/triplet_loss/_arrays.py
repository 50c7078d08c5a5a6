"""Embeddings, labels and weights as the arrays that the native module borrows.

C-contiguous, aligned float32 embeddings and int64 labels are returned as they are, without a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._containers import as_array, inexact, is_row
from ._label_errors import too_large
from ._labels import as_labels

__all__ = [
    "SUPPORTED_DTYPES",
    "as_array",
    "as_embeddings",
    "as_floats",
    "as_labels",
    "as_weights",
    "cast_checked",
    "dtype_error",
    "naming",
    "refuse_overflow",
    "shape_error",
]

_F32 = np.dtype(np.float32)
_F64 = np.dtype(np.float64)
_NUMPY_DTYPES = {_F32, _F64, np.dtype(np.float16)}  # the supported types that NumPy itself defines
SUPPORTED_DTYPES = ("float32", "float64", "float16", "bfloat16")


def shape_error(shape: Iterable[int | None]) -> ValueError:
    """The error for embeddings that are not a matrix, or one without columns."""
    sizes = list(shape)
    two = "expected two dimensions, [batch_size, embedding_width]"
    reason = "the embedding width must be at least 1" if len(sizes) == 2 else two
    return ValueError(f"embeddings have shape {sizes}: {reason}")


def dtype_error(dtype: object) -> TypeError:
    """The error for embeddings of an unsupported type."""
    return TypeError(f"embeddings have dtype {dtype}: expected float32, float64, float16 or bfloat16")


def as_embeddings(values: Any) -> tuple[NDArray[Any], np.dtype[Any]]:
    """A contiguous matrix `[B, D]` (bfloat16 as its bits in uint16) and the type of the embeddings.

    Integers are converted to float32; one that float32 cannot represent exactly is an error.
    """
    if type(values) is np.ndarray and values.dtype is _F32 and values.ndim == 2:
        flags = values.flags
        if flags.c_contiguous and flags.aligned:
            return values, _F32
    try:
        array = as_array(values, "embeddings")
    except TypeError:
        if isinstance(values, (list, tuple)) and all(is_row(row) or row is None for row in values):
            _check_rows(values)
        raise
    if array.ndim == 1 and array.dtype == object and any(map(is_row, array)):
        rows = array.tolist()
        _check_rows(rows)
        array = as_array(rows, "embeddings")
    if array.ndim != 2:
        raise shape_error(array.shape)
    if array.dtype.kind in "iu":
        array = _exact_float32(array)
    dtype = array.dtype if array.dtype.isnative else array.dtype.newbyteorder("=")
    if dtype not in _NUMPY_DTYPES and dtype.name not in SUPPORTED_DTYPES:
        raise dtype_error(dtype.name)
    array = np.require(array, dtype, ["C", "A"])
    return (array if dtype in _NUMPY_DTYPES else array.view(np.uint16)), dtype


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Begins errors with the name of an argument that is not called embeddings."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"in {name}: {error}") from None


def as_floats(values: Any) -> NDArray[Any]:
    """Embeddings of NumPy and lists for a framework that converts them: floats of native byte order."""
    array = as_array(values, "embeddings")
    if array.dtype.name not in SUPPORTED_DTYPES:
        raise dtype_error(array.dtype.name)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def refuse_overflow(array: NDArray[Any], dtype: str) -> None:
    """Refuses numbers that are infinite in the type that a framework converts them to."""
    if array.dtype != np.float64 or dtype not in ("float32", "float16"):
        return
    with np.errstate(over="ignore"):
        bad = np.isfinite(array) & ~np.isfinite(array.astype(dtype))
    if bad.any():
        place = [int(i) for i in np.argwhere(bad)[0]]
        raise ValueError(
            f"embeddings{place} is {array[tuple(place)]}, beyond the range of {dtype}: "
            "scale the embeddings down"
        )


def _check_rows(rows: Sequence[Any]) -> None:
    """Refuses rows that are not there, or not all of one width."""
    for number, row in enumerate(rows):
        if not is_row(row):
            raise ValueError(f"embeddings[{number}] is {str(row)[:60]}: every row must be there")
        if len(row) != len(rows[0]):
            raise TypeError(
                f"embeddings cannot be read as an array: embeddings[{number}] has {len(row)} values, and "
                f"embeddings[0] has {len(rows[0])}; give rows of one width"
            )


def _exact_float32(integers: NDArray[Any]) -> NDArray[np.float32]:
    """Integers as float32; one that float32 cannot represent exactly is an error."""
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
    """Weights as contiguous float64 of any shape; the native module checks shape and values."""
    if type(values) is np.ndarray and values.dtype is _F64:
        flags = values.flags
        if flags.c_contiguous and flags.aligned:
            return values
    is_integer = isinstance(values, int)
    # As a list, so that the error for an integer beyond NumPy's types names its index.
    array = as_array([values] if is_integer else values, "sample_weight")
    if array.dtype == object:
        raise _weight_error(array.ravel())
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"sample_weight has dtype {array.dtype.name}: expected numbers")
    return np.require(array.reshape(()) if is_integer else array, np.float64, ["C", "A"])


def _weight_error(items: NDArray[Any]) -> Exception:
    """The error for weights of mixed types, or of a type without a numeric array."""
    for row, item in enumerate(items):
        if isinstance(item, int) and not -(2**63) <= item < 2**64:
            return too_large("sample_weight", row, item)
        if not isinstance(item, (int, float, np.number)):
            return TypeError(f"sample_weight[{row}] is of type {type(item).__name__}: expected numbers")
    return TypeError("sample_weight has dtype object: convert it to float64")


def cast_checked(values: NDArray[Any], dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    """Values converted to a type; one that is not finite there is an error."""
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
