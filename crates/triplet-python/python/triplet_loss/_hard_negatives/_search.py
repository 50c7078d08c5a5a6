"""Which texts are the negatives of each query."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _engine
from .._arguments import check_finite, integer
from ._embeddings import Embeddings
from ._texts import Texts

_MOST_TEXTS = 2**32 - 1
"""Of a corpus: their places have 32 bits."""


@dataclass(frozen=True)
class Conditions:
    """What a negative's score has to be."""

    absolute_margin: float | None
    relative_margin: float | None
    max_score: float | None
    min_score: float | None

    def __post_init__(self) -> None:
        for name, value in self.given():
            check_finite(value, name)

    def given(self) -> list[tuple[str, float]]:
        """Those that there are, by name."""
        names = ("absolute_margin", "relative_margin", "max_score", "min_score")
        return [(name, value) for name in names if (value := getattr(self, name)) is not None]


@dataclass(frozen=True)
class Ranks:
    """Which of the nearest texts are taken."""

    first: int
    last: int
    count: int
    random: bool

    @classmethod
    def of(
        cls,
        texts: Texts,
        conditions: Conditions,
        rescored: bool,
        given: tuple[int, int | None, int],
        strategy: str,
    ) -> Ranks:
        """The ranks that sentence-transformers takes."""
        first = integer(given[0], "range_min", 0, "it counts texts that are left out")
        last = None if given[1] is None else integer(given[1], "range_max", expected="an integer or None")
        count = integer(given[2], "num_negatives", 1, "at least one is needed", _MOST_TEXTS)
        if last is None:
            names = {name for name, _ in conditions.given()}
            filtered = names - {"min_score"} or (rescored and names)
            last = first + (10 if filtered else 1) * count + texts.most_positives
        if count > last - first:
            left = f"range_min {first} and range_max {last} leave {max(0, last - first)} texts"
            raise ValueError(f"num_negatives is {count}, and {left}")
        return cls(first, last, count, strategy == "random")


@dataclass
class Found:
    """What was found, a row a query."""

    negatives: NDArray[np.int64]
    """By place in the corpus."""
    scores: NDArray[Any]
    """Of these; minus infinity where there is no further negative."""
    positive_scores: NDArray[Any]
    """Of all positives of all queries."""
    skipped: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By condition: how many texts it left out, and their share."""


def search(
    texts: Texts,
    embeddings: Embeddings,
    conditions: Conditions,
    ranks: Ranks,
    *,
    until_found: bool,
    include_positives: bool,
    rescore: tuple[Any, int],
    memory: int | None,
    threads: int | None,
    progress: Callable[[int, int], object] | None,
    verbose: bool,
) -> Found:
    """Searches and chooses."""
    plan = _engine.plan(distance=embeddings.distance, threads=threads)
    pairs = np.repeat(np.arange(len(texts.queries)), texts.counts()), texts.positives
    near = _engine.engine.pair_distances(plan, embeddings.queries, embeddings.corpus, pairs)
    positive_scores = embeddings.scores(near)
    watch, done = _watch(progress, verbose)

    def nearest(keep: int, **given: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
        rows, distances = _engine.engine.nearest(
            plan, embeddings.queries, embeddings.corpus, keep, memory=memory, watch=watch, **given
        )
        return rows, np.where(rows < 0, -np.inf, embeddings.scores(distances)).astype(distances.dtype)

    try:
        if until_found:
            keep = ranks.first + (
                max(10 * ranks.count, ranks.last - ranks.first) if ranks.random else ranks.count
            )
            excluded = None if include_positives else _excluded(texts)
            least = _least(embeddings, conditions, _lowest(positive_scores, texts))
            most = None if conditions.min_score is None else _distance(embeddings, conditions.min_score)
            rows, scores = nearest(min(keep, len(texts.corpus)), least=least, most=most, excluded=excluded)
            found = Found(rows, scores, positive_scores)
        else:
            keep = min(ranks.last + texts.most_positives, len(texts.corpus))
            rows, scores = nearest(keep)
            found = Found(rows, scores, positive_scores)
            if rescore[0] is not None and conditions.given():
                _rescore(texts, found, *rescore)
            _filter(texts, found, conditions, include_positives)
    finally:
        done()
    _choose(found, ranks, until_found)
    return found


def _watch(
    progress: Callable[[int, int], object] | None, verbose: bool
) -> tuple[Callable[[int, int], object] | None, Callable[[], None]]:
    """What is told how far the search is, and what ends it."""
    if progress is not None or not verbose:
        return progress, lambda: None
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return None, lambda: None
    bar = tqdm(total=1, unit="pairs", unit_scale=True, desc="Searching", leave=False)

    def watch(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return watch, bar.close


def _lowest(positive_scores: NDArray[Any], texts: Texts) -> NDArray[Any]:
    """The least score of each query's positives."""
    return np.asarray(np.minimum.reduceat(positive_scores, texts.starts[:-1]))


