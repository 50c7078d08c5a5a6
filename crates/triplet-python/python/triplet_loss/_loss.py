"""One loss, for every framework: its settings, its plan, and what its last call counted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from . import _engine
from ._native import Outcome, Plan
from ._result import Statistics

# Triplets whose distances a call copies for `percentiles`; of more, every k-th.
_SAMPLED = 1 << 20

PERCENTILES = (5, 25, 50, 75, 95)


class Percentiles:
    """Percentiles of the distances of positives and of chosen negatives."""

    __slots__ = ("negative", "percent", "positive")

    def __init__(self, percent: Sequence[float], positive: NDArray[Any], negative: NDArray[Any]):
        self.percent = tuple(percent)
        """Which percentiles."""
        self.positive = positive
        """Of the distances between anchors and positives; NaN without any."""
        self.negative = negative
        """Of the distances between anchors and the negatives chosen for them."""

    def __repr__(self) -> str:
        def row(values: NDArray[Any]) -> str:
            return " ".join(f"{value:.4g}" for value in values)

        percent = " ".join(f"{p:g}" for p in self.percent)
        return f"Percentiles({percent} %: positive {row(self.positive)}, negative {row(self.negative)})"


class Settings(NamedTuple):
    """What defines a loss and how it is computed."""

    margin: float = 1.0
    distance: str = "squared-l2"
    rule: str = "semi-hard"
    reduction: str = "mean"
    backend: str = "auto"
    threads: int | None = None
    require_positives: bool = False


_numbers = count(1)
_losses: WeakValueDictionary[int, Loss] = WeakValueDictionary()


class Loss:
    """A loss as every framework's wrapper holds it."""

    __slots__ = ("__weakref__", "number", "outcome", "plan", "settings")

    def __init__(self, settings: Settings):
        self.plan: Plan = _engine.plan(*settings[:6], require_positives=settings.require_positives)
        # With the names as the native module writes them.
        self.settings = settings._replace(
            margin=self.plan.margin,
            distance=self.plan.distance,
            rule=self.plan.rule,
            reduction=self.plan.reduction,
        )
        self.outcome: Outcome | None = None
        # Names this loss in compiled graphs, whose runs count for its statistics.
        self.number = next(_numbers)
        _losses[self.number] = self

    def __reduce__(self) -> tuple[Any, ...]:
        return Loss, (self.settings,)

    def with_reduction(self, reduction: str) -> Loss:
        """The same loss, summed otherwise."""
        return Loss(self.settings._replace(reduction=reduction))

    def evaluate(
        self,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None = None,
        gradient: bool = True,
    ) -> Outcome:
        """Loss, and gradient if wanted, of arrays as the native module takes them."""
        # First, so that the arrays of the last call are free before this one needs its own.
        self.outcome = None
        outcome = _engine.engine.evaluate(
            self.plan, labels, embeddings, weights, None, gradient, False, _SAMPLED
        )
        self.outcome = outcome
        return outcome

    def pull(
        self,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None,
        upstream: NDArray[np.float64],
    ) -> NDArray[Any]:
        """The gradient for a derivative of the objective by each loss; counts nothing."""
        outcome = _engine.engine.evaluate(self.plan, labels, embeddings, weights, upstream)
        assert outcome.gradient is not None
        return outcome.gradient

    @property
    def statistics(self) -> Statistics | None:
        """Counts over the batch of the last call; None before the first."""
        return None if self.outcome is None else Statistics._make(self.outcome.statistics)

    def percentiles(self, percent: Sequence[float] = PERCENTILES) -> Percentiles | None:
        """Percentiles of the distances of the last call; None before the first."""
        if self.outcome is None or self.outcome.distances is None:
            return None
        rows = (
            np.percentile(distances, percent) if distances.size else np.full(len(percent), np.nan)
            for distances in self.outcome.distances
        )
        return Percentiles(percent, *rows)


@lru_cache(maxsize=256)
def shared(settings: Settings) -> Loss:
    """A loss that callers with the same settings have in common."""
    return Loss(settings)


def found(number: int, settings: Settings) -> Loss:
    """The loss that a compiled graph names, or one like it.

    A graph that was cached on disk may name a loss that another process had.
    """
    loss = _losses.get(number)
    return loss if loss is not None and loss.settings == settings else shared(settings)
