"""The one engine of this process, and the plans that its calls are made with."""

from __future__ import annotations

import os
from functools import lru_cache

from . import _native

engine = _native.Engine()

# Engines of a parent process: their threads did not come along, so they must not even be
# taken down.
_orphans: list[_native.Engine] = []


def _after_fork() -> None:
    global engine
    _orphans.append(engine)
    engine = _native.Engine()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def clear_cache() -> None:
    """Gives the memory and the threads that calls keep for later ones back to the system."""
    engine.clear()


@lru_cache(maxsize=1024)
def plan(
    margin: float = 1.0,
    distance: str = "squared-l2",
    rule: str = "semi-hard",
    reduction: str = "mean",
    backend: str = "auto",
    threads: int | None = None,
    isa: str | None = None,
    require_positives: bool = False,
) -> _native.Plan:
    """Checks the names and numbers of a loss, once each."""
    if threads is None:
        threads = default_threads()
    elif isinstance(threads, int) and threads < 0:
        raise ValueError(f"threads is {threads}: at least one is needed")
    return _native.Plan(
        margin=margin,
        distance=distance,
        rule=rule,
        reduction=reduction,
        backend=backend,
        threads=threads,
        isa=isa,
        require_positives=require_positives,
    )


def default_threads() -> int | None:
    """What the environment asks for; None for one thread a core."""
    text = os.environ.get("TRIPLET_NUM_THREADS")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"TRIPLET_NUM_THREADS is {text!r}: expected a number of threads") from None
