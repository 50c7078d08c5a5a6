"""The errors for invalid labels; each message names the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def shown(value: Any) -> str:
    """A value for a message, truncated if it is long."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    text = repr(value) if isinstance(value, (str, bytes)) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def missing(what: str, row: int, value: Any) -> ValueError:
    """A missing label."""
    return ValueError(
        f"{what}[{row}] is {value}: a missing value is no class; drop the row or name its class"
    )


def too_large(what: str, row: int, value: Any) -> ValueError:
    """A label beyond the range of int64."""
    return ValueError(f"{what}[{row}] is {shown(value)}: {what} must fit into 64 bits with a sign")


def not_whole(what: str, row: int, value: Any, dtype: str, bits: int) -> ValueError:
    """A float that is not a whole number, or so large that neighbouring integers are the same float."""
    if value != value:
        return missing(what, row, value)
    return ValueError(
        f"{what}[{row}] is {value}: {what} of dtype {dtype} must be whole numbers below 2**{bits}, "
        "from where on neighbours are one float; pass integers or text"
    )


def mixed(items: list[Any], named: dict[type, str], what: str) -> TypeError:
    """Labels of several kinds, by the kinds' names."""
    first = named[type(items[0])]
    row = next(row for row, item in enumerate(items) if named[type(item)] != first)
    return TypeError(
        f"{what} mix {first} and {named[type(items[row])]} ({what}[0] is {shown(items[0])}, "
        f"{what}[{row}] is {shown(items[row])}): convert them to one kind"
    )


def shape_error(shape: Sequence[int], what: str) -> ValueError:
    """Labels of a shape other than one label a row."""
    return ValueError(f"{what} have shape {list(shape)}: expected [batch_size] or [batch_size, 1]")
