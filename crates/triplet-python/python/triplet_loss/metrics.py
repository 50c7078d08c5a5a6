"""How well embeddings find rows of their class: recall@k, precision@1, MAP@R.

>>> from triplet_loss import metrics
>>> found = metrics.retrieval([0, 0, 1, 1], [[0.0], [0.1], [1.0], [9.0]], k=(1, 2))
>>> found.precision_at_1, found.map_at_r, found.recall
(0.75, 0.75, {1: 0.75, 2: 0.75})

Every row is a query that ranks all other rows, or the reference rows, by distance, on the engine
that mines triplets and without a matrix of distances. Among equal distances the lower row comes
first. Rows without another row of their class are not counted as queries. If the reference contains
the queries, each finds itself first, unless ``exclude_self`` or ``ids`` exclude it.

Distances are computed from inner products, which lose digits where rows are far from the
origin and near to each other: at a common offset of 1000 in float32, few are left. A
``UserWarning`` reports it, and ``centre=True`` subtracts the offset first.

The definitions are those of Musgrave, Belongie and Lim, *A Metric Learning Reality Check* (2020),
and of pytorch-metric-learning's ``AccuracyCalculator``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _engine
from ._arguments import choice, flag, integer
from ._arrays import as_embeddings, as_labels, naming
from ._labels import as_labels_of_both

__all__ = ["Retrieval", "mean_average_precision_at_r", "precision_at_1", "recall_at_k", "retrieval"]


class Retrieval(NamedTuple):
    """Recall and precision over all queries."""

    queries: int
    """Rows with at least one other row of their class to find."""
    recall: dict[int, float]
    """For each k: the share of the queries with a row of their class among the nearest k."""
    r_precision: float
    """Mean share of rows of the query's class among its nearest R, where R rows of its class exist."""
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
    ids: Any = None,
    reference_ids: Any = None,
    exclude_self: bool = False,
    centre: bool = False,
) -> Retrieval:
    """Ranks, for each row of ``embeddings``, the other rows or the rows of ``reference``.

    Args:
        labels: `[B]` or `[B, 1]`, of any kind that ``evaluate`` takes.
        embeddings: `[B, D]`, float32, float64, float16 or bfloat16, or integers that float32
            holds.
        k: Depths of recall@k; 1 is always there.
        reference: Rows to rank instead, `[N, D]`. A query that is among them finds itself first,
            unless ``exclude_self`` or ``ids`` exclude it.
        reference_labels: Their labels, `[N]`, of the same kind.
        distance: ``l2`` (which ranks as ``squared-l2`` does) or ``angular``.
        backend: ``auto``, ``par``, ``openmp``, ``simd`` or ``scalar``, which give the same bits.
        threads: At most so many; None for one a core.
        ids: One a row, of any kind that labels may be of; they may repeat. Rows with the id of the
            query are excluded from its ranking and from R.
        reference_ids: Those of the reference, `[N]`.
        exclude_self: The reference begins with the queries: row i of ``embeddings`` does not
            find row i of ``reference``. That these rows are the same is checked. Without a
            reference no row finds itself anyway.
        centre: Subtract the mean of the rows that are searched first, in float64 and rounded
            once. Euclidean distances stay the same but for rounding, of which there is less.

    Raises:
        ValueError: A shape, name or value that cannot be; the message names it.
        TypeError: Something that holds no numbers, or labels of another kind than the
            reference's.

    Warns:
        UserWarning: For one query in twenty or more, rounding may exceed the distance to the
            nearest row, so that ranks cannot be relied on. The bound on the rounding is
            ``D * eps * (squared norms of both rows)`` for squared distances and ``D * eps``
            for angular ones, with ``eps`` that of the type.
    """
    if (reference is None) != (reference_labels is None):
        raise ValueError("reference and reference_labels go together: one is missing")
    depths = [integer(depth, "k") for depth in (k if isinstance(k, Iterable) else [k])]
    if any(not 1 <= depth <= sys.maxsize for depth in depths):
        raise ValueError(f"k is {str(k)[:80]}: depths start at 1, and end where no batch has so many rows")
    exclude_self, centre = flag(exclude_self, "exclude_self"), flag(centre, "centre")
    if choice(backend, "backend").lower() == "gram":
        raise ValueError(
            'backend is "gram", which needs a matrix of distances: choose one of auto, par, openmp, simd, '
            "scalar"
        )
    rows = as_embeddings(embeddings)[0]
    with naming("reference"):
        references = None if reference is None else as_embeddings(reference)[0]
    if references is None:
        classes, reference_classes = as_labels(labels), None
    else:
        classes, reference_classes = as_labels_of_both(
            labels, reference_labels, ("labels", "reference_labels")
        )
    id_pairs = _ids(ids, reference_ids, references is not None)
    if exclude_self and id_pairs is not None:
        raise ValueError("ids and exclude_self both exclude rows from a query's ranking: give one of them")
    if exclude_self and references is not None and reference_classes is not None:
        _check_that_reference_begins_with(rows, classes, references, reference_classes)
        id_pairs = np.arange(len(rows)), np.arange(len(references))
    queries, recall, r_precision, map_at_r, rounding = _engine.engine.retrieve(
        _engine.plan(distance=distance, backend=backend, threads=threads),
        classes,
        rows,
        reference_classes,
        references,
        depths,
        id_pairs,
        centre,
    )
    if rounding > 1:
        way = _advice(rows, centre or distance.lower() == "angular")
        warnings.warn(
            "digits are lost: for one query in twenty or more, rounding may exceed the distance to "
            f"the nearest row {rounding:.3g} times, since the rows are far from the origin and near to each "
            f"other; {way}",
            stacklevel=2,
        )
    return Retrieval(queries, dict(recall), r_precision, map_at_r)


