"""Whatever holds values, as a NumPy array: over the same memory where that is possible.

Tables and columns of pandas, Polars and Arrow are known by what they offer; none of these
libraries is imported here.
"""

from __future__ import annotations

import re
import sys
from array import array as Buffer
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CPU = (1, 3)  # kDLCPU, kDLCUDAHost
# Element types that DLPack carries. TensorFlow ends the process when it is asked for others.
_CARRIED = re.compile(r"u?int\d+|float\d+|complex\d+|bool")


def as_array(values: Any, what: str) -> NDArray[Any]:
    """A NumPy array over the memory of anything with DLPack, the buffer protocol or items."""
    if isinstance(values, np.ndarray):
        if is_masked(type(values)):
            raise masked(what)
        return np.asarray(values)  # np.matrix would stay a matrix when it is sliced
    if is_sequence(values):
        _refuse_masks(values, what)
        return _asked(values, what)
    # Of the type, since a column of pandas has its rows' names as attributes.
    if hasattr(type(values), "columns"):
        return _from_table(values, what)
    if hasattr(type(values), "null_count"):
        return _from_column(values, what)
    if hasattr(values, "__dlpack__"):
        dtype = getattr(values, "dtype", None)  # Arrow's tensors have another name for it
        name = str(getattr(dtype, "name", dtype)).rpartition(".")[2]
        try:
            kind, index = values.__dlpack_device__()
        except Exception as error:  # each library has exceptions of its own
            raise unreadable(what, error) from error
        if kind not in _CPU:
            raise TypeError(
                f"{what} are on another device than the CPU (DLPack device {int(kind)}:{index}): "
                "copy them to the CPU first"
            )
        if hasattr(values, "resolve_neg"):  # torch's views with another sign, which DLPack does not know
            values = values.resolve_conj().resolve_neg()
        if name == "bfloat16":  # NumPy knows no such DLPack type
            return _as_bfloat16(values, what)
        if _CARRIED.fullmatch(name):
            try:
                return np.from_dlpack(values)
            except (BufferError, RuntimeError, TypeError) as error:
                raise unreadable(what, error) from error
    nullable = getattr(getattr(values, "dtype", None), "numpy_dtype", None)
    if nullable is not None and nullable.kind == "f":
        # pandas' Float32 and the like: what is missing is NaN, which is named later.
        return np.asarray(values.to_numpy(dtype=nullable, na_value=np.nan))
    array = _asked(values, what)
    if array.ndim == 0 and array.dtype == object:
        raise TypeError(f"{what}: a {type(values).__name__} is neither an array nor a list")
    return array


def is_sequence(values: Any) -> bool:
    """Whether values are a list, a tuple, a range or the like, whose items may be anything."""
    if isinstance(values, (list, tuple)):
        return True
    flat = (str, bytes, bytearray, memoryview, Buffer)
    return isinstance(values, Sequence) and not isinstance(values, flat) and not hasattr(values, "__array__")


def is_masked(kind: type) -> bool:
    """Whether objects of a type are masked arrays. NumPy imports that module when it is asked for it."""
    module = sys.modules.get("numpy.ma")
    return module is not None and issubclass(kind, module.MaskedArray)


def masked(what: str) -> TypeError:
    """What is said of masked arrays."""
    return TypeError(f"{what} are a masked array, whose mask would be ignored: pass the rows that count")


def unreadable(what: str, error: BaseException) -> TypeError:
    """What is said of values that their own library cannot give as an array."""
    text = " ".join(str(error).split())
    return TypeError(f"{what} cannot be read as an array: {text[:300]}")


def _refuse_masks(items: Any, what: str) -> None:
    """Looks for masked arrays in lists of any depth."""
    kinds = set(map(type, items))
    if any(map(is_masked, kinds)):
        raise masked(what)
    if any(map(_gives_array, kinds)):
        for item in items:
            if _gives_array(type(item)):
                _asked(item, what)
    if any(issubclass(kind, (list, tuple)) for kind in kinds):
        for item in items:
            if isinstance(item, (list, tuple)):
                _refuse_masks(item, what)


