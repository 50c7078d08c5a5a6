"""The engine of this process, and the cache of plans (parsed settings)."""

from __future__ import annotations

import os
import sys
from functools import cache, lru_cache
from typing import Any

from . import _native
from ._arguments import choice, flag, integer

engine = _native.Engine()

# Engines inherited through fork. Their threads do not exist in the child, and dropping an engine
# would wait for them, so the references are kept.
_orphans: list[_native.Engine] = []


def _after_fork() -> None:
    global engine
    _orphans.append(engine)
    memory = engine.memory
    engine = _native.Engine()
    engine.memory = memory


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def clear_cache() -> None:
    """Releases the workspaces and threads that are cached between calls."""
    engine.clear()


def limit_memory(bytes: int | None) -> None:
    """Limits the memory that each call of a loss takes beside its arrays, in every framework.

    Triplets that do not fit are worked through in parts, to the same bits: the page on speed says how
    much longer that takes. A call without a list of triplets then has no ``percentiles``; a call that
    asks for triplets, or for which even the parts do not fit, raises a ``MemoryError`` that says how
    much is needed at least. The limit is one of the process and of each call: calls from several
    threads take as much each.

    Args:
        bytes: How much, such as ``2 * 10**9``; None for any amount.
    """
    engine.memory = None if bytes is None else _count(bytes, "bytes")


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
    """Parses and checks the settings of a loss; cached by their values."""
    settings = margin, distance, rule, reduction, backend, threads, isa, require_positives
    try:
        return _cached_plan(*settings)
    except TypeError:
        pass
    # What has no hash, such as a list, is of a wrong type: the checks name it.
    return _new_plan(*settings)


def _new_plan(
    margin: float,
    distance: str,
    rule: str,
    reduction: str,
    backend: str,
    threads: int | None,
    isa: str | None,
    require_positives: bool,
) -> _native.Plan:
    return _native.Plan(
        margin=margin,
        distance=choice(distance, "distance"),
        rule=choice(rule, "rule"),
        reduction=choice(reduction, "reduction"),
        backend=choice(backend, "backend"),
        threads=default_threads() if threads is None else _count(threads, "threads"),
        isa=None if isa is None else choice(isa, "isa"),
        require_positives=flag(require_positives, "require_positives"),
    )


_cached_plan = lru_cache(maxsize=1024, typed=True)(_new_plan)


@cache
def default_threads() -> int | None:
    """The environment's ``TRIPLET_NUM_THREADS``; None for one thread a core.

    It is read when the first loss or call without ``threads=`` is made, and then holds for the
    process. The cores, where it is not set, are counted again within a second: a process may
    be given others.
    """
    text = os.environ.get("TRIPLET_NUM_THREADS")
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"TRIPLET_NUM_THREADS is {text!r}: expected a number of threads") from None
    return _count(number, "TRIPLET_NUM_THREADS")


def _count(number: Any, what: str) -> int:
    """A number of at least 1; the native module checks the upper bound."""
    return min(integer(number, what, 1, "at least one is needed", expected="an integer or None"), sys.maxsize)
