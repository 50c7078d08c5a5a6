"""Negatives as columns, in the formats of sentence-transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._search import Found
from ._texts import Texts

FORMATS = ("triplet", "n-tuple", "labeled-pair", "labeled-list")


@dataclass
class Summary:
    """What the statistics are of."""

    negatives: NDArray[Any]
    differences: NDArray[Any]
    rows: int
    possible: int


def columns(texts: Texts, found: Found, kind: str, with_scores: bool) -> tuple[dict[str, list[Any]], Summary]:
    """The columns of a format, and what there is to say of them."""
    counts = texts.counts()
    queries = np.repeat(np.arange(len(texts.queries)), counts)
    # A row a positive.
    negatives, scores = found.negatives[queries], found.scores[queries]
    there = scores != -np.inf
    positive = np.broadcast_to(found.positive_scores[:, None], scores.shape)
    anchor_name, positive_name = texts.names
    corpus, asked = texts.corpus, texts.queries
    kept, differences = scores[there], positive[there] - scores[there]
    if kind == "triplet":
        places = np.nonzero(there)[0]
        data: dict[str, list[Any]] = {
            anchor_name: [asked[query] for query in queries[places]],
            positive_name: [corpus[row] for row in texts.positives[places]],
            "negative": [corpus[row] for row in negatives[there]],
        }
        if with_scores:
            data["scores"] = np.stack([positive[there], kept], axis=1).tolist()
        possible = there.size
    elif kind == "labeled-pair":
        data = _labelled_pairs(texts, found, with_scores)
        possible = len(asked) * scores.shape[1] + texts.rows
    elif kind == "n-tuple":
        full = there.all(axis=1)
        data = {
            anchor_name: [asked[query] for query in queries[full]],
            positive_name: [corpus[row] for row in texts.positives[full]],
        }
        for place, rows in enumerate(negatives[full].T, start=1):
            data[f"negative_{place}"] = [corpus[row] for row in rows]
        if with_scores:
            data["scores"] = np.concatenate([positive[full, :1], scores[full]], axis=1).tolist()
        kept, differences = scores[full].ravel(), (positive[full] - scores[full]).ravel()
        possible = len(full)
    else:
        some = np.nonzero(there.any(axis=1))[0]
        data = {
            anchor_name: [asked[queries[row]] for row in some],
            positive_name: [
                [corpus[texts.positives[row]], *(corpus[place] for place in negatives[row][there[row]])]
                for row in some
            ],
        }
        if with_scores:
            data["scores"] = [[positive[row, 0].item(), *scores[row][there[row]].tolist()] for row in some]
        else:
            data["labels"] = [[1] + [0] * int(there[row].sum()) for row in some]
        possible = len(there)
    return data, Summary(kept, differences, len(data[anchor_name]), possible)


def _labelled_pairs(texts: Texts, found: Found, with_scores: bool) -> dict[str, list[Any]]:
    """A row a pair: the positives of a query, then its negatives."""
    anchors: list[str] = []
    others: list[str] = []
    values: list[Any] = []
    for query, text in enumerate(texts.queries):
        own = slice(texts.starts[query], texts.starts[query + 1])
        there = found.scores[query] != -np.inf
        rows = [*texts.positives[own], *found.negatives[query][there]]
        anchors.extend([text] * len(rows))
        others.extend(texts.corpus[row] for row in rows)
        if with_scores:
            values.extend(found.positive_scores[own].tolist() + found.scores[query][there].tolist())
        else:
            values.extend([1] * (own.stop - own.start) + [0] * int(there.sum()))
    name = "score" if with_scores else "label"
    return {texts.names[0]: anchors, texts.names[1]: others, name: values}