def _gives_array(kind: type) -> bool:
    """Whether objects of a type know an array that might be a masked one."""
    known = issubclass(kind, (np.ndarray, np.generic)) or hasattr(kind, "__dlpack__")
    return hasattr(kind, "__array__") and not known


def _asked(values: Any, what: str) -> NDArray[Any]:
    try:
        array = np.asanyarray(values)
    except MemoryError:
        raise
    except Exception as error:  # each library has exceptions of its own
        raise unreadable(what, error) from error
    if is_masked(type(array)):
        raise masked(what)
    return np.asarray(array)


def _from_column(column: Any, what: str) -> NDArray[Any]:
    """A column of Arrow or Polars; nulls become NaN or None."""
    width = getattr(getattr(column, "type", None), "list_size", None)
    if width and column.null_count == 0:  # Arrow's lists of one length
        whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
        return as_array(whole.flatten(), what).reshape(-1, width)
    return _asked(column, what)


def _from_table(table: Any, what: str) -> NDArray[Any]:
    """A data frame, its columns side by side in the type that holds them all."""
    if hasattr(table, "to_numpy") and hasattr(table, "items"):  # pandas
        array = _asked(table, what)
        if array.dtype.kind in "iuf" and len(set(table.dtypes)) == 1:
            return array
    columns = [(name, as_array(column, what)) for name, column in _columns(table)]
    if len(columns) == 1:
        only = columns[0][1]
        holds_rows = only.ndim > 1 or (only.dtype == object and any(map(is_row, only)))
        return only if holds_rows else only[:, None]
    for name, column in columns:
        if column.dtype.kind not in "iuf" or column.ndim != 1:
            raise TypeError(
                f"{what}: column {str(name)[:80]!r} has dtype {column.dtype.name}: expected numbers; "
                "pass the numeric columns only"
            )
    dtype = np.result_type(*(column.dtype for _, column in columns)) if columns else np.dtype(np.float64)
    whole = np.empty((len(table) if not columns else len(columns[0][1]), len(columns)), dtype)
    for place, (name, column) in enumerate(columns):
        whole[:, place] = column
        if column.dtype.kind in "iu" and dtype.kind == "f":
            bad = inexact(column, whole[:, place])
            if bad.any():
                row = int(np.argmax(bad))
                raise ValueError(
                    f"{what}: column {str(name)[:80]!r} is {column[row]} in row {row}: an integer that "
                    f"{dtype.name}, the type of all columns together, cannot hold"
                )
    return whole


def inexact(integers: NDArray[Any], floats: NDArray[Any]) -> NDArray[np.bool_]:
    """Which integers are not the floats that they became."""
    # Where conversions saturate, the first float beyond the type comes back as its last integer.
    end = 2.0 ** (8 * integers.dtype.itemsize - (integers.dtype.kind == "i"))
    with np.errstate(invalid="ignore"):
        bad: NDArray[np.bool_] = (floats.astype(integers.dtype) != integers) | (floats >= end)
    return bad


def is_row(item: Any) -> bool:
    """Whether an item of a column is a row of a matrix."""
    return isinstance(item, (list, tuple)) or getattr(item, "ndim", 0) == 1


def _columns(table: Any) -> Iterable[tuple[Any, Any]]:
    """Names and columns of a pandas or Polars data frame, or of an Arrow table."""
    if hasattr(table, "get_columns"):  # Polars
        return zip(table.columns, table.get_columns())
    if hasattr(table, "column_names"):  # Arrow
        return zip(table.column_names, table.columns)
    if hasattr(table, "items"):  # pandas
        return [*table.items()]
    raise TypeError(f"a {type(table).__name__} holds no rows yet: collect or compute it first")


def _as_bfloat16(values: Any, what: str) -> NDArray[Any]:
    """Of JAX, which knows how, or of torch, whose bits are looked at."""
    try:
        import ml_dtypes
    except ImportError:
        raise TypeError(
            f"{what} have dtype bfloat16, which NumPy has from ml_dtypes: pip install ml_dtypes, "
            "pass float32, or use triplet_loss.torch"
        ) from None
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        bits: NDArray[Any] = values.detach().contiguous().view(torch.int16).numpy()
        return bits.view(ml_dtypes.bfloat16)
    return np.asarray(values)