def _advice(rows: NDArray[Any], centred: bool) -> str:
    """Advice against the loss of digits, given the type and whether centring is already in use."""
    if rows.dtype == np.float64:
        return "scale the rows or remove what they have in common" if centred else "pass centre=True"
    return "pass float64" if centred else "pass centre=True, or float64"


def _ids(ids: Any, reference_ids: Any, has_reference: bool) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Ids of the queries and of the rows that they rank; the same array without a reference."""
    if not has_reference:
        if reference_ids is not None:
            raise ValueError("reference_ids go with a reference: there is none")
        own = None if ids is None else as_labels(ids, "ids")
        return None if own is None else (own, own)
    if (ids is None) != (reference_ids is None):
        raise ValueError("ids and reference_ids go together where there is a reference: one is missing")
    return None if ids is None else as_labels_of_both(ids, reference_ids, ("ids", "reference_ids"))


def _check_that_reference_begins_with(
    rows: NDArray[Any], classes: NDArray[Any], references: NDArray[Any], reference_classes: NDArray[Any]
) -> None:
    """Checks that row i of the reference is row i of the queries, as ``exclude_self`` requires."""
    count = len(rows)
    if len(references) < count:
        raise ValueError(
            f"exclude_self: the reference has {len(references)} rows, but begins with the {count} queries; "
            "pass ids and reference_ids where it does not"
        )
    if rows.dtype != references.dtype or rows.shape[1:] != references.shape[1:]:
        return  # the engine raises its own error for these
    first = references[:count]
    differs = ((rows != first) & ((rows == rows) | (first == first))).any(axis=1)
    if classes.shape == (count,) and len(reference_classes) >= count:
        differs |= classes != reference_classes[:count]
    if differs.any():
        row = int(np.argmax(differs))
        raise ValueError(
            f"exclude_self: row {row} of the reference is not row {row} of the queries, or has another "
            "label; pass ids and reference_ids instead"
        )


def recall_at_k(labels: Any, embeddings: Any, k: int = 1, **options: Any) -> float:
    """The share of the rows with one of their class among the nearest k; see ``retrieval``."""
    depth = integer(k, "k")
    return retrieval(labels, embeddings, k=depth, **options).recall[depth]


def precision_at_1(labels: Any, embeddings: Any, **options: Any) -> float:
    """The share of the rows whose nearest row is of their class; see ``retrieval``."""
    return retrieval(labels, embeddings, **options).precision_at_1


def mean_average_precision_at_r(labels: Any, embeddings: Any, **options: Any) -> float:
    """MAP@R, where R is how many others of its class a row has; see ``retrieval``."""
    return retrieval(labels, embeddings, **options).map_at_r
