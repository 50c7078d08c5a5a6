"""Anchors against candidates besides their own batch: a reference set, or a memory bank."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_embeddings, as_labels, naming
from ._labels import as_labels_of_both


class Against(NamedTuple):
    """What the native module takes as candidates, besides the anchors."""

    labels: NDArray[np.int64]
    rows: NDArray[Any]
    ids: tuple[NDArray[np.int64], NDArray[np.int64]] | None
    """Those of anchors and candidates; a candidate with the anchor's id is neither positive nor negative."""
    gradient: bool
    """Whether the gradient to the candidates is wanted."""


def has_references(ref_emb: Any, ref_labels: Any, ids: Any, ref_ids: Any) -> bool:
    """Whether a call of a framework's loss has references; refuses one of a pair without the other."""
    if (ref_emb is None) != (ref_labels is None):
        missing = "ref_emb" if ref_emb is None else "ref_labels"
        raise ValueError(f"ref_emb and ref_labels go together: {missing} is missing")
    if ref_emb is None and not (ids is None and ref_ids is None):
        raise ValueError("ids say which of the references an anchor is: there is no ref_emb")
    if (ids is None) != (ref_ids is None):
        raise ValueError("ids and ref_ids go together: one is missing")
    return ref_emb is not None


def prepared(
    labels: Any,
    candidates: Any,
    candidate_labels: Any,
    ids: Any = None,
    candidate_ids: Any = None,
    gradient: bool = False,
    names: tuple[str, str] = ("candidates", "candidate_labels"),
) -> tuple[NDArray[np.int64], Against | None, np.dtype[Any] | None]:
    """The anchors' labels, the candidates (None for the batch itself), and the candidates' type."""
    rows_name, labels_name = names
    if (candidates is None) != (candidate_labels is None):
        missing = rows_name if candidates is None else labels_name
        raise ValueError(f"{rows_name} and {labels_name} go together: {missing} is missing")
    if candidates is None:
        if ids is not None or candidate_ids is not None:
            raise ValueError(f"ids say which of the {rows_name} an anchor is: there are no {rows_name}")
        return as_labels(labels), None, None
    if (ids is None) != (candidate_ids is None):
        raise ValueError("ids of anchors and of candidates go together: one is missing")
    classes, other_classes = as_labels_of_both(labels, candidate_labels, ("labels", labels_name))
    with naming(rows_name):
        rows, dtype = as_embeddings(candidates)
    pair = None if ids is None else as_labels_of_both(ids, candidate_ids, ("ids", "candidate_ids"))
    return classes, Against(other_classes, rows, pair, gradient), dtype