def _distance(embeddings: Embeddings, score: float) -> float:
    """The distance that goes with a score: at least 0."""
    return max(0.0, 1 - score if embeddings.distance == "angular" else -score)


def _least(
    embeddings: Embeddings, conditions: Conditions, lowest: NDArray[Any]
) -> NDArray[np.float64] | None:
    """The distance from which on texts are negatives, of each query."""
    scores = lowest.astype(np.float64)
    most = np.full(len(scores), np.inf)
    if conditions.absolute_margin is not None:
        most = np.minimum(most, scores - conditions.absolute_margin)
    if conditions.relative_margin is not None:
        most = np.minimum(most, scores - np.abs(scores) * conditions.relative_margin)
    if conditions.max_score is not None:
        most = np.minimum(most, conditions.max_score)
    best = 1.0 if embeddings.distance == "angular" else 0.0
    return np.maximum(best - most, 0) if np.isfinite(most).any() else None


def _excluded(texts: Texts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The positives of each query, ascending."""
    queries = np.repeat(np.arange(len(texts.queries)), texts.counts())
    return texts.starts, texts.positives[np.lexsort((texts.positives, queries))]


def _rescore(texts: Texts, found: Found, cross_encoder: Any, batch_size: int) -> None:
    """Scores by a cross-encoder what was found, and the positives."""

    def predict(pairs: list[tuple[str, str]]) -> NDArray[Any]:
        scores = cross_encoder.predict(pairs, batch_size=batch_size, convert_to_numpy=True)
        values = np.asarray(scores, found.scores.dtype)
        if values.shape != (len(pairs),):
            raise ValueError(
                f"cross_encoder gives scores of shape {list(values.shape)} for {len(pairs)} pairs: "
                "one score a pair is needed"
            )
        if not np.isfinite(values).all():
            place = int(np.argmin(np.isfinite(values)))
            raise ValueError(f"cross_encoder gives {values[place]} for {pairs[place]}: scores must be finite")
        return values

    for query, rows in enumerate(found.negatives):
        there = rows >= 0
        passages = [(texts.queries[query], texts.corpus[row]) for row in rows[there]]
        found.scores[query, there] = predict(passages)
    queries = np.repeat(np.arange(len(texts.queries)), texts.counts())
    positives = zip(queries, texts.positives, strict=True)
    found.positive_scores = predict([(texts.queries[q], texts.corpus[p]) for q, p in positives])


def _filter(texts: Texts, found: Found, conditions: Conditions, include_positives: bool) -> None:
    """Takes scores away that do not meet the conditions, as sentence-transformers does."""
    scores, size = found.scores, len(texts.corpus)
    if not include_positives:
        queries = np.repeat(np.arange(len(texts.queries)), texts.counts())
        own = queries * size + texts.positives
        keys = np.arange(len(texts.queries))[:, None] * size + found.negatives
        scores[np.isin(keys, own) & (found.negatives >= 0)] = -np.inf
    lowest = _lowest(found.positive_scores, texts)[:, None]
    left = scores.size
    for name, value in conditions.given():
        if name == "absolute_margin":
            removed = scores + scores.dtype.type(value) > lowest
        elif name == "relative_margin":
            removed = scores > lowest - np.abs(lowest) * scores.dtype.type(value)
        elif name == "max_score":
            removed = scores > value
        else:
            removed = scores < value
        scores[removed] = -np.inf
        if count := int(removed.sum()):
            found.skipped[name] = (count, count / left)
            if name.endswith("margin"):
                left -= count


def _choose(found: Found, ranks: Ranks, until_found: bool) -> None:
    """Keeps the negatives of the ranks that are asked for, best first."""
    last = found.scores.shape[1] if until_found else ranks.last
    order = np.argsort(-found.scores, axis=1, kind="stable")[:, ranks.first : last]
    rows = np.take_along_axis(found.negatives, order, 1)
    scores = np.take_along_axis(found.scores, order, 1)
    missing = ranks.count - rows.shape[1]
    if missing > 0:
        rows = np.pad(rows, ((0, 0), (0, missing)), constant_values=-1)
        scores = np.pad(scores, ((0, 0), (0, missing)), constant_values=-np.inf)
    if ranks.random:
        options = np.maximum(np.isfinite(scores).sum(1), ranks.count)
        chosen = np.array([random.sample(range(count), ranks.count) for count in options.tolist()])
        # Of equal scores, those without a negative, any.
        chosen = np.take_along_axis(
            chosen, np.argsort(-np.take_along_axis(scores, chosen, 1), axis=1, kind="stable"), 1
        )
        rows, scores = np.take_along_axis(rows, chosen, 1), np.take_along_axis(scores, chosen, 1)
    found.negatives, found.scores = rows[:, : ranks.count], scores[:, : ranks.count]
