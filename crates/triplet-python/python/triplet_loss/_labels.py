"""Labels of any kind as int64 class numbers, equal where the labels are equal.

Integers are kept. Text and bytes are numbered in the order of their first appearance; dates become
their count of time units. Integers are never converted to floats, and floats so large that distinct
integers are the same float are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timezone
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _label_errors as errors
from ._containers import as_array, is_masked, is_sequence, masked_error

_I64 = np.dtype(np.int64)
# Significant bits of floats. From 2**bits on, neighbouring integers are one float.
_BITS = {"bfloat16": 8, "float16": 11, "float32": 24}
_FLOATS = (np.float16, np.float32, np.float64, np.longdouble)
_EXPECTED = "expected integers, text, dates, or floats that are whole numbers"
_MISSING = ("NoneType", "NAType", "NaTType")


def as_labels(values: Any, what: str = "labels") -> NDArray[np.int64]:
    """Classes `[B]` of labels `[B]` or `[B, 1]`.

    Args:
        values: Integers, booleans, text, bytes or dates; or floats that are whole numbers so
            small that their type represents each exactly. A list, an array, a tensor, or a column of
            pandas, Polars or Arrow.
        what: How messages name them.

    Raises:
        ValueError: A label that is missing, not whole, or beyond 64 bits; or a wrong shape.
        TypeError: Labels of another kind, or of several kinds at once.
    """
    if type(values) is np.ndarray and values.dtype is _I64 and values.ndim == 1:
        flags = values.flags
        if flags.c_contiguous and flags.aligned:
            return values
    return _numbers(_read(values, what))[0]


def as_integers(values: Any, what: str = "labels") -> NDArray[np.int64]:
    """Labels that are integers themselves, or whole numbers, and so the same in every call.

    Raises:
        TypeError: Labels of another kind, whose numbers depend on the call.
    """
    keys = _read(values, what)
    if keys.kind != "integers":
        raise TypeError(
            f"{what} are {keys.kind}, which every batch would number anew: give each class an integer first"
        )
    return _numbers(keys)[0]


def as_labels_of_both(
    first: Any, second: Any, names: tuple[str, str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels of two sets of rows: a class has one number in both."""
    one, other = (_read(values, what) for values, what in zip((first, second), names))
    if not (one.size and other.size):
        return _numbers(one)[0], _numbers(other)[0]
    if one.kind != other.kind:
        raise TypeError(
            f"{names[0]} are {one.kind} but {names[1]} are {other.kind}: no class would be in both; "
            "convert them to one kind"
        )
    left, right = _numbers(one, other)
    return left, right


def classes(values: Any) -> tuple[NDArray[np.int64], list[str] | None]:
    """Class numbers, and for labels that are not integers the names of the classes, by class number."""
    keys = _read(values, "labels")
    numbers = _numbers(keys)[0]
    if keys.kind == "integers":
        return numbers, None
    _, rows = np.unique(numbers, return_index=True)
    names = (keys.values[row] for row in rows)
    return numbers, [
        name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in names
    ]


class _Keys(NamedTuple):
    """Labels of one kind: arrays of int64 or datetime64, or a list of hashable items."""

    kind: str
    values: Any

    @property
    def size(self) -> int:
        return len(self.values)


def _numbers(*several: _Keys) -> list[NDArray[np.int64]]:
    kind = several[0].kind
    if kind == "integers":
        return [keys.values for keys in several]
    if kind == "dates":
        return [np.ascontiguousarray(dates).view(np.int64) for dates in _in_one_unit(several)]
    numbers: dict[Any, int] = {}
    return [
        np.fromiter((numbers.setdefault(item, len(numbers)) for item in keys.values), np.int64, keys.size)
        for keys in several
    ]


def _in_one_unit(several: Sequence[_Keys]) -> list[NDArray[Any]]:
    unit = np.result_type(*(keys.values for keys in several))
    return [_in_unit(keys.values, unit) for keys in several]


