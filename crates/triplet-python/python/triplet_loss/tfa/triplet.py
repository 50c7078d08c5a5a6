"""The functions of TFA's ``losses.triplet``, and its classes for the installed Keras."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ._functions import register, triplet_hard_loss, triplet_semihard_loss

__all__ = ["TripletHardLoss", "TripletSemiHardLoss", "triplet_hard_loss", "triplet_semihard_loss"]


def _classes() -> Any:
    """The module with the classes for TensorFlow's Keras or, without TensorFlow, the installed one."""
    legacy = os.environ.get("TF_USE_LEGACY_KERAS") in ("1", "true", "True")  # as TensorFlow reads it
    if not (legacy and find_spec("tf_keras")):
        try:
            import keras

            from .. import keras as classes
        except ImportError:  # no Keras, Keras 2, or one whose backend is missing
            pass
        else:
            register(keras)
            return classes
    if find_spec("tensorflow"):
        try:
            from . import keras2
        except ImportError:
            pass
        else:
            return keras2
    from . import _plain

    return _plain


if TYPE_CHECKING:
    from ._plain import TripletHardLoss, TripletSemiHardLoss
else:
    _module = _classes()
    TripletSemiHardLoss, TripletHardLoss = _module.TripletSemiHardLoss, _module.TripletHardLoss
