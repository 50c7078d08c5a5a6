"""The result types of `evaluate`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Statistics(NamedTuple):
    """Counts over a batch: how many triplets there are, and how many contribute to the loss."""

    positive_pairs: int
    """Ordered pairs of distinct rows that share a label."""
    triplets: int
    """Triplets evaluated: one a positive pair, or one an anchor for the hard rules."""
    violating: int
    """Triplets with a negative whose term is above zero."""
    fallbacks: int
    """Triplets for which no negative was farther than the positive, so that the farthest was chosen."""
    anchors_without_negatives: int
    """Rows that have a positive but no negative."""

    @property
    def violating_fraction(self) -> float:
        """Share of the triplets that violate the margin; 0 for none."""
        return self.violating / self.triplets if self.triplets else 0.0


class Triplets(NamedTuple):
    """The mined triplets by ascending anchor, then positive; -1 stands for none."""

    anchor: NDArray[np.int64]
    positive: NDArray[np.int64]
    negative: NDArray[np.int64]
    positive_distance: NDArray[Any]
    negative_distance: NDArray[Any]


class Evaluation:
    """Loss, gradient, triplets and statistics of one batch."""

    __slots__ = (
        "backend",
        "candidate_gradient",
        "gradient",
        "isa",
        "loss",
        "statistics",
        "threads",
        "triplets",
    )

    loss: Any
    """The loss, a NumPy scalar of the embeddings' type; with ``reduction="none"`` the
    losses of the rows, ``[B]``."""
    gradient: NDArray[Any] | None
    """Its gradient ``[B, D]``, in the embeddings' type; None if not requested."""
    candidate_gradient: NDArray[Any] | None
    """Its gradient by the candidates ``[N, D]``; None if not requested."""
    triplets: Triplets | None
    """The mined triplets; None if not requested."""
    statistics: Statistics
    """Counts over the batch."""
    backend: str
    """The backend: ``scalar``, ``gram``, ``simd``, ``par`` or ``openmp``."""
    isa: str
    """The instruction set."""
    threads: int
    """The largest number of threads used."""

    def __repr__(self) -> str:
        loss, counts = np.asarray(self.loss), self.statistics
        shown = f"loss={float(loss):.6g}" if loss.ndim == 0 else f"loss={loss.dtype.name}{list(loss.shape)}"
        parts = [
            shown,
            f"triplets={counts.triplets} ({100 * counts.violating_fraction:.1f} % violating, "
            f"{counts.fallbacks} fallbacks)",
        ]
        if self.gradient is not None:
            parts.append(f"gradient={self.gradient.dtype.name}{list(self.gradient.shape)}")
        parts.append(f"ran on {self.backend}/{self.isa}, {self.threads} thread(s)")
        return f"Evaluation({', '.join(parts)})"
