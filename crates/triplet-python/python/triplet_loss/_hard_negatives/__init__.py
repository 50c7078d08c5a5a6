"""Hard negatives of pairs of texts: see ``mine_hard_negatives``.

Texts ─► unique queries and corpus ─► embeddings ─► search ─► choice ─► columns.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from .._arguments import flag, integer
from ._columns import FORMATS, columns
from ._embeddings import embed
from ._search import Conditions, Ranks, search
from ._statistics import report
from ._texts import read

__all__ = ["mine_hard_negatives"]


def mine_hard_negatives(
    dataset: Any,
    model: Any,
    anchor_column_name: str | None = None,
    positive_column_name: str | None = None,
    corpus: Sequence[str] | None = None,
    cross_encoder: Any = None,
    range_min: int = 0,
    range_max: int | None = None,
    max_score: float | None = None,
    min_score: float | None = None,
    absolute_margin: float | None = None,
    relative_margin: float | None = None,
    num_negatives: int = 3,
    sampling_strategy: str = "top",
    query_prompt_name: str | None = None,
    query_prompt: str | None = None,
    corpus_prompt_name: str | None = None,
    corpus_prompt: str | None = None,
    include_positives: bool = False,
    output_format: str = "triplet",
    output_scores: bool = False,
    batch_size: int = 32,
    faiss_batch_size: int | None = None,
    use_faiss: bool = False,
    use_multi_process: Any = False,
    verbose: bool = True,
    cache_folder: str | None = None,
    *,
    until_found: bool = False,
    corpus_embeddings: Any = None,
    similarity: str | None = None,
    memory: int | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Any:
    """Adds hard negatives to pairs of texts, as ``sentence_transformers.util.mine_hard_negatives`` does.

    The arguments, their defaults, the formats and the statistics are those of sentence-transformers 6.2.
    The search is exact, without a matrix of queries by texts, and with ``until_found`` it does not run
    dry: the conditions are part of the search, where theirs filters ``range_max`` nearest texts
    afterwards and finds nothing for a query whose nearest texts are all too near.

    >>> from triplet_loss import mine_hard_negatives
    >>> pairs = {"question": ["a", "b"], "answer": ["A", "B"]}
    >>> vectors = {"a": [1.0, 0.0], "b": [0.0, 1.0], "A": [1.0, 0.1], "B": [0.6, 0.8]}
    >>> mined = mine_hard_negatives(
    ...     pairs, lambda texts: [vectors[text] for text in texts], num_negatives=1, verbose=False
    ... )
    >>> mined["negative"]
    ['B', 'A']

    Args:
        dataset: A ``datasets.Dataset``, a pandas DataFrame or a dict of columns; what is returned is of the
            same kind.
        model: A SentenceTransformer; or a function of a list of texts that gives an array `[n, D]`; or a
            tuple of two arrays with a row for each row of the dataset, the embeddings of anchors and of
            positives.
        anchor_column_name: The column of the anchors; by default the first.
        positive_column_name: The column of the positives; by default the second.
        corpus: Texts that may be negatives besides the positives of other rows.
        cross_encoder: Scores the texts that were found anew, before conditions are applied; not with
            ``until_found``.
        range_min: Of the texts that meet the conditions, as many of the nearest are left out.
        range_max: How many of the nearest texts are looked at, without ``until_found``. By default
            ``range_min + num_negatives``, ten times ``num_negatives`` with a condition, and the positives.
        max_score: The largest score of a negative.
        min_score: The smallest score of a negative.
        absolute_margin: By how much a negative's score is below the least of the positives' scores.
        relative_margin: The same, as a part of that score.
        num_negatives: Negatives of each query.
        sampling_strategy: ``"top"``, the nearest that meet the conditions; or ``"random"``, any of those
            that ``range_max`` leaves (by Python's ``random``, which may be seeded).
        query_prompt_name: Passed to the model, as the next three are.
        query_prompt: See sentence-transformers.
        corpus_prompt_name: See sentence-transformers.
        corpus_prompt: See sentence-transformers.
        include_positives: Positives may be negatives: for the evaluation of rerankers. The format is n-tuple.
        output_format: ``"triplet"``, ``"n-tuple"``, ``"labeled-pair"`` or ``"labeled-list"``.
        output_scores: A column of scores.
        batch_size: Passed to the model.
        faiss_batch_size: Not needed: see ``memory``.
        use_faiss: Not needed: the search is as exact, and faster.
        use_multi_process: Passed to the model.
        verbose: Print statistics, and how far the search is.
        cache_folder: Keep embeddings there.
        until_found: Search on until ``range_min + num_negatives`` texts that meet the conditions are found
            (with ``"random"``, ten times ``num_negatives``), or there are no others.
        corpus_embeddings: A row for each text of ``corpus``, where ``model`` is two arrays.
        similarity: ``"cosine"``, or ``"euclidean"`` for distances of unit vectors, negated; by default the
            model's.
        memory: Bytes that the search keeps within, besides embeddings and what it finds; 2 GiB by default.
        threads: At most so many; None for one a core.
        progress: Called with the pairs that were looked at and all pairs.

    Raises:
        ValueError: A column, a number, a name, or embeddings that cannot be; the message names it.
        TypeError: A dataset or model that is none.
    """
    given = locals()
    for name in ("include_positives", "output_scores", "use_faiss", "verbose", "until_found"):
        flag(given[name], name)
    if output_format == "n-tuple-scores":
        output_format, output_scores = "n-tuple", True
    if include_positives and output_format != "n-tuple":
        warnings.warn("include_positives: output_format is n-tuple, which keeps the order", stacklevel=2)
        output_format = "n-tuple"
    if output_format not in FORMATS:
        raise ValueError(f"output_format is {output_format!r}: expected one of {', '.join(FORMATS)}")
    if sampling_strategy not in ("top", "random"):
        raise ValueError(f"sampling_strategy is {sampling_strategy!r}: expected top or random")
    if until_found and cross_encoder is not None:
        raise ValueError("until_found searches by embeddings, which a cross_encoder's scores are not")
    if cross_encoder is not None and not callable(getattr(cross_encoder, "predict", None)):
        kind = type(cross_encoder).__name__
        raise TypeError(
            f"cross_encoder is a {kind}: expected a CrossEncoder, or what predicts scores as it does"
        )
    if progress is not None and not callable(progress):
        kind = type(progress).__name__
        raise TypeError(f"progress is a {kind}: expected a function of two numbers, or None")
    if memory is not None:
        memory = min(integer(memory, "memory", 1, "at least one byte is needed"), sys.maxsize)
    if use_faiss and verbose:
        print("use_faiss is not needed: the search is exact, and done here.")
    texts = read(dataset, anchor_column_name, positive_column_name, corpus)
    conditions = Conditions(absolute_margin, relative_margin, max_score, min_score)
    ranks = Ranks.of(
        texts, conditions, cross_encoder is not None, (range_min, range_max, num_negatives), sampling_strategy
    )
    if verbose:
        if range_max is None and not until_found:
            print(f"Setting range_max to {ranks.last} based on the provided parameters.")
        texts.describe()
    embeddings = embed(
        texts,
        model,
        corpus_embeddings,
        similarity=similarity,
        prompts=((query_prompt_name, query_prompt), (corpus_prompt_name, corpus_prompt)),
        batch_size=batch_size,
        pool=use_multi_process,
        cache_folder=cache_folder,
        verbose=verbose,
    )
    found = search(
        texts,
        embeddings,
        conditions,
        ranks,
        until_found=until_found,
        include_positives=include_positives,
        rescore=(cross_encoder, batch_size),
        memory=memory,
        threads=threads,
        progress=progress,
        verbose=verbose,
    )
    if verbose:
        print("Negative candidates mined, preparing dataset...")
    data, summary = columns(texts, found, output_format, output_scores)
    if verbose:
        report(summary, found, conditions, ranks, until_found)
    return texts.as_given(data)
