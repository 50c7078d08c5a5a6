"""A margin that can be exchanged while graphs that were compiled with it stay."""

from __future__ import annotations

from typing import Any

from ._margin import as_margin


class Held:
    """A function of no arguments: the number that the margin in it stands for."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __call__(self) -> float:
        return as_margin(self.value)
