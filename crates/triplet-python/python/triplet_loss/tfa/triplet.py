"""The functions of TFA's ``losses.triplet``, and its classes for the Keras that is in use."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .._frameworks import apply_once
from .._loss import Settings, named

__all__ = ["TripletHardLoss", "TripletSemiHardLoss", "triplet_hard_loss", "triplet_semihard_loss"]


def triplet_semihard_loss(y_true: Any, y_pred: Any, margin: Any = 1.0, distance_metric: str = "L2") -> Any:
    """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`, a scalar.

    For every anchor and positive, the nearest negative that is farther than the positive.
    ``margin``: a number; an array, tensor or variable without dimensions; or a function of no
    arguments that gives one. ``distance_metric``: ``L2``, ``squared-L2`` or ``angular``.

    A model compiled with a function multiplies this one number by every row's ``sample_weight``;
    the class ``TripletSemiHardLoss`` weighs the rows' losses.
    """
    return apply_once(Settings(margin, named(distance_metric)), y_true, y_pred)


def triplet_hard_loss(
    y_true: Any, y_pred: Any, margin: Any = 1.0, soft: bool = False, distance_metric: str = "L2"
) -> Any:
    """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`, a scalar.

    For every anchor, its farthest positive and its nearest negative; ``soft`` takes the
    softplus of the difference instead of the hinge. For the rest see ``triplet_semihard_loss``.
    """
    rule = "hard-soft" if soft else "hard"
    return apply_once(Settings(margin, named(distance_metric), rule), y_true, y_pred)


def _register(keras: Any) -> None:
    """Models compiled with a function of TFA's are saved by its name: bare in .h5 files."""
    for function in (triplet_semihard_loss, triplet_hard_loss):
        keras.saving.register_keras_serializable(package="Addons")(function)
        keras.saving.get_custom_objects()[function.__name__] = function


def _classes() -> Any:
    """The module with the classes of the Keras that TensorFlow, or without it this environment, uses."""
    legacy = os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
    if not (legacy and find_spec("tf_keras")):
        try:
            import keras

            from .. import keras as classes
        except ImportError:  # no Keras, Keras 2, or one whose backend is missing
            pass
        else:
            _register(keras)
            return classes
    if find_spec("tensorflow"):
        try:
            from . import keras2
        except ImportError:
            pass
        else:
            _register(keras2.keras)
            return keras2
    from . import _plain

    return _plain


if TYPE_CHECKING:
    from ._plain import TripletHardLoss, TripletSemiHardLoss
else:
    _module = _classes()
    TripletSemiHardLoss, TripletHardLoss = _module.TripletSemiHardLoss, _module.TripletHardLoss
