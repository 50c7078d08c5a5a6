"""One loss, for every framework: its settings, its plan, and what its last call counted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from . import _engine
from ._margin import as_margin, is_fixed, is_schedule
from ._native import Outcome, Plan, Record
from ._result import Statistics

# Triplets whose distances a call copies for `percentiles`; of more, every k-th. So few that a
# call does not notice, so many that a percentile is right to a few thousandths of the ranks.
_SAMPLED = 1 << 16

PERCENTILES = (5, 25, 50, 75, 95)

ONCE = (
    "triplet losses can be differentiated once: their gradient jumps where another negative is "
    "chosen; detach the gradient, or do without a second derivative"
)


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


def named(distance_metric: Any) -> str:
    """A distance as TFA's arguments give it."""
    if isinstance(distance_metric, str):
        return distance_metric
    raise TypeError(
        f"distance_metric is a {type(distance_metric).__name__}: expected 'L2', 'squared-L2' or 'angular'; "
        "functions, which TFA took too, cannot be searched fast"
    )


class Settings(NamedTuple):
    """What defines a loss and how it is computed."""

    margin: Any = 1.0
    """A number, or what `as_margin` reads one from at every call."""
    distance: str = "squared-l2"
    rule: str = "semi-hard"
    reduction: str = "mean"
    backend: str = "auto"
    threads: int | None = None
    require_positives: bool = False


def _check_kinds(settings: Settings) -> None:
    """Refuses settings of a wrong type by their names; the native module knows which values are right."""
    for name in ("distance", "rule", "reduction", "backend"):
        if not isinstance(value := getattr(settings, name), str):
            raise TypeError(f"{name} is a {type(value).__name__}: expected a name, as text")
    if not isinstance(settings.require_positives, (bool, np.bool_)):
        kind = type(settings.require_positives).__name__
        raise TypeError(f"require_positives is a {kind}: expected True or False")


# From anywhere, so that a graph that another process saved does not name a loss of this one.
_numbers = count(int.from_bytes(os.urandom(7), "little"))
_losses: WeakValueDictionary[int, Loss] = WeakValueDictionary()


class _Last:
    """Where a loss, and the same loss with other settings, keep what their last call counted."""

    __slots__ = ("record",)

    def __init__(self) -> None:
        self.record: Record | None = None


class Loss:
    """A loss as every framework's wrapper holds it."""

    __slots__ = (
        "__weakref__",
        "_at",
        "_last",
        "live",
        "margin_input",
        "number_input",
        "plan",
        "scheduled",
        "settings",
    )

    def __init__(self, settings: Settings, last: _Last | None = None):
        _check_kinds(settings)
        given = settings.margin
        # What an array or a function will give is known at the call; the names are checked now.
        self.scheduled = is_schedule(given)
        value = Settings().margin if self.scheduled else as_margin(given)
        required = bool(settings.require_positives)
        self.plan: Plan = _engine.plan(value, *settings[1:6], require_positives=required)
        self.live = not is_fixed(given)  # the margin is read anew at every call: see `now`
        # With the names as the native module writes them.
        self.settings = settings._replace(
            margin=given if self.live else self.plan.margin,
            distance=self.plan.distance,
            rule=self.plan.rule,
            reduction=self.plan.reduction,
        )
        self._last = last or _Last()
        self._at: Loss | None = None
        number = next(_numbers)
        _losses[number] = self
        # For compiled graphs, which take arrays as inputs and would hold numbers as constants:
        # the margin unless it is live, and a name of this loss, whose statistics their runs are.
        self.margin_input = np.array(value)
        self.number_input = np.array(number)

    def __reduce__(self) -> tuple[Any, ...]:
        return Loss, (self.settings,)

    def replace(self, **settings: Any) -> Loss:
        """The same loss with other settings; the statistics of both are those of the last call of either."""
        return Loss(self.settings._replace(**settings), self._last)

    def with_reduction(self, reduction: str) -> Loss:
        """The same loss, summed otherwise."""
        return self.replace(reduction=reduction)

    def now(self) -> Loss:
        """This loss with the margin that an array or a function gives at this moment."""
        return self.at(as_margin(self.settings.margin)) if self.live else self

    def at(self, margin: float) -> Loss:
        """This loss with this margin; the last one is kept."""
        if not self.live and self.settings.margin == margin:
            return self
        found = self._at
        if found is None or found.settings.margin != margin:
            found = self._at = self.replace(margin=margin)
        return found

    def evaluate(
        self,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None = None,
        gradient: bool = True,
    ) -> Outcome:
        """Loss, and gradient if wanted, of arrays as the native module takes them."""
        plan = self.now().plan if self.live else self.plan
        outcome = _engine.engine.evaluate(plan, labels, embeddings, weights, gradient, False, _SAMPLED)
        self._last.record = outcome.record
        return outcome

    def pull(
        self,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None,
        upstream: NDArray[np.float64],
    ) -> NDArray[Any]:
        """The gradient for a derivative of the objective by each loss; counts nothing.

        All NaN for a derivative that is not finite: loss scalers look for that.
        """
        return _engine.engine.pull(self.now().plan, labels, embeddings, weights, upstream)

    @property
    def statistics(self) -> Statistics | None:
        """Counts over the batch of the last call; None before the first."""
        record = self._last.record
        return None if record is None else Statistics._make(record.statistics)

    @property
    def distances(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Distances of positives and of chosen negatives in the last call, copied; None before the first."""
        record = self._last.record
        found = None if record is None else record.distances
        return None if found is None else (found[0].copy(), found[1].copy())

    def percentiles(self, percent: float | Sequence[float] = PERCENTILES) -> Percentiles | None:
        """Percentiles of these distances."""
        found = self.distances
        if found is None:
            return None
        ranks = [float(p) for p in np.atleast_1d(percent)]
        rows = (np.percentile(d, ranks) if d.size else np.full(len(ranks), np.nan) for d in found)
        return Percentiles(ranks, *rows)


@lru_cache(maxsize=256)
def shared(settings: Settings) -> Loss:
    """A loss that callers with the same settings have in common."""
    return Loss(settings)


def named_in_graph(number: int) -> Loss | None:
    """The loss that a compiled graph names, if this process has it."""
    return _losses.get(number)


def found(number: int, settings: Settings) -> Loss:
    """The loss that a compiled graph names, with the margin of its run, or one like it.

    A graph that was saved may name a loss that another process had.
    """
    loss = named_in_graph(number)
    return shared(settings) if loss is None else loss.at(settings.margin)
