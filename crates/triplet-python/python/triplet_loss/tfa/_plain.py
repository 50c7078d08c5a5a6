"""The loss classes for environments without Keras."""

from __future__ import annotations

from typing import Any

from .._attributes import LossAttributes
from .._frameworks import apply
from .._loss import hard_rule


class _TripletLoss(LossAttributes):
    """The base of both losses."""

    _settable = ("margin", "name")

    def __init__(self, margin: Any, distance_metric: Any, name: str | None, rule: str):
        self.name = name or type(self).__name__
        self._configure(margin, distance_metric, rule=rule)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`, a scalar."""
        return apply(self._with_reduction("mean"), y_true, y_pred, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The configuration, as TFA 0.23 writes it."""
        return {"name": self.name, **self._tfa_config()}


class TripletSemiHardLoss(_TripletLoss):
    """For every anchor and positive, the nearest negative that is farther than the positive."""

    def __init__(self, margin: Any = 1.0, distance_metric: str = "L2", name: str | None = None):
        super().__init__(margin, distance_metric, name, "semi-hard")


class TripletHardLoss(_TripletLoss):
    """For every anchor, its farthest positive and its nearest negative."""

    def __init__(
        self, margin: Any = 1.0, soft: bool = False, distance_metric: str = "L2", name: str | None = None
    ):
        super().__init__(margin, distance_metric, name, hard_rule(soft))

    def get_config(self) -> dict[str, Any]:
        """The configuration, as TFA 0.23 writes it."""
        return {**super().get_config(), "soft": self._per_row_loss.settings.rule == "hard-soft"}
