"""Hard negatives of texts: next to sentence-transformers itself, and next to a search in NumPy."""

from __future__ import annotations

import random
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from triplet_loss import mine_hard_negatives

SEED = 7
WIDTH = 24
# A product of unit rows is a chain of WIDTH roundings, at most half a unit each, in either library.
ROUNDING = 2 * WIDTH * 2.0**-24
WORDS = [f"w{number}" for number in range(400)]


def texts(rng: np.random.Generator, count: int) -> list[str]:
    return [" ".join(rng.choice(WORDS, rng.integers(2, 9))) for _ in range(count)]


@pytest.fixture(scope="module")
def pairs() -> dict[str, list[str]]:
    """300 pairs, of which some queries have several positives, and some positives several queries."""
    rng = np.random.default_rng(SEED)
    queries, answers = texts(rng, 220), texts(rng, 260)
    return {
        "query": [queries[row] for row in rng.integers(0, 220, 300)],
        "answer": [answers[row] for row in rng.integers(0, 260, 300)],
    }


@pytest.fixture(scope="module")
def model() -> Any:
    """A real model, small and made here: static embeddings of words."""
    sentence_transformers = pytest.importorskip("sentence_transformers")
    tokenizers = pytest.importorskip("tokenizers")
    import torch
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    torch.manual_seed(SEED)
    vocabulary = {word: number for number, word in enumerate([*WORDS, "[UNK]"])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    weights = torch.randn(len(vocabulary), WIDTH) + 0.3
    return sentence_transformers.SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=weights.numpy())], device="cpu"
    )


def as_dataset(pairs: dict[str, list[str]]) -> Any:
    return pytest.importorskip("datasets").Dataset.from_dict(pairs)


CASES: list[dict[str, Any]] = [
    {},
    {"num_negatives": 5, "range_min": 3, "range_max": 30},
    {"relative_margin": 0.05},
    {"absolute_margin": 0.1, "num_negatives": 2},
    {"max_score": 0.6, "min_score": 0.1, "num_negatives": 4},
    {"relative_margin": 0.2, "range_max": 20, "range_min": 1},
    {"sampling_strategy": "random", "range_max": 40},
    {"include_positives": True, "output_format": "n-tuple"},
    {"corpus": True, "relative_margin": 0.05},
    {"range_max": 700, "num_negatives": 10, "max_score": 0.9},
]


