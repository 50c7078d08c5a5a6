"""The functions of TFA's ``losses.triplet``."""

from __future__ import annotations

from typing import Any

from .._frameworks import apply_function
from .._loss import Settings, check_metric, hard_rule


def triplet_semihard_loss(y_true: Any, y_pred: Any, margin: Any = 1.0, distance_metric: str = "L2") -> Any:
    """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`, a scalar.

    For every anchor and positive, the nearest negative that is farther than the positive.
    ``margin``: a number; an array, tensor or variable without dimensions; or a function of no
    arguments that gives one. ``distance_metric``: ``L2``, ``squared-L2`` or ``angular``.

    A model compiled with a function multiplies this one number by every row's ``sample_weight``;
    the class ``TripletSemiHardLoss`` weighs the rows' losses.
    """
    return apply_function(Settings(margin, check_metric(distance_metric)), y_true, y_pred)


def triplet_hard_loss(
    y_true: Any, y_pred: Any, margin: Any = 1.0, soft: bool = False, distance_metric: str = "L2"
) -> Any:
    """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`, a scalar.

    For every anchor, its farthest positive and its nearest negative; ``soft`` takes the
    softplus of the difference instead of the hinge. For the rest see ``triplet_semihard_loss``.
    """
    rule = hard_rule(soft)
    return apply_function(Settings(margin, check_metric(distance_metric), rule), y_true, y_pred)


def register(keras: Any) -> None:
    """Registers the functions under the names in models that were compiled with TFA's.

    The registered name in the .keras format; the bare name in .h5 files.
    """
    for function in (triplet_semihard_loss, triplet_hard_loss):
        keras.utils.register_keras_serializable(package="Addons")(function)
        keras.utils.get_custom_objects()[function.__name__] = function
