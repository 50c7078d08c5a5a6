"""What the loss classes have in common, in Keras 3, in Keras 2 and without Keras."""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np

from . import _native
from ._held import Held
from ._loss import PERCENTILES, Loss, Percentiles, Settings, named
from ._margin import is_fixed, is_schedule
from ._result import Statistics

_FIXED = ("backend", "distance_metric", "dtype", "literal", "require_positives", "soft", "threads")


class LossAttributes:
    """A loss as TFA's classes define it: its margin, its configuration, what its last call counted.

    Defined by margin, name and reduction, which may be set, and by what the constructor takes
    besides, which may not. Subclasses may have attributes of their own.
    """

    _settable: tuple[str, ...] = ("margin", "name", "reduction")
    get_config: Any

    def _define(self, margin: Any, distance_metric: Any, **settings: Any) -> None:
        self._metric = named(distance_metric)
        self._margin = Held(None)
        self._rows = Loss(Settings(self._margin, distance_metric, reduction="none", **settings))
        self._sums: dict[str, Loss] = {}
        self.margin = margin

    def _summed(self, reduction: str) -> Loss:
        """The loss with one of our reductions; all of them share their statistics."""
        found = self._sums.get(reduction)
        if found is None:
            found = self._sums[reduction] = self._rows.with_reduction(reduction)
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_sums": {}}

    @property
    def margin(self) -> Any:
        """Margin of the hinge, as it was given; set it, or change the variable in it.

        The next call computes with it, that of a graph which was compiled before too.
        """
        return self._margin.value

    @margin.setter
    def margin(self, margin: Any) -> None:
        if not is_schedule(margin):
            self._rows.replace(margin=Held(margin)())  # is an error for what cannot be
        self._before_change()
        self._margin.value = margin

    def _before_change(self) -> None:
        """Waits for steps that were begun with the margin that is to be exchanged."""

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        if name in _FIXED:
            raise AttributeError(
                f"{name} of a {kind.__name__} cannot be changed: construct another; "
                f"{', '.join(self._settable)} can be set"
            )
        is_known = name.startswith("_") or name in self._settable or hasattr(kind, name)
        if not is_known and kind.__module__.partition(".")[0] == __package__:
            raise AttributeError(
                f"a {kind.__name__} has no attribute {name!r}: {', '.join(self._settable)} can be set"
            )
        super().__setattr__(name, value)

    @property
    def distance_metric(self) -> str:
        """The distance, as it was named."""
        return self._metric

    @property
    def statistics(self) -> Statistics | None:
        """Counts over the last batch; None before the first."""
        return self._rows.statistics

    def percentiles(self, percent: Any = PERCENTILES) -> Percentiles | None:
        """Percentiles of the last batch's distances: positives, and chosen negatives."""
        return self._rows.percentiles(percent)

    def _as_tfa(self) -> dict[str, Any]:
        """What TFA 0.23 wrote, with the number that the margin is at the moment."""
        return {"margin": self._margin(), "distance_metric": self._metric}

    def _as_ours(self) -> dict[str, Any]:
        """What TFA did not have."""
        s = self._rows.settings
        return {"backend": s.backend, "threads": s.threads, "require_positives": s.require_positives}

    def __repr__(self) -> str:
        # Keras asks for this while it records a graph, where no variable can be read.
        if not is_fixed(self.margin):
            kind = type(self.margin).__name__
            return f"{type(self).__name__}(margin=<{kind}>, distance_metric={self._metric!r})"
        values = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({values})"

    @classmethod
    def from_config(cls, config: dict[str, Any], tfa_version: str | None = None) -> Any:
        """Reads our own configurations, and those of every TFA.

        In TFA 0.10 alone, ``"L2"`` meant the squared distance: pass ``tfa_version="0.10"``
        for a configuration that it wrote. A configuration without ``distance_metric`` (up to
        0.9) means the squared distance too. TFA wrote ``reduction="none"`` always, and gave
        the batch's mean.
        """
        if "require_positives" in config:  # no TFA wrote that
            return cls(**config)
        old = tfa_version is not None and tfa_version.split(".")[:2] == ["0", "10"]
        text = json.dumps(config, default=_plain, allow_nan=False)
        margin, metric, _, name, soft, literal, written_by = _native.read_config(text, old)
        if written_by not in (None, cls.__name__):
            raise ValueError(f"the configuration is of a {written_by}: read it with {written_by}.from_config")
        given = {"margin": margin, "distance_metric": metric, "name": name}
        more = {key: value for key, value in (("soft", soft), ("literal", literal)) if value is not None}
        unknown = set(more) - set(inspect.signature(cls.__init__).parameters)
        if unknown:
            raise ValueError(f"the configuration has {unknown.pop()!r}, which {cls.__name__} does not have")
        return cls(**given, **more)


def _plain(value: Any) -> Any:
    """NumPy's scalars as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"the configuration holds a {type(value).__name__}: expected what JSON can hold")