@pytest.mark.parametrize("kind", ["triplet", "n-tuple", "labeled-pair", "labeled-list"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: ",".join(case) or "defaults")
def test_results_and_statistics_are_those_of_sentence_transformers(
    pairs: dict[str, list[str]],
    model: Any,
    case: dict[str, Any],
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from sentence_transformers.util import mine_hard_negatives as theirs

    case = {"output_format": kind, **case}
    if case.get("corpus"):
        case["corpus"] = texts(np.random.default_rng(SEED + 1), 150)
    dataset = as_dataset(pairs)
    for scores in (False, True):
        random.seed(SEED)
        expected = theirs(dataset, model, output_scores=scores, **case)
        said = capsys.readouterr().out.splitlines()
        random.seed(SEED)
        found = mine_hard_negatives(dataset, model, output_scores=scores, **case)
        ours = capsys.readouterr().out.splitlines()
        assert found.column_names == expected.column_names
        for name in found.column_names:
            if name in ("score", "scores"):
                flat = [np.hstack([np.ravel(row) for row in data[name]]) for data in (found, expected)]
                np.testing.assert_allclose(*flat, rtol=0, atol=ROUNDING)
            else:
                assert found[name] == expected[name], name
        for line, other in zip(ours[:-1], said[:-1], strict=True):
            numbers, words = zip(*(split(text) for text in (line, other)), strict=True)
            assert words[0] == words[1], (line, other)
            np.testing.assert_allclose(*numbers, rtol=0, atol=1.01e-4, err_msg=line)


def split(line: str) -> tuple[list[float], list[str]]:
    """The decimal numbers of a line, and its other words."""
    numbers, words = [], []
    for word in line.split():
        try:
            numbers.append(float(word) if "." in word.rstrip(".") else 0 / 0)
            if np.isnan(numbers[-1]):
                raise ValueError
        except (ValueError, ZeroDivisionError):
            words.append(word)
    return [number for number in numbers if not np.isnan(number)], words


def test_a_search_until_found_does_not_run_dry(pairs: dict[str, list[str]], model: Any) -> None:
    dataset = as_dataset(pairs)
    given = {"relative_margin": 0.4, "num_negatives": 4, "verbose": False}
    filtered = mine_hard_negatives(dataset, model, range_max=10, **given)
    found = mine_hard_negatives(dataset, model, until_found=True, output_scores=True, **given)
    assert len(filtered) < len(found) / 2
    expected = statement(pairs, model, 4, relative_margin=0.4)
    rows = list(zip(found["query"], found["answer"], found["negative"], strict=True))
    assert rows == [row[:3] for row in expected]
    np.testing.assert_allclose(found["scores"], [row[3] for row in expected], rtol=0, atol=ROUNDING)


def statement(
    pairs: dict[str, list[str]], model: Any, count: int, *, relative_margin: float
) -> list[tuple[str, str, str, list[float]]]:
    """Every query against every text, sorted."""
    queries = list(dict.fromkeys(pairs["query"]))
    corpus = list(dict.fromkeys(pairs["answer"]))
    given = {"normalize_embeddings": True, "convert_to_numpy": True, "show_progress_bar": False}
    products = model.encode_query(queries, **given) @ model.encode_document(corpus, **given).T
    rows = []
    for query, scores in zip(queries, products, strict=True):
        both = zip(pairs["query"], pairs["answer"], strict=True)
        own = list(dict.fromkeys(answer for asked, answer in both if asked == query))
        places = [corpus.index(answer) for answer in own]
        least = float(min(scores[place] for place in places))
        best = [
            place
            for place in np.argsort(-scores, kind="stable")
            if place not in places and scores[place] <= least - abs(least) * relative_margin
        ][:count]
        for answer, place in zip(own, places, strict=True):
            rows += [(query, answer, corpus[other], [scores[place], scores[other]]) for other in best]
    return rows


def test_embeddings_of_any_origin_and_kinds_of_datasets(pairs: dict[str, list[str]], model: Any) -> None:
    import pandas as pd

    def encode(all_texts: list[str]) -> Any:
        return model.encode(all_texts, show_progress_bar=False)

    given = {"relative_margin": 0.05, "verbose": False}
    by_model = mine_hard_negatives(as_dataset(pairs), model, **given)
    by_function = mine_hard_negatives(pairs, encode, **given)
    arrays = encode(pairs["query"]), encode(pairs["answer"])
    by_arrays = mine_hard_negatives(pd.DataFrame(pairs), arrays, **given)
    assert isinstance(by_function, dict)
    assert isinstance(by_arrays, pd.DataFrame)
    for name in by_model.column_names:
        assert list(by_model[name]) == by_function[name] == by_arrays[name].tolist()
    # As little memory as there is changes nothing.
    small = mine_hard_negatives(pairs, encode, memory=1, threads=1, **given)
    assert small == by_function
    euclidean = mine_hard_negatives(pairs, encode, similarity="euclidean", output_scores=True, verbose=False)
    assert euclidean["negative"] == mine_hard_negatives(pairs, encode, verbose=False)["negative"]
    assert all(score <= 0 for row in euclidean["scores"] for score in row)


def test_a_corpus_and_its_embeddings(pairs: dict[str, list[str]], model: Any) -> None:
    def encode(all_texts: list[str]) -> Any:
        return model.encode(all_texts, show_progress_bar=False)

    corpus = texts(np.random.default_rng(SEED + 1), 150)
    given = {"corpus": corpus, "num_negatives": 2, "verbose": False}
    arrays = encode(pairs["query"]), encode(pairs["answer"])
    found = mine_hard_negatives(pairs, arrays, corpus_embeddings=encode(corpus), **given)
    assert found == mine_hard_negatives(pairs, encode, **given)
    assert set(found["negative"]) & set(corpus)


def test_embeddings_are_kept_in_a_folder(pairs: dict[str, list[str]], model: Any, tmp_path: Any) -> None:
    from sentence_transformers.util import mine_hard_negatives as theirs

    dataset = as_dataset(pairs)
    theirs(dataset, model, cache_folder=str(tmp_path), verbose=False)
    files = sorted(file.name for file in tmp_path.iterdir())
    mine_hard_negatives(dataset, model, cache_folder=str(tmp_path), verbose=False)
    assert sorted(file.name for file in tmp_path.iterdir()) == files, "each finds the other's"


def test_a_cross_encoder_scores_what_was_found(pairs: dict[str, list[str]], model: Any) -> None:
    from sentence_transformers.util import mine_hard_negatives as theirs

    class Checksums:
        """Scores that no two texts of a query have alike: the order of equal ones would be anyone's."""

        def predict(self, both: Any, *, convert_to_tensor: bool = False, **_: Any) -> Any:
            import torch

            scores = np.array([crc32((a + b).encode()) / 2**32 for a, b in both], np.float32)
            return torch.from_numpy(scores) if convert_to_tensor else scores

    given = {"cross_encoder": Checksums(), "max_score": 0.4, "verbose": False}
    dataset = as_dataset(pairs)
    found, expected = mine_hard_negatives(dataset, model, **given), theirs(dataset, model, **given)
    assert found.to_dict() == expected.to_dict()


def test_progress_is_told_and_an_interrupt_ends_the_search(pairs: dict[str, list[str]], model: Any) -> None:
    told: list[tuple[int, int]] = []
    mine_hard_negatives(
        pairs, model, memory=1, verbose=False, progress=lambda done, total: told.append((done, total))
    )
    assert len(told) > 3
    assert told[-1][0] == told[-1][1]
    assert told == sorted(told)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mine_hard_negatives(pairs, model, verbose=False, progress=stop)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"anchor_column_name": "q"}, "anchor_column_name is 'q'"),
        ({"output_format": "tuple"}, "output_format is 'tuple'"),
        ({"sampling_strategy": "best"}, "sampling_strategy is 'best'"),
        ({"num_negatives": 0}, "num_negatives is 0"),
        ({"range_min": -1}, "range_min is -1"),
        ({"range_max": 2}, "num_negatives is 3"),
        ({"max_score": float("nan")}, "max_score is nan"),
        ({"until_found": True, "cross_encoder": object()}, "cross_encoder"),
        ({"similarity": "manhattan"}, "similarity is 'manhattan'"),
        ({"corpus_embeddings": np.zeros((1, 2))}, "corpus_embeddings go with"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, Any], message: str) -> None:
    small = {"a": ["x", "y"], "b": ["u", "v"]}
    with pytest.raises(ValueError, match=message):
        mine_hard_negatives(small, lambda all_texts: np.eye(2, dtype=np.float32)[: len(all_texts)], **given)


def test_what_is_no_dataset_no_text_and_no_embedding() -> None:
    encode = np.ones((2, 3), np.float32)
    with pytest.raises(TypeError, match="dataset is a list"):
        mine_hard_negatives([1, 2], (encode, encode))
    with pytest.raises(TypeError, match="row 1 of 'b' is a int"):
        mine_hard_negatives({"a": ["x", "y"], "b": ["u", 3]}, (encode, encode))
    with pytest.raises(ValueError, match="1 embeddings of anchors for 2 rows"):
        mine_hard_negatives({"a": ["x", "y"], "b": ["u", "v"]}, (encode[:1], encode))
    bad = encode.copy()
    bad[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"embeddings\[1, 2\] is NaN"):
        mine_hard_negatives({"a": ["x", "y"], "b": ["u", "v"]}, (encode, bad), verbose=False)
    with pytest.raises(TypeError, match="model is a str"):
        mine_hard_negatives({"a": ["x", "y"], "b": ["u", "v"]}, "all-MiniLM-L6-v2", verbose=False)
