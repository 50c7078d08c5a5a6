"""Embeddings of queries and corpus: by a model, by a function, or given."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _engine
from .._arguments import first_line
from .._arrays import as_embeddings, naming
from ._texts import Texts

_FLOOR = 1e-6
"""Of norms: angular distances are those of rows that are scaled by it where they are shorter."""

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
    if not isinstance(model, tuple):
        queries = _checked(queries, "embeddings of queries", len(texts.queries), "texts")
        corpus = _checked(corpus, "embeddings of the corpus", len(texts.corpus), "texts")
        _check_widths((queries, corpus), ("embeddings of queries", "those of the corpus"))
    wide = np.result_type(queries, corpus)
    rows = [np.ascontiguousarray(array, wide) for array in (queries, corpus)]
    if DISTANCES[name] == "l2":
        rows = [array / np.linalg.norm(array, axis=1, keepdims=True).clip(1e-12) for array in rows]
    return Embeddings(rows[0], rows[1], DISTANCES[name])


def _given(texts: Texts, model: tuple[Any, ...], of_corpus: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    if len(model) != 2:
        raise ValueError(
            f"model is a tuple of {len(model)}: expected the embeddings of anchors and of positives"
        )
    anchors, positives = (
        _checked(array, what, texts.rows, "rows of the dataset")
        for array, what in zip(model, ("embeddings of anchors", "embeddings of positives"))
    )
    _check_widths((anchors, positives), ("embeddings of anchors", "those of positives"))
    if (of_corpus is None) != (texts.given == 0):
        raise ValueError(
            "corpus and corpus_embeddings go together where the model is two arrays: one is missing"
        )
    if of_corpus is not None:
        given = _checked(of_corpus, "corpus_embeddings", texts.given, "texts of the corpus")
        _check_widths((given, positives), ("corpus_embeddings", "the embeddings of positives"))
        positives = np.concatenate([given, positives])
    return anchors[texts.query_rows], positives[texts.corpus_rows]


def _checked(values: Any, what: str, count: int, of: str) -> NDArray[Any]:
    """Embeddings as float32 or float64, one for each text; errors name the row of what was given."""
    with naming(what):
        array, dtype = as_embeddings(values)
    if len(array) != count:
        raise ValueError(f"there are {len(array)} {what} for {count} {of}")
    if dtype.itemsize == 2:
        array = array.view(dtype).astype(np.float32)
    nothing = np.zeros(0, np.int64)
    with naming(what):  # the engine's own checks of components and norms
        _engine.engine.pair_distances(_engine.plan(), array, array, (nothing, nothing))
    return _scaled_up(array)


def _scaled_up(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows below the engine's floor for norms above it, by powers of two, which keep all angles."""
    largest = np.maximum(rows.max(axis=1, initial=0), -rows.min(axis=1, initial=0))
    small = (largest > 0) & (largest < _FLOOR)
    if not small.any():
        return rows
    rows = rows.copy()
    rows[small] = np.ldexp(rows[small], -np.frexp(largest[small])[1][:, None])
    return rows


def _check_widths(sides: tuple[NDArray[Any], NDArray[Any]], names: tuple[str, str]) -> None:
    one, other = (side.shape[1] for side in sides)
    if one != other:
        raise ValueError(
            f"{names[0]} have width {one} but {names[1]} have width {other}: "
            "both must be embeddings of one network"
        )


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
    loaded = ""
    try:
        arrays = []
        for what, encode, all_texts, (prompt_name, prompt) in (
            ("corpus", encode_document, texts.corpus, prompts[1]),
            ("query", encode_query, texts.queries, prompts[0]),
        ):
            file = _cache_file(cache_folder, what, model, all_texts, (prompt, prompt_name))
            if file is not None and os.path.exists(file):
                loaded = file
                arrays.append(_loaded(file, len(all_texts)))
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
    widths = [np.shape(array)[-1] for array in arrays]
    if loaded and widths[0] != widths[1]:
        raise ValueError(
            f"embeddings of the corpus have width {widths[0]} but those of queries have width {widths[1]}: "
            f"{loaded} may be of another network; delete it"
        )
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


def _loaded(file: str, count: int) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(file)
    except (EOFError, ValueError) as error:
        raise ValueError(f"{file} cannot be read as embeddings: {first_line(error)}; delete it") from error
    if getattr(array, "ndim", 0) != 2 or len(array) != count:
        shape = list(getattr(array, "shape", ()))
        raise ValueError(f"{file} has shape {shape}, not one row for each of {count} texts: delete it")
    return array


def _save(file: str, array: NDArray[Any]) -> None:
    """Whole, or not at all."""
    aside = f"{file}.{os.getpid()}.partial.npy"
    np.save(aside, array)
    os.replace(aside, file)
