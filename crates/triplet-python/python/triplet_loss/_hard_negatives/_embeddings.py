"""Embeddings of queries and corpus: by a model, by a function, or given."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import as_embeddings
from ._texts import Texts

# The distance that ranks as a similarity does. Embeddings are brought to unit length: products are cosines.
DISTANCES = {"cosine": "angular", "dot": "angular", "euclidean": "l2"}


@dataclass
class Embeddings:
    """Rows of unit length for the queries and for the texts of the corpus."""

    queries: NDArray[Any]
    corpus: NDArray[Any]
    distance: str

    def scores(self, distances: NDArray[Any]) -> NDArray[Any]:
        """The similarities that go with distances."""
        return 1 - distances if self.distance == "angular" else -distances


def embed(
    texts: Texts,
    model: Any,
    corpus_embeddings: Any,
    *,
    similarity: str | None,
    prompts: tuple[tuple[str | None, str | None], tuple[str | None, str | None]],
    batch_size: int,
    pool: Any,
    cache_folder: str | None,
    verbose: bool,
) -> Embeddings:
    """Embeds each text once."""
    name = similarity or getattr(model, "similarity_fn_name", None) or "cosine"
    if name not in DISTANCES:
        raise ValueError(f"similarity is {name!r}: expected one of {', '.join(DISTANCES)}")
    if isinstance(model, tuple):
        queries, corpus = _given(texts, model, corpus_embeddings)
    elif corpus_embeddings is not None:
        raise ValueError("corpus_embeddings go with a model that is two arrays")
    elif callable(getattr(model, "encode", None)) and not isinstance(model, str):
        queries, corpus = _encoded(texts, model, prompts, batch_size, pool, cache_folder, verbose)
    elif callable(model):
        queries, corpus = model(texts.queries), model(texts.corpus)
    else:
        raise TypeError(
            f"model is a {type(model).__name__}: expected a SentenceTransformer, a function of texts, or a "
            "tuple of the embeddings of anchors and positives"
        )
    rows = []
    for what, values, count in (("queries", queries, texts.queries), ("corpus", corpus, texts.corpus)):
        array, _ = as_embeddings(values)
        if len(array) != len(count):
            raise ValueError(f"there are {len(array)} embeddings for {len(count)} texts of the {what}")
        rows.append(array)
    if rows[0].dtype != rows[1].dtype:
        wide = np.result_type(*rows)
        rows = [np.ascontiguousarray(array, wide) for array in rows]
    if DISTANCES[name] == "l2":
        rows = [array / np.linalg.norm(array, axis=1, keepdims=True).clip(1e-12) for array in rows]
    return Embeddings(rows[0], rows[1], DISTANCES[name])


def _given(texts: Texts, model: tuple[Any, ...], of_corpus: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    if len(model) != 2:
        raise ValueError(
            f"model is a tuple of {len(model)}: expected the embeddings of anchors and of positives"
        )
    anchors, positives = (as_embeddings(array)[0] for array in model)
    for what, array in (("anchors", anchors), ("positives", positives)):
        if len(array) != texts.rows:
            raise ValueError(
                f"there are {len(array)} embeddings of {what} for {texts.rows} rows of the dataset"
            )
    if (of_corpus is None) != (texts.given == 0):
        raise ValueError(
            "corpus and corpus_embeddings go together where the model is two arrays: one is missing"
        )
    if of_corpus is not None:
        given = as_embeddings(of_corpus)[0]
        if len(given) != texts.given:
            raise ValueError(
                f"there are {len(given)} corpus_embeddings for {texts.given} texts of the corpus"
            )
        positives = np.concatenate([given, positives])
    return anchors[texts.query_rows], positives[texts.corpus_rows]


def _encoded(
    texts: Texts,
    model: Any,
    prompts: Any,
    batch_size: int,
    pool: Any,
    cache_folder: str | None,
    verbose: bool,
) -> tuple[NDArray[Any], NDArray[Any]]:
    encode_query = getattr(model, "encode_query", model.encode)
    encode_document = getattr(model, "encode_document", model.encode)
    workers = model.start_multi_process_pool(None if isinstance(pool, bool) else pool) if pool else None
    try:
        arrays = []
        for what, encode, all_texts, (prompt_name, prompt) in (
            ("corpus", encode_document, texts.corpus, prompts[1]),
            ("query", encode_query, texts.queries, prompts[0]),
        ):
            file = _cache_file(cache_folder, what, model, all_texts, (prompt, prompt_name))
            if file is not None and os.path.exists(file):
                arrays.append(np.load(file))
                if verbose:
                    print(f"[Cache] Loaded {what} embeddings from {file} (shape={arrays[-1].shape})")
                continue
            given = {} if workers is None else {"pool": workers}
            array = encode(
                all_texts,
                batch_size=batch_size,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=verbose,
                prompt_name=prompt_name,
                prompt=prompt,
                **given,
            )
            arrays.append(array)
            if file is not None:
                _save(file, array)
    finally:
        if workers is not None:
            model.stop_multi_process_pool(workers)
    return arrays[1], arrays[0]


def _cache_file(
    folder: str | None, what: str, model: Any, texts: list[str], prompt: tuple[str | None, str | None]
) -> str | None:
    """Named as sentence-transformers names it, so that both find each other's."""
    if not folder:
        return None
    os.makedirs(folder, exist_ok=True)
    card = getattr(model, "model_card_data", None)
    name = getattr(card, "base_model", None) or ""
    digest = hashlib.sha256(repr((name, *prompt, texts)).encode(), usedforsecurity=False).hexdigest()
    return os.path.join(folder, f"{what}_embeddings_{digest}.npy")


def _save(file: str, array: NDArray[Any]) -> None:
    """Whole, or not at all."""
    aside = f"{file}.{os.getpid()}.partial.npy"
    np.save(aside, array)
    os.replace(aside, file)
