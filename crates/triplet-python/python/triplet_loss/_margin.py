"""A margin, as every framework's losses and functions take it."""

from __future__ import annotations

from numbers import Real
from typing import Any


def as_margin(margin: Any) -> float:
    """The number that a margin stands for at the moment of the call.

    Takes a number; an array, tensor or variable without dimensions; or a callable of no
    arguments that gives one of these (a schedule). The native module refuses numbers that
    are not finite.
    """
    if type(margin) is float:  # nearly always
        return margin
    if callable(margin) and not hasattr(margin, "__float__") and not hasattr(margin, "__array__"):
        margin = margin()
    if isinstance(margin, bool) or not (
        isinstance(margin, Real) or hasattr(margin, "__float__") or hasattr(margin, "__array__")
    ):
        raise TypeError(
            f"margin is a {type(margin).__name__}: expected a number, an array, tensor or variable without "
            "dimensions, or a function of no arguments that gives one"
        )
    shape = tuple(getattr(margin, "shape", ()))
    if shape:
        raise ValueError(f"margin has shape {list(shape)}: expected one number, without dimensions")
    if getattr(margin, "requires_grad", False):
        raise ValueError("margin requires a gradient, which is not computed: detach it")
    try:
        return float(margin)
    except (TypeError, ValueError) as error:
        raise TypeError(f"margin cannot be read as a number: {error}") from error
