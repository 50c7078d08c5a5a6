"""How well embeddings find rows of their class: recall@k, precision@1, MAP@R.

>>> from triplet_loss import metrics
>>> found = metrics.retrieval([0, 0, 1, 1], [[0.0], [0.1], [1.0], [9.0]], k=(1, 2))
>>> found.precision_at_1, found.map_at_r, found.recall
(0.75, 0.75, {1: 0.75, 2: 0.75})

Every row is searched among all others, or among reference rows, on the engine that mines
triplets: all distances, no matrix of them. Equal distances go to the lower row. Rows with
nothing of their class to find are no queries. The definitions are those of Musgrave,
Belongie and Lim, *A Metric Learning Reality Check* (2020), and of
pytorch-metric-learning's ``AccuracyCalculator``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from operator import index
from typing import Any, NamedTuple

from . import _engine
from ._arrays import as_embeddings, as_labels

__all__ = ["Retrieval", "mean_average_precision_at_r", "precision_at_1", "recall_at_k", "retrieval"]


class Retrieval(NamedTuple):
    """Recall and precision over all queries."""

    queries: int
    """Rows that had something to find."""
    recall: dict[int, float]
    """For each k: the share of the queries with a row of their class among the nearest k."""
    r_precision: float
    """Mean share of a query's nearest R that are of its class, where R are."""
    map_at_r: float
    """Mean average precision at R."""

    @property
    def precision_at_1(self) -> float:
        """The share of the queries whose nearest row is of their class."""
        return self.recall[1]


def retrieval(
    labels: Any,
    embeddings: Any,
    *,
    k: int | Iterable[int] = (1,),
    reference: Any = None,
    reference_labels: Any = None,
    distance: str = "l2",
    backend: str = "auto",
    threads: int | None = None,
) -> Retrieval:
    """Searches each row of ``embeddings`` among the others, or among ``reference``.

    Args:
        labels: `[B]` or `[B, 1]`, integers.
        embeddings: `[B, D]`, float32, float64, float16 or bfloat16.
        k: Depths of recall@k; 1 is always there.
        reference: Rows to search instead, `[N, D]`.
        reference_labels: Their labels, `[N]`.
        distance: ``l2`` (which ranks as ``squared-l2`` does) or ``angular``.
        backend: ``auto``, ``par``, ``simd`` or ``scalar``, which give the same bits.
        threads: At most so many; None for one a core.
    """
    if (reference is None) != (reference_labels is None):
        raise ValueError("reference and reference_labels go together: one is missing")
    depths = [index(depth) for depth in k] if isinstance(k, Iterable) else [index(k)]
    if any(not 1 <= depth <= sys.maxsize for depth in depths):
        raise ValueError(f"k is {k}: depths start at 1, and end where no batch has so many rows")
    queries, recall, r_precision, map_at_r = _engine.engine.retrieve(
        _engine.plan(distance=distance, backend=backend, threads=threads),
        as_labels(labels),
        as_embeddings(embeddings)[0],
        None if reference_labels is None else as_labels(reference_labels),
        None if reference is None else as_embeddings(reference)[0],
        depths,
    )
    return Retrieval(queries, dict(recall), r_precision, map_at_r)


def recall_at_k(labels: Any, embeddings: Any, k: int = 1, **options: Any) -> float:
    """The share of the rows with one of their class among the nearest k; see ``retrieval``."""
    return retrieval(labels, embeddings, k=index(k), **options).recall[index(k)]


def precision_at_1(labels: Any, embeddings: Any, **options: Any) -> float:
    """The share of the rows whose nearest row is of their class; see ``retrieval``."""
    return retrieval(labels, embeddings, **options).precision_at_1


def mean_average_precision_at_r(labels: Any, embeddings: Any, **options: Any) -> float:
    """MAP@R, where R is how many others of its class a row has; see ``retrieval``."""
    return retrieval(labels, embeddings, **options).map_at_r
