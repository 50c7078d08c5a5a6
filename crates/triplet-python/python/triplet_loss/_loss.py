"""The loss object behind every framework's wrapper: settings, plan, statistics of the last call."""

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
from ._against import Against
from ._arguments import choice, flag
from ._margin import as_margin, is_fixed, is_schedule
from ._native import CallSummary, NativeResult, Plan
from ._result import Statistics

# The largest number of triplets whose distances a call copies for `percentiles`; with more triplets,
# every k-th is copied. Negligible beside the call, and enough for a rank error of a few thousandths.
_MAX_DISTANCES = 1 << 16

PERCENTILES = (5, 25, 50, 75, 95)

NO_SECOND_DERIVATIVE = (
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


def check_metric(distance_metric: Any) -> str:
    """Checks that a distance is given by name, as TFA's argument `distance_metric` allows."""
    if isinstance(distance_metric, str):
        return distance_metric
    raise TypeError(
        f"distance_metric is a {type(distance_metric).__name__}: expected 'L2', 'squared-L2' or 'angular'; "
        "functions, which TFA took too, cannot be searched fast"
    )


def semi_hard_rule(literal: Any) -> str:
    """The rule of the argument ``literal``."""
    return "semi-hard-literal" if flag(literal, "literal") else "semi-hard"


def hard_rule(soft: Any) -> str:
    """The rule of the argument ``soft``."""
    return "hard-soft" if flag(soft, "soft") else "hard"


class Settings(NamedTuple):
    """The definition of a loss, and the backend and threads that compute it."""

    margin: Any = 1.0
    """A number, or an object from which `as_margin` reads one at every call."""
    distance: str = "squared-l2"
    rule: str = "semi-hard"
    reduction: str = "mean"
    backend: str = "auto"
    threads: int | None = None
    require_positives: bool = False


def _check_types(settings: Settings) -> None:
    """Refuses settings of a wrong type; the native module checks the values."""
    for name in ("distance", "rule", "reduction", "backend"):
        choice(getattr(settings, name), name)
    flag(settings.require_positives, "require_positives")


# The ids start at a random number, so that a graph saved by another process does not contain the id
# of a loss of this one.
_ids = count(int.from_bytes(os.urandom(7), "little"))
_losses: WeakValueDictionary[int, Loss] = WeakValueDictionary()


class _LastCall:
    """The summary of the last call, shared by a loss and its copies with other settings."""

    __slots__ = ("summary",)

    def __init__(self) -> None:
        self.summary: CallSummary | None = None


class Loss:
    """A loss with fixed settings, as held by the wrapper of every framework."""

    __slots__ = (
        "__weakref__",
        "_at_margin",
        "_last_call",
        "_on_torch",
        "id_input",
        "margin_input",
        "margin_is_callable",
        "margin_varies",
        "plan",
        "settings",
    )

    def __init__(self, settings: Settings, last: _LastCall | None = None):
        _check_types(settings)
        given = settings.margin
        # The value of an array or a function is read at the call; the names are checked now.
        self.margin_is_callable = is_schedule(given)
        value = Settings().margin if self.margin_is_callable else as_margin(given)
        required = bool(settings.require_positives)
        self.plan: Plan = _engine.plan(value, *settings[1:6], require_positives=required)
        self.margin_varies = not is_fixed(given)  # read again at every call: see `with_current_margin`
        # With the names normalised by the native module.
        self.settings = settings._replace(
            margin=given if self.margin_varies else self.plan.margin,
            distance=self.plan.distance,
            rule=self.plan.rule,
            reduction=self.plan.reduction,
        )
        self._last_call = last or _LastCall()
        self._at_margin: Loss | None = None
        self._on_torch: Loss | None = None
        loss_id = next(_ids)
        _losses[loss_id] = self
        # Arrays for compiled graphs, which treat arrays as inputs and numbers as constants: the margin
        # (unless it varies), and the id under which a run finds this loss and records its statistics.
        self.margin_input = np.array(value)
        self.id_input = np.array(loss_id)

    def __reduce__(self) -> tuple[Any, ...]:
        return Loss, (self.settings,)

    def replace(self, **settings: Any) -> Loss:
        """The same loss with other settings; both share the summary of the last call."""
        return Loss(self.settings._replace(**settings), self._last_call)

    def with_reduction(self, reduction: str) -> Loss:
        """The same loss with another reduction."""
        return self.replace(reduction=reduction)

    def with_current_margin(self) -> Loss:
        """This loss with the current value of a margin that is an array or a function."""
        return self.with_margin(as_margin(self.settings.margin)) if self.margin_varies else self

    def with_margin(self, margin: float) -> Loss:
        """This loss with another margin; the result of the last call is cached."""
        if not self.margin_varies and self.settings.margin == margin:
            return self
        found = self._at_margin
        if found is None or found.settings.margin != margin:
            found = self._at_margin = self.replace(margin=margin)
        return found

    def on_torch(self) -> Loss:
        """This loss on torch's threads, unless its backend is named."""
        if self.settings.backend != "auto":
            return self
        found = self._on_torch
        if found is None:
            found = self._on_torch = self.replace(backend="openmp")
        return found

    def evaluate(
        self,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None = None,
        gradient: bool = True,
        against: Against | None = None,
    ) -> NativeResult:
        """Loss, and on request the gradient, of arrays that `_arrays` and `_against` have prepared."""
        plan = self.with_current_margin().plan if self.margin_varies else self.plan
        native = _engine.engine.evaluate(
            plan, labels, embeddings, weights, gradient, False, _MAX_DISTANCES, against
        )
        self._last_call.summary = native.summary
        return native

    def record(self, native: NativeResult) -> None:
        """Makes a call that was made elsewhere the last one."""
        self._last_call.summary = native.summary

    def vjp(
        self,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None,
        upstream: NDArray[np.float64],
    ) -> NDArray[Any]:
        """The gradient of the objective, given its derivative by each loss; statistics do not change.

        All NaN if a derivative is not finite, which loss scalers detect.
        """
        return _engine.engine.vjp(self.with_current_margin().plan, labels, embeddings, weights, upstream)[0]

    def vjp_against(
        self,
        labels: NDArray[np.int64],
        embeddings: NDArray[Any],
        weights: NDArray[np.float64] | None,
        upstream: NDArray[np.float64],
        against: Against,
    ) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """The same to anchors, and to candidates where it is wanted."""
        plan = self.with_current_margin().plan
        return _engine.engine.vjp(plan, labels, embeddings, weights, upstream, against)

    @property
    def statistics(self) -> Statistics | None:
        """Counts over the batch of the last call; None before the first."""
        summary = self._last_call.summary
        return None if summary is None else Statistics._make(summary.statistics)

    @property
    def distances(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Distances of positives and of chosen negatives in the last call, copied; None before the first."""
        summary = self._last_call.summary
        found = None if summary is None else summary.distances
        return None if found is None else (found[0].copy(), found[1].copy())

    def percentiles(self, percent: float | Sequence[float] = PERCENTILES) -> Percentiles | None:
        """Percentiles of these distances."""
        found = self.distances
        if found is None:
            return None
        ranks = [float(p) for p in np.atleast_1d(percent)]
        rows = (np.percentile(d, ranks) if d.size else np.full(len(ranks), np.nan) for d in found)
        return Percentiles(ranks, *rows)


def cached_loss(settings: Settings) -> Loss:
    """The loss for settings, cached: equal settings give the same object."""
    try:
        return _cached(settings)
    except TypeError:
        pass
    # What has no hash, such as a list, is of a wrong type: the checks name it.
    return Loss(settings)


_cached = lru_cache(maxsize=256)(Loss)


def registered_loss(loss_id: int) -> Loss | None:
    """The loss with an id, or None if it does not exist in this process."""
    return _losses.get(loss_id)


def loss_by_id(loss_id: int, settings: Settings) -> Loss:
    """The loss with an id, at the margin of `settings`; the cached loss of `settings` if there is none.

    A saved graph may contain the id of a loss of another process.
    """
    loss = registered_loss(loss_id)
    return cached_loss(settings) if loss is None else loss.with_margin(settings.margin)