def _in_unit(dates: NDArray[Any], unit: np.dtype[Any]) -> NDArray[Any]:
    """The same dates in a finer unit, or an error: NumPy 2.5 has one too, NumPy before lets them go round."""
    try:
        converted = dates.astype(unit)
        fits = bool((converted.astype(dates.dtype) == dates).all())
    except OverflowError:
        fits = False
    if not fits:
        raise ValueError(f"dates leave the range of {unit.name}: convert them to a coarser unit")
    return converted


def _read(values: Any, what: str) -> _Keys:
    if is_sequence(values):
        return _from_items(_listed(values, list, what), what)
    names = getattr(values, "columns", ()) if hasattr(type(values), "columns") else ()
    if len(names) > 1:
        raise TypeError(f"{what} are a table of {len(names)} columns: pass the one that holds them")
    array = as_array(values, what)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise errors.shape_error(array.shape, what)
    kind, name = array.dtype.kind, array.dtype.name
    if kind in "biu" or (kind == "V" and re.fullmatch(r"u?int\d+", name)):
        return _Keys("integers", _from_integers(array, what))
    if array.dtype.type in _FLOATS or name == "bfloat16":
        return _Keys("integers", _from_floats(array, what))
    if kind == "M":
        missing = np.isnat(array)
        if missing.any():
            raise errors.missing(what, int(np.argmax(missing)), "NaT")
        return _Keys("dates", array.astype(array.dtype.newbyteorder("=")))
    if kind == "T":  # NumPy's variable-length text, which may contain missing values
        array = array.astype(object)
    elif kind not in "OSU":
        raise TypeError(f"{what} have dtype {name}: {_EXPECTED}")
    return _from_items(_listed(array, np.ndarray.tolist, what), what)


def _listed(values: Any, listing: Callable[[Any], list[Any]], what: str) -> list[Any]:
    try:
        return listing(values)
    except MemoryError:
        raise MemoryError(f"{what}: there is no memory for a list of {len(values)} items") from None


def _from_integers(array: NDArray[Any], what: str) -> NDArray[np.int64]:
    whole = array.astype(np.int64)
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and whole.size and whole.min() < 0:
        row = int(np.argmax(whole < 0))
        raise errors.too_large(what, row, array[row])
    return np.ascontiguousarray(whole)


def _from_floats(array: NDArray[Any], what: str) -> NDArray[np.int64]:
    # Types wider than float64 are not converted.
    floats = array if array.dtype.itemsize > 8 else array.astype(np.float64)
    bits = _BITS.get(array.dtype.name, 53)
    bad = ~(np.abs(floats) < 2.0**bits) | (floats != np.trunc(floats))
    if bad.any():
        row = int(np.argmax(np.isnan(floats) if np.isnan(floats).any() else bad))
        raise errors.not_whole(what, row, floats[row], array.dtype.name, bits)
    return floats.astype(np.int64)


def _from_items(items: list[Any], what: str) -> _Keys:
    """Labels of lists and of object arrays, item by item."""
    types = set(map(type, items))
    if any(map(is_masked, types)):
        raise masked_error(what)
    missing = [t for t in types if t.__name__ in _MISSING]
    if missing:
        row = next(row for row, item in enumerate(items) if type(item) in missing)
        raise errors.missing(what, row, items[row])
    if any(issubclass(t, (list, tuple)) or _has_shape(t) for t in types):
        return _from_items([_single(item, row, len(items), what) for row, item in enumerate(items)], what)
    named = {t: _kind(t) for t in types}
    kinds = set(named.values())
    if "" in kinds:
        row = next(row for row, item in enumerate(items) if not named[type(item)])
        raise TypeError(
            f"{what}[{row}] is of type {type(items[row]).__name__}: {_EXPECTED}; convert them to text"
        )
    if "floats" in kinds:  # pandas represents missing text by NaN
        row = next((row for row, item in enumerate(items) if item != item), -1)
        if row >= 0:
            raise errors.missing(what, row, items[row])
    if kinds <= {"integers", "floats"} or kinds == {"booleans"}:
        return _Keys("integers", _from_numbers(items, types, kinds, what))
    if len(kinds) > 1:
        raise errors.mixed(items, named, what)
    if kinds == {"dates"}:
        return _from_dates(items, what)
    kind = kinds.pop()
    if not types <= {str, bytes}:  # subclasses, such as Enum members, may hash differently from their text
        items = [str.__str__(item) if kind == "text" else bytes(item) for item in items]
    return _Keys(kind, items)


