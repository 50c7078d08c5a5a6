"""Checks of single arguments: each error names the argument, what it is, and what is expected."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from ._label_errors import shown


def flag(value: Any, name: str) -> bool:
    """A boolean. Text is refused: any but the empty one counts as True."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(f"{name} is a {type(value).__name__}: expected True or False")


def choice(value: Any, name: str) -> str:
    """A name for the native module, which lists the choices in its error."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {type(value).__name__}: expected a name, as text")
    text = value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def integer(
    value: Any,
    name: str,
    least: int | None = None,
    why: str = "",
    most: int | None = None,
    expected: str = "an integer",
) -> int:
    """An integer within bounds; `why` is the reason for the lower one."""
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{name} is a {type(value).__name__}: expected {expected}") from None
    if least is not None and number < least:
        raise ValueError(f"{name} is {shown(number)}: {why}")
    if most is not None and number > most:
        raise ValueError(f"{name} is {shown(number)}: at most {most} is possible")
    return number


def check_finite(value: Any, name: str) -> None:
    """Refuses what is no number, and NaN and infinity."""
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} is a {type(value).__name__}: expected a number")
    if not np.isfinite(float(value)):
        raise ValueError(f"{name} is {value}: it must be finite")


def first_line(error: Exception) -> str:
    """What a library says before it goes into details."""
    return str(error).strip().partition("\n")[0][:200]
