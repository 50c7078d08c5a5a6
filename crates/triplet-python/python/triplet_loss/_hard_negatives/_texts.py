"""The texts of a dataset: each query and each text of the corpus once, and which are whose positives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Texts:
    """Unique texts, in order of first appearance."""

    dataset: Any
    names: tuple[str, str]
    """The columns of anchors and of positives."""
    rows: int
    queries: list[str]
    query_rows: NDArray[np.int64]
    """The first row of the dataset that has each query."""
    corpus: list[str]
    corpus_rows: NDArray[np.int64]
    """Where each text of the corpus is first: its place in ``corpus``, then in the column of positives."""
    given: int
    """How many texts ``corpus`` had."""
    starts: NDArray[np.int64]
    """Where the positives of each query start, and the end."""
    positives: NDArray[np.int64]
    """The positives of each query, by place in the corpus, in order of appearance."""
    most_positives: int
    """Rows of the query that has most."""

    def counts(self) -> NDArray[np.int64]:
        """How many positives each query has."""
        return np.diff(self.starts)

    def describe(self) -> None:
        """Prints what the unique texts are."""
        if len(self.queries) != self.rows:
            print(f"Found {len(self.queries)} unique queries out of {self.rows} total queries.")
        if self.most_positives > 1:
            mean = self.rows / len(self.queries)
            print(f"Found an average of {mean:.3f} positives per query.")

    def as_given(self, data: dict[str, list[Any]]) -> Any:
        """Columns as the kind of dataset that was given."""
        if isinstance(self.dataset, Mapping):
            return data
        kind = type(self.dataset)
        if hasattr(kind, "from_dict"):
            return kind.from_dict(data)
        return kind(data)


def read(
    dataset: Any, anchor_name: str | None, positive_name: str | None, corpus: Sequence[str] | None
) -> Texts:
    """Reads the columns of a dataset."""
    names = _names(dataset)
    columns = []
    for name, place, what in ((anchor_name, 0, "anchor"), (positive_name, 1, "positive")):
        if name is None:
            if len(names) <= place:
                raise ValueError(f"the dataset has {len(names)} columns: a second one has the positives")
            name = names[place]
        elif name not in names:
            raise ValueError(f"{what}_column_name is {name!r}: the dataset has {', '.join(map(repr, names))}")
        columns.append(name)
    if columns[0] == columns[1]:
        raise ValueError(
            f"anchor_column_name and positive_column_name are both {columns[0]!r}: "
            "each text would be its own positive"
        )
    anchors, positives = (_texts(dataset[name], name) for name in columns)
    if len(anchors) != len(positives):
        raise ValueError(f"{columns[0]!r} has {len(anchors)} rows and {columns[1]!r} {len(positives)}")
    if not anchors:
        raise ValueError("the dataset has no rows")
    given = [] if corpus is None else _texts(corpus, "corpus")
    queries, query_rows, query_of = _unique(anchors)
    unique, corpus_rows, place_of = _unique([*given, *positives])
    own = place_of[len(given) :]
    # The positives of a query, each once, in order of appearance.
    keys = query_of * len(unique) + own
    first = np.sort(np.unique(keys, return_index=True)[1])
    order = first[np.argsort(query_of[first], kind="stable")]
    counts = np.bincount(query_of[order], minlength=len(queries))
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Texts(
        dataset,
        (columns[0], columns[1]),
        len(anchors),
        queries,
        query_rows,
        unique,
        corpus_rows,
        len(given),
        starts,
        own[order],
        int(np.bincount(query_of).max()),
    )


def _names(dataset: Any) -> list[str]:
    for attribute in ("column_names", "columns"):
        names = getattr(dataset, attribute, None)
        if names is not None:
            return list(names)
    if isinstance(dataset, Mapping):
        return list(dataset)
    raise TypeError(
        f"dataset is a {type(dataset).__name__}: expected a datasets.Dataset, a DataFrame or a dict of "
        "columns"
    )


def _texts(column: Any, name: str) -> list[str]:
    if isinstance(column, (str, bytes)):
        raise TypeError(f"{name!r} is a {type(column).__name__}: expected a list of texts")
    texts = list(column)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"row {row} of {name!r} is a {type(text).__name__}: expected text")
    return texts


def _unique(texts: list[str]) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Each text once; where each is first; and which of them every text is."""
    places: dict[str, int] = {}
    of = np.empty(len(texts), np.int64)
    for row, text in enumerate(texts):
        of[row] = places.setdefault(text, len(places))
    first = np.full(len(places), -1, np.int64)
    rows = np.arange(len(texts))
    first[of[::-1]] = rows[::-1]
    return list(places), first, of
