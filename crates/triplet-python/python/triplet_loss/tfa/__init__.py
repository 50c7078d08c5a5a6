"""The names and defaults of ``tensorflow_addons.losses`` 0.23: ``import triplet_loss.tfa as losses``.

The classes are those of the Keras in use: ``triplet_loss.keras`` where ``import keras`` is Keras 3;
``triplet_loss.tfa.keras2`` where TensorFlow's Keras is Keras 2 (TensorFlow up to 2.15, or
``TF_USE_LEGACY_KERAS=1``); plain callables without Keras. All take tensors of TensorFlow, torch and
JAX, and NumPy arrays, and return the same kind, with a gradient where the framework has one.

This import is enough to load models that were saved with TFA's losses. The modules below
``tensorflow_addons.losses`` that are here have their names: ``triplet``, ``metric_learning``.

Where TFA gave NaN (no two rows of the batch share a label) these give 0. TFA took
``reduction`` and ignored it; the classes here take Keras's. Everything else that differs is in
the project's docs/semantics.md and docs/migration.md.
"""

from __future__ import annotations

from . import losses, metric_learning, triplet
from .triplet import TripletHardLoss, TripletSemiHardLoss, triplet_hard_loss, triplet_semihard_loss

__all__ = [
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "losses",
    "metric_learning",
    "triplet",
    "triplet_hard_loss",
    "triplet_semihard_loss",
]
