"""The mean loss over the batches that contain a positive pair."""

from __future__ import annotations

from typing import Any

import keras

from ._losses import TripletSemiHardLoss, _as_tensor


@keras.saving.register_keras_serializable(package="triplet_loss")
class TripletLossMetric(keras.metrics.Mean):
    """The mean of a triplet loss over batches, without those in which no two rows share a label.

    What ``fit`` and ``evaluate`` report as the loss counts such a batch as 0. As there, a batch
    counts by its rows, so that the two are equal where every batch has a positive pair. Where none
    has, the mean is NaN.

    >>> import numpy as np
    >>> from triplet_loss.keras import TripletLossMetric, TripletSemiHardLoss
    >>> metric = TripletLossMetric(TripletSemiHardLoss(margin=1.0))
    >>> x = np.array([[0.0], [1.0], [1.5], [3.0]], np.float32)
    >>> metric.update_state([0, 0, 1, 2], x)
    >>> metric.update_state([0, 1, 2, 3], x)  # no positive pair: left out
    >>> float(metric.result())
    0.25

    Args:
        loss: The loss; ``TripletSemiHardLoss()`` if None. It is computed once more for the metric:
            reductions that give one number for a batch only.
        name: Name of the metric.
        dtype: Type of its state.
    """

    def __init__(self, loss: Any = None, name: str = "triplet_loss", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.loss = TripletSemiHardLoss() if loss is None else loss
        if not isinstance(self.loss, keras.losses.Loss):
            kind = type(loss).__name__
            raise TypeError(
                f"loss is a {kind}: expected an object of a loss class, as TripletSemiHardLoss() is"
            )
        if self.loss.reduction in ("none", None):
            raise ValueError("the loss has reduction='none': a mean over batches needs one number for each")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Adds a batch of labels `[B]` or `[B, 1]` and embeddings `[B, D]`."""
        labels = _as_tensor(y_true)
        value = self.loss(labels, y_pred, sample_weight)
        in_order = keras.ops.sort(keras.ops.reshape(labels, (-1,)))  # one label a row
        has_pair = keras.ops.any(in_order[1:] == in_order[:-1])
        rows = keras.ops.shape(in_order)[0]
        weight = keras.ops.where(has_pair, keras.ops.cast(rows, self.dtype), 0)
        return super().update_state(value, weight)

    def result(self) -> Any:
        """The mean; NaN if no batch had a positive pair."""
        is_empty = keras.ops.equal(self.count, 0)
        return keras.ops.where(is_empty, keras.ops.cast(float("nan"), self.dtype), super().result())

    def get_config(self) -> dict[str, Any]:
        """Name and type of the metric, and the loss."""
        config = {"loss": keras.saving.serialize_keras_object(self.loss)}
        return {"name": self.name, "dtype": self.dtype, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The metric of such a configuration."""
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})
