"""Triplet losses for Keras 3, on its TensorFlow, torch and JAX backends.

``TripletSemiHardLoss(margin, distance_metric, name)`` has the names, the order and the
defaults of TensorFlow Addons 0.23; its saved configurations, of every version, are read.

>>> import keras
>>> from triplet_loss.keras import TripletSemiHardLoss
>>> TripletSemiHardLoss(margin=0.5).get_config()["distance_metric"]
'L2'

Rows that Keras masks have no loss, but are mined like others.

On TensorFlow the loss is a Python function in the graph: ``compile(jit_compile=True)`` is
refused there by XLA, and an exported SavedModel holds the model without it.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import keras
import numpy as np

from . import _native
from ._frameworks import apply, framework_of
from ._loss import PERCENTILES, Loss, Percentiles, Settings, named
from ._result import Statistics

if int(keras.__version__.split(".")[0]) < 3:
    raise ImportError(f"triplet_loss.keras needs Keras 3, found {keras.__version__}")

__all__ = ["TripletHardLoss", "TripletSemiHardLoss"]

_REDUCTIONS = {"sum_over_batch_size": "mean", "mean": "mean", "sum": "sum", "none": "none", None: "none"}
_DEFAULT = "sum_over_batch_size"


class _Sum(keras.losses.Loss):
    """Keras's own way of weighing, masking and adding up rows whose losses are known."""

    def call(self, losses: Any, _: Any) -> Any:
        return losses


class _TripletLoss(keras.losses.Loss):
    """What both losses share."""

    def __init__(self, name: Any, reduction: Any, dtype: Any, distance_metric: Any, **settings: Any):
        reduction = _DEFAULT if reduction == "auto" else reduction  # as Keras 2 said it
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self._metric = named(distance_metric)
        self._rows = Loss(Settings(**settings, distance=distance_metric, reduction="none"))
        # Keras's further reductions are left to it.
        fused = _REDUCTIONS.get(reduction)
        self._loss = self._rows if fused is None else self._rows.with_reduction(fused)
        self._keras = None if fused is not None else _Sum(name=self.name, reduction=reduction, dtype=dtype)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`.

        Labels stay integers: the base class would round them to floats.
        """
        embeddings = y_pred
        if framework_of(y_pred) in (None, keras.backend.backend()):
            embeddings = keras.ops.convert_to_tensor(y_pred, dtype=self.dtype)
        with_keras = self._keras
        if with_keras is None and (getattr(y_pred, "_keras_mask", None) is not None or _replicas() > 1):
            with_keras = _Sum(name=self.name, reduction=self.reduction, dtype=self.dtype)
        if with_keras is None:
            return apply(self._loss, y_true, embeddings, sample_weight)
        losses = apply(self._rows, y_true, embeddings)
        return with_keras(losses, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses of the rows `[B]`, neither weighed nor added up."""
        return apply(self._rows, y_true, keras.ops.convert_to_tensor(y_pred, dtype=self.dtype))

    def __repr__(self) -> str:
        values = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({values})"

    @property
    def margin(self) -> float:
        """Margin of the hinge; a loss with another is another loss."""
        return self._rows.settings.margin

    @property
    def distance_metric(self) -> str:
        """The distance, as it was named."""
        return self._metric

    @property
    def statistics(self) -> Statistics | None:
        """Counts over the last batch; None before the first."""
        return self._loss.statistics

    def percentiles(self, percent: Any = PERCENTILES) -> Percentiles | None:
        """Percentiles of the last batch's distances: positives, and chosen negatives."""
        return self._loss.percentiles(percent)

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23, and what it does not have."""
        config = {**super().get_config(), "margin": self.margin, "distance_metric": self.distance_metric}
        settings = self._rows.settings
        own = {"backend": settings.backend, "threads": settings.threads, "dtype": self.dtype}
        return {**config, **own, "require_positives": settings.require_positives}

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
        more = {key: value for key, value in (("soft", soft), ("literal", literal)) if value is not None}
        unknown = set(more) - set(inspect.signature(cls.__init__).parameters)
        if unknown:
            raise ValueError(f"the configuration has {unknown.pop()!r}, which {cls.__name__} does not have")
        return cls(margin=margin, distance_metric=metric, name=name, **more)


@keras.saving.register_keras_serializable(package="triplet_loss")
class TripletSemiHardLoss(_TripletLoss):
    """For every anchor and positive, the nearest negative that is farther than the positive.

    Args:
        margin: Margin of the hinge, in units of the distance.
        distance_metric: ``L2``, ``squared-L2`` or ``angular``.
        name: Name of the loss.
        reduction: As in Keras; ``sum_over_batch_size`` gives TFA's scalar.
        dtype: Type to compute in; None for Keras's ``floatx``.
        literal: The sentence on TFA's page instead of what its code does.
        backend: ``auto``, ``par``, ``simd``, ``scalar`` or ``gram``: what computes here, not
            Keras's backend.
        threads: At most so many; None for one a core.
        require_positives: Whether a batch without a positive pair is an error, not 0.
    """

    def __init__(
        self,
        margin: float = 1.0,
        distance_metric: str = "L2",
        name: str | None = None,
        *,
        reduction: str | None = _DEFAULT,
        dtype: Any = None,
        literal: bool = False,
        backend: str = "auto",
        threads: int | None = None,
        require_positives: bool = False,
    ):
        rule = "semi-hard-literal" if literal else "semi-hard"
        more = {"backend": backend, "threads": threads, "require_positives": require_positives}
        super().__init__(name, reduction, dtype, distance_metric, margin=margin, rule=rule, **more)

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23, and what it does not have."""
        return {**super().get_config(), "literal": self._rows.settings.rule == "semi-hard-literal"}


@keras.saving.register_keras_serializable(package="triplet_loss")
class TripletHardLoss(_TripletLoss):
    """For every anchor, its farthest positive and its nearest negative.

    ``soft`` takes the softplus of the difference instead of the hinge; the other arguments
    are those of ``TripletSemiHardLoss``.
    """

    def __init__(
        self,
        margin: float = 1.0,
        soft: bool = False,
        distance_metric: str = "L2",
        name: str | None = None,
        *,
        reduction: str | None = _DEFAULT,
        dtype: Any = None,
        backend: str = "auto",
        threads: int | None = None,
        require_positives: bool = False,
    ):
        rule = "hard-soft" if soft else "hard"
        more = {"backend": backend, "threads": threads, "require_positives": require_positives}
        super().__init__(name, reduction, dtype, distance_metric, margin=margin, rule=rule, **more)

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23, and what it does not have."""
        return {**super().get_config(), "soft": self._rows.settings.rule == "hard-soft"}


def _plain(value: Any) -> Any:
    """NumPy's scalars as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"the configuration holds a {type(value).__name__}: expected what JSON can hold")


def register(function: Any) -> None:
    """Saves a model compiled with a function of TFA's under the name that TFA gave it."""
    keras.saving.register_keras_serializable(package="Addons")(function)


# Models saved with TFA name its classes so.
keras.saving.get_custom_objects().update(
    {"Addons>TripletSemiHardLoss": TripletSemiHardLoss, "Addons>TripletHardLoss": TripletHardLoss}
)


def _replicas() -> int:
    """Replicas of a ``tf.distribute`` strategy, over which Keras takes the mean."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return int(tf.distribute.get_strategy().num_replicas_in_sync)
