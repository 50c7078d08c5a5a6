"""The losses of Keras 3."""

from __future__ import annotations

from typing import Any

import keras

from .._against import has_references
from .._arrays import as_array, as_embeddings, as_floats, as_labels, dtype_error, refuse_overflow
from .._attributes import LossAttributes
from .._frameworks import apply, apply_against, called_by, framework_of, refuse_masked
from .._loss import hard_rule, semi_hard_rule
from .._weights import check_weights

try:
    from keras.src.backend import get_keras_mask
except ImportError:  # earlier releases store the mask as an attribute of the tensor

    def get_keras_mask(x: Any) -> Any:
        """The mask of a tensor."""
        return getattr(x, "_keras_mask", None)


# Keras's reductions that the engine computes; Keras computes the others.
_REDUCTIONS = {"sum_over_batch_size": "mean", "mean": "mean", "sum": "sum", "none": "none", None: "none"}
_DEFAULT = "sum_over_batch_size"


class _KerasReduction(keras.losses.Loss):
    """Weights, mask and reduction of Keras applied to the losses of rows."""

    def call(self, losses: Any, _: Any) -> Any:
        return losses


class _TripletLoss(LossAttributes, keras.losses.Loss):
    """The base of both losses."""

    def __init__(self, margin: Any, distance_metric: Any, name: Any, reduction: Any, dtype: Any, **more: Any):
        reduction = _DEFAULT if reduction == "auto" else reduction  # the default of Keras 2
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self._configure(margin, distance_metric, **more)

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
        is_own_call = getattr(self.call, "__func__", None) is _TripletLoss.call
        reduction = _REDUCTIONS.get(self.reduction)
        if is_own_call and reduction and get_keras_mask(y_pred) is None and _replicas() == 1:
            return apply(self._with_reduction(reduction), y_true, self._in_own_dtype(y_pred), sample_weight)
        embeddings = self._in_own_dtype(y_pred)
        check_weights(sample_weight, embeddings.shape[0])
        losses = self.call(_as_tensor(y_true), embeddings)
        keras_reduction = _KerasReduction(name=self.name, reduction=self.reduction, dtype=self.dtype)
        return keras_reduction(losses, y_pred, self._copied(sample_weight))

    def against(
        self,
        y_true: Any,
        y_pred: Any,
        ref_true: Any,
        ref_pred: Any,
        sample_weight: Any = None,
        *,
        ids: Any = None,
        ref_ids: Any = None,
    ) -> Any:
        """The loss of a batch whose positives and negatives are taken from other rows: a reference set.

        For ``train_step``s of your own: ``model.fit`` passes one batch. A subclass's ``call`` and masks of
        Keras have no part in it, and its reduction must be one of the mean, the sum and ``none``.

        Args:
            y_true: Labels `[B]` of the anchors.
            y_pred: Their embeddings `[B, D]`.
            ref_true: Labels `[N]` of the references, of the same kind.
            ref_pred: Their embeddings `[N, D]`; the gradient is that to both.
            sample_weight: Factors on the anchors' losses.
            ids: What each anchor is, `[B]`: a reference with the same id is neither its positive nor
                its negative. Without ids, none is an anchor.
            ref_ids: What each reference is, `[N]`.
        """
        reduction = _REDUCTIONS.get(self.reduction)
        if reduction is None:
            raise ValueError(f"reduction is {self.reduction!r}: against takes a mean, a sum or none")
        if not has_references(ref_pred, ref_true, ids, ref_ids):
            raise ValueError(
                "ref_true and ref_pred are None: give the labels and embeddings of the references"
            )
        for values, what in (
            (y_pred, "embeddings"),
            (ref_pred, "references"),
            (sample_weight, "sample_weight"),
        ):
            refuse_masked(values, what)
        rows, others = self._in_own_dtype(y_pred), self._in_own_dtype(ref_pred)
        loss = self._with_reduction(reduction)
        return apply_against(loss, y_true, rows, (others, ref_true, ids, ref_ids), sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses of the rows `[B]`, without weights and reduction."""
        refuse_masked(y_pred, "embeddings")
        rows = keras.ops.convert_to_tensor(self._in_own_dtype(y_pred), dtype=self.dtype)
        return apply(self._per_row_loss, y_true, rows)

    def _wait_for_steps(self) -> None:
        if keras.backend.backend() == "jax":  # steps may still run after their calls have returned
            from .._jax import wait_for_programs

            wait_for_programs()

    def _in_own_dtype(self, y_pred: Any) -> Any:
        """Embeddings in the loss's dtype; tensors of another framework than Keras's backend unchanged."""
        framework = framework_of(y_pred)
        if framework is None and not _holds_tensors(y_pred):
            y_pred = self._exact(y_pred)
        if framework not in (None, keras.backend.backend()):
            return y_pred
        rows = keras.ops.convert_to_tensor(y_pred)
        name = keras.backend.standardize_dtype(rows.dtype)
        if not name.startswith(("float", "bfloat", "int", "uint")):  # Keras would convert it
            raise dtype_error(name)
        return keras.ops.convert_to_tensor(rows, dtype=self.dtype)

    def _exact(self, y_pred: Any) -> Any:
        """Embeddings of NumPy and lists; numbers that the loss's dtype cannot hold are an error."""
        array = as_array(y_pred, "embeddings")
        if array.dtype.kind in "iu":
            return array if self.dtype == "float64" else as_embeddings(array)[0]
        array = as_floats(array)
        refuse_overflow(array, self.dtype)
        return array

    def _copied(self, weights: Any) -> Any:
        """A copy of the weights on torch, where Keras multiplies its argument by the mask in place."""
        if weights is None or keras.backend.backend() != "torch":
            return weights
        return keras.ops.copy(keras.ops.convert_to_tensor(weights, dtype=self.dtype))

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23 with additional entries."""
        return {**super().get_config(), **self._tfa_config(), **self._extra_config(), "dtype": self.dtype}


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
        backend: ``auto``, ``par``, ``openmp``, ``simd``, ``scalar`` or ``gram``: the engine of this package,
            not the backend of Keras.
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
        rule = semi_hard_rule(literal)
        super().__init__(margin, distance_metric, name, reduction, dtype, rule=rule, **more)

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23 with additional entries."""
        return {**super().get_config(), "literal": self._per_row_loss.settings.rule == "semi-hard-literal"}


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
        rule = hard_rule(soft)
        super().__init__(margin, distance_metric, name, reduction, dtype, rule=rule, **more)

    def get_config(self) -> dict[str, Any]:
        """The configuration of TFA 0.23 with additional entries."""
        return {**super().get_config(), "soft": self._per_row_loss.settings.rule == "hard-soft"}


def _as_tensor(labels: Any) -> Any:
    """Labels as tensors for the ``call`` of a subclass; on JAX renumbered to int32 where needed."""
    if framework_of(labels) is not None or isinstance(labels, keras.Variable):
        return labels
    labels = as_labels(labels)
    if keras.backend.backend() == "jax":
        from .._jax import labels_as_int32

        return labels_as_int32(labels)
    return keras.ops.convert_to_tensor(labels)


def _holds_tensors(values: Any) -> bool:
    """Whether values are, or contain, tensors of a framework or variables of Keras."""
    if isinstance(values, (list, tuple)):
        return any(map(_holds_tensors, values))
    return framework_of(values) is not None or isinstance(values, keras.Variable)


def _replicas() -> int:
    """Replicas of a ``tf.distribute`` strategy, over which Keras takes the mean."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return int(tf.distribute.get_strategy().num_replicas_in_sync)


# The registered names of TFA's classes in saved models.
keras.saving.get_custom_objects().update(
    {"Addons>TripletSemiHardLoss": TripletSemiHardLoss, "Addons>TripletHardLoss": TripletHardLoss}
)
