"""Arrays, tensors, lists, tables and columns as NumPy arrays, sharing memory where possible.

Tables and columns of pandas, Polars and Arrow are recognised by their attributes; none of these
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
# Element types that DLPack supports. TensorFlow aborts the process when another one is exported.
_DLPACK_DTYPES = re.compile(r"u?int\d+|float\d+|complex\d+|bool")


def as_array(values: Any, what: str) -> NDArray[Any]:
    """A NumPy array over the memory of anything with DLPack, the buffer protocol or items."""
    if isinstance(values, np.ndarray):
        if is_masked(type(values)):
            raise masked_error(what)
        return np.asarray(values)  # slices of np.matrix would keep two dimensions
    if is_sequence(values):
        _refuse_masks(values, what)
        return _to_numpy(values, what)
    # On the type: a pandas column has an attribute for each name in its index.
    if hasattr(type(values), "columns"):
        return _from_table(values, what)
    if hasattr(type(values), "null_count"):
        return _from_column(values, what)
    if hasattr(values, "__dlpack__"):
        dtype = getattr(values, "dtype", None)  # absent from Arrow's tensors
        name = str(getattr(dtype, "name", dtype)).rpartition(".")[2]
        try:
            kind, index = values.__dlpack_device__()
        except Exception as error:  # each library has exceptions of its own
            raise unreadable_error(what, error) from error
        if kind not in _CPU:
            raise TypeError(
                f"{what} are on another device than the CPU (DLPack device {int(kind)}:{index}): "
                "copy them to the CPU first"
            )
        if hasattr(
            values, "resolve_neg"
        ):  # torch's lazily negated and conjugated views, which DLPack does not support
            values = values.resolve_conj().resolve_neg()
        if name == "bfloat16":  # which NumPy's from_dlpack refuses
            return _as_bfloat16(values, what)
        if _DLPACK_DTYPES.fullmatch(name):
            try:
                return np.from_dlpack(values)
            except (BufferError, RuntimeError, TypeError) as error:
                raise unreadable_error(what, error) from error
    nullable = getattr(getattr(values, "dtype", None), "numpy_dtype", None)
    if nullable is not None and nullable.kind == "f":
        # Nullable floats of pandas: missing values become NaN, which a later check reports.
        return np.asarray(values.to_numpy(dtype=nullable, na_value=np.nan))
    array = _to_numpy(values, what)
    if array.ndim == 0 and array.dtype == object:
        raise TypeError(f"{what}: a {type(values).__name__} is neither an array nor a list")
    return array


def is_sequence(values: Any) -> bool:
    """Whether values are a list, a tuple, a range or another sequence of arbitrary items."""
    if isinstance(values, (list, tuple)):
        return True
    flat = (str, bytes, bytearray, memoryview, Buffer)
    return isinstance(values, Sequence) and not isinstance(values, flat) and not hasattr(values, "__array__")


def is_masked(kind: type) -> bool:
    """Whether a type is a masked array. NumPy imports `numpy.ma` lazily, so it may not be loaded."""
    module = sys.modules.get("numpy.ma")
    return module is not None and issubclass(kind, module.MaskedArray)


def masked_error(what: str) -> TypeError:
    """The error for masked arrays."""
    return TypeError(f"{what} are a masked array, whose mask would be ignored: pass the rows that count")


def unreadable_error(what: str, error: BaseException) -> TypeError:
    """The error for values that their own library fails to convert to an array."""
    text = " ".join(str(error).split())
    return TypeError(f"{what} cannot be read as an array: {text[:300]}")


def _refuse_masks(items: Any, what: str) -> None:
    """Refuses masked arrays in nested lists of any depth."""
    kinds = set(map(type, items))
    if any(map(is_masked, kinds)):
        raise masked_error(what)
    if any(map(_may_give_masked, kinds)):
        for item in items:
            if _may_give_masked(type(item)):
                _to_numpy(item, what)
    if any(issubclass(kind, (list, tuple)) for kind in kinds):
        for item in items:
            if isinstance(item, (list, tuple)):
                _refuse_masks(item, what)


def _may_give_masked(kind: type) -> bool:
    """Whether the `__array__` of a type may return a masked array."""
    known = issubclass(kind, (np.ndarray, np.generic)) or hasattr(kind, "__dlpack__")
    return hasattr(kind, "__array__") and not known


def _to_numpy(values: Any, what: str) -> NDArray[Any]:
    try:
        array = np.asanyarray(values)
    except MemoryError:
        raise
    except Exception as error:  # each library has exceptions of its own
        raise unreadable_error(what, error) from error
    if is_masked(type(array)):
        raise masked_error(what)
    return np.asarray(array)


def _from_column(column: Any, what: str) -> NDArray[Any]:
    """A column of Arrow or Polars; nulls become NaN or None."""
    width = getattr(getattr(column, "type", None), "list_size", None)
    if width and column.null_count == 0:  # Arrow's lists of one length
        whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
        return as_array(whole.flatten(), what).reshape(-1, width)
    return _to_numpy(column, what)


def _from_table(table: Any, what: str) -> NDArray[Any]:
    """The columns of a data frame as a matrix of their common type."""
    if hasattr(table, "to_numpy") and hasattr(table, "items"):  # pandas
        array = _to_numpy(table, what)
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
    """Which integers differ from the floats that they were converted to."""
    # A saturating conversion maps the first float beyond the integer type to its largest integer.
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
    """bfloat16 values: of JAX by its own conversion, of torch by reinterpreting the bits."""
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
