"""Conversion of margins, in every form that the losses take, to a number."""

from __future__ import annotations

import re
from contextlib import suppress
from inspect import Parameter, signature
from numbers import Real
from typing import Any

from ._arguments import first_line

# Names of real dtypes in NumPy, torch, TensorFlow, JAX and Keras; not complex, bool, text or quantized.
_NUMBERS = re.compile(r"\b(u?int|b?float)\d")

_REST = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)

_EXPECTED = (
    "expected a number, an array, tensor or variable without dimensions, or a function of no arguments "
    "that gives one"
)


def as_margin(margin: Any) -> float:
    """The current value of a margin.

    Takes a number; an array, tensor or variable without dimensions; or a callable of no
    arguments that gives one of these (a schedule). The native module refuses numbers that
    are not finite.
    """
    if type(margin) is float:  # nearly always
        return margin
    if is_schedule(margin):
        margin = _called(margin)
    if isinstance(margin, (bool, str, bytes)) or not (isinstance(margin, Real) or _holds_a_number(margin)):
        raise TypeError(f"margin is a {type(margin).__name__}: {_EXPECTED}")
    shape = tuple(getattr(margin, "shape", ()))
    if shape:
        raise ValueError(f"margin has shape {list(shape)}: expected one number, without dimensions")
    dtype = getattr(margin, "dtype", None)
    if dtype is not None and not _NUMBERS.search(str(dtype)):
        raise TypeError(f"margin has dtype {dtype}: expected a real number")
    if getattr(margin, "requires_grad", False):
        raise ValueError("margin requires a gradient, which is not computed: detach it")
    try:
        return float(margin)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(f"margin cannot be read as a number: {first_line(error)}") from error


def _called(schedule: Any) -> Any:
    try:
        return schedule()
    except TypeError as raised:
        error = raised
        with suppress(TypeError, ValueError):  # some functions of C have no signature
            parameters = signature(schedule).parameters.values()
            needed = [p.name for p in parameters if p.default is p.empty and p.kind not in _REST]
            if needed:
                error = TypeError(f"margin is a function that needs {', '.join(needed)}: {_EXPECTED}")
        raise error from None


def is_fixed(margin: Any) -> bool:
    """Whether a margin is a plain number, which cannot change in place."""
    return isinstance(margin, Real)


def is_schedule(margin: Any) -> bool:
    """Whether a margin is a function that returns its value."""
    return callable(margin) and not _holds_a_number(margin)


def _holds_a_number(margin: Any) -> bool:
    return hasattr(margin, "__float__") or hasattr(margin, "__array__")