def _has_shape(kind: type) -> bool:
    """Whether a type is an array or tensor, not a NumPy scalar."""
    return hasattr(kind, "shape") and not issubclass(kind, np.generic)


def _single(item: Any, row: int, rows: int, what: str) -> Any:
    """The single label in a row of `[B, 1]` or in an array without dimensions."""
    if isinstance(item, (list, tuple)):
        if len(item) != 1:
            raise errors.shape_error((rows, len(item)), what)
        if is_masked(type(item[0])):
            raise masked_error(what)
        if isinstance(item[0], (list, tuple)) or _has_shape(type(item[0])):
            raise errors.shape_error((rows, 1, np.size(item[0])), what)
        return item[0]
    if not _has_shape(type(item)):
        return item
    array = as_array(item, f"{what}[{row}]")
    if array.shape not in ((), (1,)):
        raise errors.shape_error((rows, *array.shape), what)
    return array.reshape(())[()]


def _kind(kind: type) -> str:
    """The kind of labels that a type holds; empty for an unsupported type."""
    if issubclass(kind, (bool, np.bool_)):
        return "booleans"
    if issubclass(kind, (date, np.datetime64)):
        return "dates"
    if issubclass(kind, (int, np.integer)) and not issubclass(kind, np.timedelta64):
        return "integers"
    if issubclass(kind, (float, np.floating)) or kind.__name__ in _BITS:
        return "floats"
    if issubclass(kind, str):
        return "text"
    return "bytes" if issubclass(kind, bytes) else ""


def _from_numbers(items: list[Any], types: set[type], kinds: set[str], what: str) -> NDArray[np.int64]:
    if kinds == {"floats"} and len(types) == 1:
        return _from_floats(np.array(items), what)
    if "floats" in kinds:
        for row, item in enumerate(items):
            if _kind(type(item)) == "floats":
                _check(item, row, what)
    whole = items if types <= {int, bool} else [int(item) for item in items]
    try:
        return np.array(whole, np.int64)
    except OverflowError:
        row = next(row for row, value in enumerate(whole) if not -(2**63) <= value < 2**63)
        raise errors.too_large(what, row, whole[row]) from None


def _check(item: Any, row: int, what: str) -> None:
    """Refuses a float that is not a whole number, or too large to be a unique one."""
    name = np.asarray(item).dtype.name
    bits = _BITS.get(name, 53)
    if not (abs(item) < 2.0**bits and item == int(item)):
        raise errors.not_whole(what, row, item, name, bits)


def _in_utc(item: Any, row: int, what: str) -> Any:
    try:
        return item.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError(f"{what}[{row}] is {item}: in UTC it leaves the range of dates") from None


def _from_dates(items: list[Any], what: str) -> _Keys:
    zoned = [getattr(item, "tzinfo", None) is not None for item in items]
    if all(zoned):  # compared as instants: local times repeat where clocks are set back
        return _Keys("dates with a time zone", [_in_utc(item, row, what) for row, item in enumerate(items)])
    if any(zoned):
        row = zoned.index(not zoned[0])
        raise TypeError(f"{what} mix dates with and without a time zone: see rows 0 and {row}")
    given = (item.to_datetime64() if hasattr(item, "to_datetime64") else item for item in items)
    stamps = [np.datetime64(stamp) for stamp in given]
    missing = [bool(np.isnat(stamp)) for stamp in stamps]
    if any(missing):
        raise errors.missing(what, missing.index(True), "NaT")
    units = {stamp.dtype for stamp in stamps}
    if len(units) == 1:
        return _Keys("dates", np.array(stamps))
    unit = np.result_type(*units)
    return _Keys("dates", np.concatenate([_in_unit(np.array([stamp]), unit) for stamp in stamps]))
