"""A mutable cell for a margin, so that compiled graphs read the value that was set last."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._margin import as_margin


class MarginCell:
    """A callable without arguments that returns the current value of the margin it contains."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __call__(self) -> float:
        value = self.value
        if hasattr(value, "assign"):  # float() of a trainable variable makes torch warn
            value = np.asarray(value)
        return as_margin(value)
