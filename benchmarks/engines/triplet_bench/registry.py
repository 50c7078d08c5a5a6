"""The batch that is timed on, and the engines that can be timed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


class Batch:
    """The batch that is timed on: rows [B, D] of f32, labels [B] of i64."""

    x: Any = None
    y: Any = None
    per_class = 0
    # Output matrices and the like, by name, kept as long as the batch is.
    buffers: ClassVar[dict[str, Any]] = {}


def buffer(name: str, make: Callable[[], Any]) -> Any:
    """The result of `make` from its first use on this batch."""
    if name not in Batch.buffers:
        Batch.buffers[name] = make()
    return Batch.buffers[name]


@dataclass
class Rival:
    """An engine."""

    kind: str  # baseline, peer or step
    run: Callable[[], Any]  # its loss, or None; of a step: (loss, milliseconds of its four parts)
    needed: Callable[[int, int], float]  # bytes for B and D
    distance: str | None = None  # of its loss, if the rule is triplet's
    complete: bool = False  # it writes all B x B entries of E E' in f32
    kernels: str | None = None  # the library and kernels behind a product
    compiles: bool = False  # it compiles anew for every shape
    check: Callable[[], str | None] | None = None  # what is wrong with the result, if anything


RIVALS: dict[str, Rival] = {}
LIBRARIES: list[str] = []


def has(module: str) -> bool:
    """Whether a module can be imported."""
    return importlib.util.find_spec(module) is not None
