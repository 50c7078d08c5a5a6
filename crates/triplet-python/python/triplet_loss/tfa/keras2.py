"""Triplet losses for Keras 2: TensorFlow's own up to 2.15, or the package ``tf_keras``.

``triplet_loss.tfa`` has these classes where TensorFlow's Keras is Keras 2. A program that imports
``tf_keras`` beside Keras 3, without ``TF_USE_LEGACY_KERAS=1``, takes them from here.

Rows that Keras masks have no loss, but are mined like others. A subclass may override ``call``.
Masked arrays are refused, except those passed to ``fit`` and ``evaluate``, which Keras converts to
plain arrays before the loss receives them.
Unlike TFA's classes, which took ``reduction`` and ignored it, these follow it.
"""

from __future__ import annotations

import sys
from typing import Any

import tensorflow as tf

from .._attributes import LossAttributes
from .._frameworks import apply, called_by, framework_of, refuse_masked
from .._loss import hard_rule, semi_hard_rule
from .._weights import check_weights
from ._functions import register

__all__ = ["TripletHardLoss", "TripletSemiHardLoss"]


def _is_keras_3(keras: Any) -> bool:
    return not getattr(keras, "__version__", "2.").startswith("2.")  # TensorFlow's own Keras 2 has no version


def _keras2() -> Any:
    """TensorFlow's Keras if that is Keras 2, else ``tf_keras``."""
    try:
        if not _is_keras_3(tf.keras):
            return tf.keras
    except (AttributeError, ImportError):  # a Keras 3 that cannot be imported
        pass
    import tf_keras

    return tf_keras


keras: Any = _keras2()
_Base: Any = keras.losses.Loss

# Keras 3's names of reductions as those of Keras 2, and those as the engine's. "auto" is the mean,
# except under a distribution strategy.
_REDUCTIONS = {"mean": "sum_over_batch_size", None: "none"}
_OURS = {"auto": "mean", "sum_over_batch_size": "mean", "sum": "sum", "none": "none"}


class _TripletLoss(LossAttributes, _Base):
    """The base of both losses."""

    def __init__(self, margin: Any, distance_metric: Any, name: Any, reduction: Any, dtype: Any, **more: Any):
        if dtype not in (None, "float32"):
            raise ValueError(f"dtype is {dtype!r}: the losses of Keras 2 compute in the embeddings' type")
        super().__init__(reduction=_REDUCTIONS.get(reduction, reduction), name=name)
        self._configure(margin, distance_metric, **more)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`, with weights of the rows."""
        if _is_keras_3(sys.modules.get("keras")) and called_by("keras"):
            raise TypeError(
                f"this {type(self).__name__} is a loss of Keras 2 and the model is one of Keras 3: "
                f"use triplet_loss.keras.{type(self).__name__}"
            )
        refuse_masked(sample_weight, "sample_weight")
        y_pred = _as_tensor(y_pred)
        is_own_call = getattr(self.call, "__func__", None) is _TripletLoss.call
        reduction = _OURS.get(self.reduction)
        is_masked = getattr(y_pred, "_keras_mask", None) is not None
        if is_own_call and reduction and not is_masked and not tf.distribute.has_strategy():
            return apply(self._with_reduction(reduction), y_true, y_pred, sample_weight)
        check_weights(sample_weight, y_pred.shape[0])
        return super().__call__(y_true, y_pred, sample_weight)

    @tf.autograph.experimental.do_not_convert
    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses of the rows `[B]`, without weights and reduction."""
        return apply(self._per_row_loss, y_true, _as_tensor(y_pred))

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23 with additional entries."""
        return {**super().get_config(), **self._tfa_config(), **self._extra_config()}


def _as_tensor(y_pred: Any) -> Any:
    """Embeddings of NumPy and lists as tensors; tensors of a framework unchanged."""
    refuse_masked(y_pred, "embeddings")
    return tf.convert_to_tensor(y_pred) if framework_of(y_pred) is None else y_pred


@keras.utils.register_keras_serializable(package="triplet_loss")
class TripletSemiHardLoss(_TripletLoss):
    """For every anchor and positive, the nearest negative that is farther than the positive.

    Args:
        margin: Margin of the hinge, in units of the distance: a number; an array, tensor or
            variable without dimensions; or a function of no arguments that gives one. May be
            set later. Configurations hold the number that it is at the moment.
        distance_metric: ``L2``, ``squared-L2`` or ``angular``.
        name: Name of the loss.
        reduction: As in Keras 2; ``auto`` gives TFA's scalar.
        dtype: ``float32`` or None: configurations of Keras 3 have it.
        literal: The sentence on TFA's page instead of what its code does.
        backend: ``auto``, ``par``, ``openmp``, ``simd``, ``scalar`` or ``gram``.
        threads: At most so many; None for one a core.
        require_positives: Whether a batch without a positive pair is an error.
    """

    def __init__(
        self,
        margin: Any = 1.0,
        distance_metric: str = "L2",
        name: str | None = None,
        *,
        reduction: str | None = "auto",
        dtype: Any = None,
        literal: bool = False,
        backend: str = "auto",
        threads: int | None = None,
        require_positives: bool = False,
    ):
        more = {"backend": backend, "threads": threads, "require_positives": require_positives}
        rule = semi_hard_rule(literal)
        super().__init__(margin, distance_metric, name, reduction, dtype, rule=rule, **more)

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23 with additional entries."""
        return {**super().get_config(), "literal": self._per_row_loss.settings.rule == "semi-hard-literal"}


@keras.utils.register_keras_serializable(package="triplet_loss")
class TripletHardLoss(_TripletLoss):
    """For every anchor, its farthest positive and its nearest negative.

    ``soft`` takes the softplus of the difference instead of the hinge; the other arguments
    are those of ``TripletSemiHardLoss``.
    """

    def __init__(
        self,
        margin: Any = 1.0,
        soft: bool = False,
        distance_metric: str = "L2",
        name: str | None = None,
        *,
        reduction: str | None = "auto",
        dtype: Any = None,
        backend: str = "auto",
        threads: int | None = None,
        require_positives: bool = False,
    ):
        more = {"backend": backend, "threads": threads, "require_positives": require_positives}
        rule = hard_rule(soft)
        super().__init__(margin, distance_metric, name, reduction, dtype, rule=rule, **more)

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23 with additional entries."""
        return {**super().get_config(), "soft": self._per_row_loss.settings.rule == "hard-soft"}


# The registered names of TFA's classes in saved models.
keras.utils.get_custom_objects().update(
    {"Addons>TripletSemiHardLoss": TripletSemiHardLoss, "Addons>TripletHardLoss": TripletHardLoss}
)
register(keras)
