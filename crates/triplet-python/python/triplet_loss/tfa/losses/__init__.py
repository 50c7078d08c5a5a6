"""``tensorflow_addons.losses`` by its whole name: ``import triplet_loss.tfa as tfa``."""

from __future__ import annotations

from ..triplet import TripletHardLoss, TripletSemiHardLoss, triplet_hard_loss, triplet_semihard_loss
from . import metric_learning, triplet

__all__ = [
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "metric_learning",
    "triplet",
    "triplet_hard_loss",
    "triplet_semihard_loss",
]
