"""The base of the loss classes for Keras 3, for Keras 2 and without Keras."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _native
from ._loss import PERCENTILES, Loss, Percentiles, Settings, check_metric
from ._margin import is_fixed, is_schedule
from ._margin_cell import MarginCell
from ._result import Statistics

_FIXED = ("backend", "distance_metric", "dtype", "literal", "require_positives", "soft", "threads")


class LossAttributes:
    """A loss with the attributes of TFA's classes: margin, configuration, statistics of the last call.

    Margin, name and reduction can be set after construction, the other constructor arguments
    cannot. Subclasses may add attributes.
    """

    _settable: tuple[str, ...] = ("margin", "name", "reduction")
    get_config: Any

    def _configure(self, margin: Any, distance_metric: Any, **settings: Any) -> None:
        self._metric = check_metric(distance_metric)
        self._margin = MarginCell(None)
        self._per_row_loss = Loss(Settings(self._margin, distance_metric, reduction="none", **settings))
        self._by_reduction: dict[str, Loss] = {}
        self.margin = margin

    def _with_reduction(self, reduction: str) -> Loss:
        """The loss with a reduction of the engine; all reductions share one record of the last call."""
        found = self._by_reduction.get(reduction)
        if found is None:
            found = self._by_reduction[reduction] = self._per_row_loss.with_reduction(reduction)
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_by_reduction": {}}

    @property
    def margin(self) -> Any:
        """Margin of the hinge, as it was given. It can be set, and a variable in it can be changed.

        The next call uses the new value, also in graphs that were compiled before.
        """
        return self._margin.value

    @margin.setter
    def margin(self, margin: Any) -> None:
        if not is_schedule(margin):
            self._per_row_loss.replace(margin=MarginCell(margin)())  # raises for an invalid margin
        self._wait_for_steps()
        self._margin.value = margin

    def _wait_for_steps(self) -> None:
        """Called before the margin changes: waits for running steps that may still read the old one."""

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
        """The name of the distance, as it was given."""
        return self._metric

    @property
    def statistics(self) -> Statistics | None:
        """Counts over the last batch; None before the first."""
        return self._per_row_loss.statistics

    def percentiles(self, percent: Any = PERCENTILES) -> Percentiles | None:
        """Percentiles of the last batch's distances: positives, and chosen negatives."""
        return self._per_row_loss.percentiles(percent)

    def _tfa_config(self) -> dict[str, Any]:
        """The entries of TFA 0.23's configuration, with the current value of the margin."""
        return {"margin": self._margin(), "distance_metric": self._metric}

    def _extra_config(self) -> dict[str, Any]:
        """The entries that TFA's configurations do not have."""
        s = self._per_row_loss.settings
        return {"backend": s.backend, "threads": s.threads, "require_positives": s.require_positives}

    def __repr__(self) -> str:
        # Keras calls this while it traces a graph, in which variables cannot be read.
        if not is_fixed(self.margin):
            kind = type(self.margin).__name__
            return f"{type(self).__name__}(margin=<{kind}>, distance_metric={self._metric!r})"
        values = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({values})"

    @classmethod
    def from_config(cls, config: dict[str, Any], tfa_version: str | None = None) -> Any:
        """Reads configurations of this package and of every TFA version.

        In TFA 0.10 alone, ``"L2"`` meant the squared distance: pass ``tfa_version="0.10"``
        for a configuration that it wrote. A configuration without ``distance_metric`` (up to
        0.9) means the squared distance too. TFA wrote ``reduction="none"`` always, and gave
        the batch's mean.
        """
        # Written by this package: no TFA version has the entry.
        if isinstance(config, Mapping) and "require_positives" in config:
            return cls(**config)
        old = tfa_version is not None and tfa_version.split(".")[:2] == ["0", "10"]
        text = json.dumps(config, default=_json_value, allow_nan=False)
        margin, metric, _, name, soft, literal, written_by = _native.read_config(text, old)
        if written_by not in (None, cls.__name__):
            raise ValueError(f"the configuration is of a {written_by}: read it with {written_by}.from_config")
        given = {"margin": margin, "distance_metric": metric, "name": name}
        more = {key: value for key, value in (("soft", soft), ("literal", literal)) if value is not None}
        unknown = set(more) - set(inspect.signature(cls.__init__).parameters)
        if unknown:
            raise ValueError(f"the configuration has {unknown.pop()!r}, which {cls.__name__} does not have")
        return cls(**given, **more)


def _json_value(value: Any) -> Any:
    """A NumPy scalar as a Python number, for the JSON encoder."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"the configuration holds a {type(value).__name__}: expected what JSON can hold")
