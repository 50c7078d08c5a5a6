"""The losses of Keras 3."""

from __future__ import annotations

from typing import Any

import keras

from .._arrays import as_array, as_embeddings, as_labels
from .._attributes import LossAttributes
from .._frameworks import apply, called_by, framework_of, refuse_masked
from .._weights import check_weights

try:
    from keras.src.backend import get_keras_mask
except ImportError:  # earlier releases keep the mask with the tensor

    def get_keras_mask(x: Any) -> Any:
        """The mask of a tensor."""
        return getattr(x, "_keras_mask", None)


# Keras's reductions that are ours; the others are left to it.
_REDUCTIONS = {"sum_over_batch_size": "mean", "mean": "mean", "sum": "sum", "none": "none", None: "none"}
_DEFAULT = "sum_over_batch_size"


class _Sum(keras.losses.Loss):
    """Keras's own way of weighing, masking and adding up rows whose losses are known."""

    def call(self, losses: Any, _: Any) -> Any:
        return losses


class _TripletLoss(LossAttributes, keras.losses.Loss):
    """What both losses share."""

    def __init__(self, margin: Any, distance_metric: Any, name: Any, reduction: Any, dtype: Any, **more: Any):
        reduction = _DEFAULT if reduction == "auto" else reduction  # as Keras 2 said it
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self._define(margin, distance_metric, **more)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`.

        Labels stay integers: the base class would round them to floats.
        """
        if called_by("tf_keras"):
            name = type(self).__name__
            raise TypeError(
                f"this {name} is a loss of Keras 3 and the model is one of tf_keras: use "
                f"triplet_loss.tfa.keras2.{name}, or set TF_USE_LEGACY_KERAS=1 before all imports"
            )
        refuse_masked(y_pred, "embeddings")
        refuse_masked(sample_weight, "sample_weight")
        is_ours = getattr(self.call, "__func__", None) is _TripletLoss.call
        reduction = _REDUCTIONS.get(self.reduction)
        if is_ours and reduction and get_keras_mask(y_pred) is None and _replicas() == 1:
            return apply(self._summed(reduction), y_true, self._converted(y_pred), sample_weight)
        embeddings = self._converted(y_pred)
        check_weights(sample_weight, embeddings.shape[0])
        losses = self.call(_as_tensor(y_true), embeddings)
        with_keras = _Sum(name=self.name, reduction=self.reduction, dtype=self.dtype)
        return with_keras(losses, y_pred, self._copied(sample_weight))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses of the rows `[B]`, neither weighed nor added up."""
        refuse_masked(y_pred, "embeddings")
        return apply(self._rows, y_true, keras.ops.convert_to_tensor(y_pred, dtype=self.dtype))

    def _before_change(self) -> None:
        if keras.backend.backend() == "jax":  # whose steps run on after their calls have returned
            from .._jax import finish

            finish()

    def _converted(self, y_pred: Any) -> Any:
        """Embeddings in the type to compute in; those of another framework than Keras's as they are."""
        framework = framework_of(y_pred)
        if framework is None and not _holds_tensors(y_pred):
            y_pred = self._exact(y_pred)
        if framework in (None, keras.backend.backend()):
            return keras.ops.convert_to_tensor(y_pred, dtype=self.dtype)
        return y_pred

    def _exact(self, y_pred: Any) -> Any:
        """Embeddings of NumPy and lists; integers only if the type to compute in holds each."""
        array = as_array(y_pred, "embeddings")
        if array.dtype.kind not in "iu" or self.dtype == "float64":
            return array
        return as_embeddings(array)[0]

    def _copied(self, weights: Any) -> Any:
        """On torch, Keras multiplies the weights that it is given by the mask in place."""
        if weights is None or keras.backend.backend() != "torch":
            return weights
        return keras.ops.copy(keras.ops.convert_to_tensor(weights, dtype=self.dtype))

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23, and what it does not have."""
        return {**super().get_config(), **self._as_tfa(), **self._as_ours(), "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="triplet_loss")
class TripletSemiHardLoss(_TripletLoss):
    """For every anchor and positive, the nearest negative that is farther than the positive.

    Args:
        margin: Margin of the hinge, in units of the distance: a number; an array, tensor or
            variable without dimensions; or a function of no arguments that gives one. May be
            set later. Configurations hold the number that it is at the moment. Compiled steps read
            variables and call functions while they run: on JAX, whose steps run on after their
            calls have returned, change them when a step has ended (``on_train_batch_end``,
            ``on_epoch_begin``), and let the function use no JAX. A number can be set at any time.
        distance_metric: ``L2``, ``squared-L2`` or ``angular``.
        name: Name of the loss.
        reduction: As in Keras; ``sum_over_batch_size`` gives TFA's scalar.
        dtype: Type to compute in; None for Keras's ``floatx``.
        literal: The sentence on TFA's page instead of what its code does.
        backend: ``auto``, ``par``, ``simd``, ``scalar`` or ``gram``: what computes here, not
            Keras's backend.
        threads: At most so many; None for one a core.
        require_positives: Whether a batch without a positive pair is an error.
    """

    def __init__(
        self,
        margin: Any = 1.0,
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
        more = {"backend": backend, "threads": threads, "require_positives": require_positives}
        rule = "semi-hard-literal" if literal else "semi-hard"
        super().__init__(margin, distance_metric, name, reduction, dtype, rule=rule, **more)

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
        margin: Any = 1.0,
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
        more = {"backend": backend, "threads": threads, "require_positives": require_positives}
        rule = "hard-soft" if soft else "hard"
        super().__init__(margin, distance_metric, name, reduction, dtype, rule=rule, **more)

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23, and what it does not have."""
        return {**super().get_config(), "soft": self._rows.settings.rule == "hard-soft"}


def _as_tensor(labels: Any) -> Any:
    """Labels as a subclass's ``call`` expects them; wide integers stay apart on JAX."""
    if framework_of(labels) is not None or isinstance(labels, keras.Variable):
        return labels
    labels = as_labels(labels)
    if keras.backend.backend() == "jax":
        from .._jax import narrow

        return narrow(labels)
    return keras.ops.convert_to_tensor(labels)


def _holds_tensors(values: Any) -> bool:
    """Whether values are those of a framework, or of Keras, which a gradient may be asked for."""
    if isinstance(values, (list, tuple)):
        return any(map(_holds_tensors, values))
    return framework_of(values) is not None or isinstance(values, keras.Variable)


def _replicas() -> int:
    """Replicas of a ``tf.distribute`` strategy, over which Keras takes the mean."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return int(tf.distribute.get_strategy().num_replicas_in_sync)


# Models saved with TFA name its classes so.
keras.saving.get_custom_objects().update(
    {"Addons>TripletSemiHardLoss": TripletSemiHardLoss, "Addons>TripletHardLoss": TripletHardLoss}
)
