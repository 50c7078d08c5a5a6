"""A margin that can be exchanged while graphs that were compiled with it stay."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._margin import as_margin


class Held:
    """A function of no arguments: the number that the margin in it stands for."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __call__(self) -> float:
        value = self.value
        if hasattr(value, "assign"):  # of a trainable variable torch would warn
            value = np.asarray(value)
        return as_margin(value)
