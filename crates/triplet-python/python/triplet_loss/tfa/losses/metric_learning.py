"""``tensorflow_addons.losses.metric_learning`` by its whole name."""

from __future__ import annotations

from ..metric_learning import angular_distance, pairwise_distance

__all__ = ["angular_distance", "pairwise_distance"]
