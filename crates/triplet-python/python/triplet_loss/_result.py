"""What an evaluation gives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Statistics(NamedTuple):
    """Counts that tell whether a batch still teaches anything."""

    positive_pairs: int
    """Ordered pairs of distinct rows that share a label."""
    triplets: int
    """Triplets judged: one a positive pair, or one an anchor for the hard rules."""
    active: int
    """Triplets with a negative whose term is above zero."""
    fallbacks: int
    """Triplets for which no negative was far enough, so the farthest stood in."""
    anchors_without_negatives: int
    """Rows that have a positive but no negative."""

    @property
    def active_fraction(self) -> float:
        """Share of the triplets that are active; 0 for none."""
        return self.active / self.triplets if self.triplets else 0.0


class Triplets(NamedTuple):
    """The mined triplets by ascending anchor, then positive; -1 stands for none."""

    anchor: NDArray[np.int64]
    positive: NDArray[np.int64]
    negative: NDArray[np.int64]
    positive_distance: NDArray[Any]
    negative_distance: NDArray[Any]


class Evaluation:
    """Loss, gradient, triplets and statistics of one batch."""

    __slots__ = ("backend", "gradient", "isa", "loss", "statistics", "threads", "triplets")

    loss: Any
    """The loss, a NumPy scalar of the embeddings' type; with ``reduction="none"`` the
    losses of the rows, ``[B]``."""
    gradient: NDArray[Any] | None
    """Its gradient ``[B, D]``, in the embeddings' type; None if not asked for."""
    triplets: Triplets | None
    """The mined triplets; None if not asked for."""
    statistics: Statistics
    """Counts over the batch."""
    backend: str
    """What computed it: ``scalar``, ``gram``, ``simd`` or ``par``."""
    isa: str
    """On which instruction set."""
    threads: int
    """On at most how many threads."""

    def __repr__(self) -> str:
        loss, counts = np.asarray(self.loss), self.statistics
        shown = f"loss={float(loss):.6g}" if loss.ndim == 0 else f"loss={loss.dtype.name}{list(loss.shape)}"
        parts = [
            shown,
            f"triplets={counts.triplets} ({100 * counts.active_fraction:.1f} % active, "
            f"{counts.fallbacks} fallbacks)",
        ]
        if self.gradient is not None:
            parts.append(f"gradient={self.gradient.dtype.name}{list(self.gradient.shape)}")
        parts.append(f"ran on {self.backend}/{self.isa}, {self.threads} thread(s)")
        return f"Evaluation({', '.join(parts)})"
