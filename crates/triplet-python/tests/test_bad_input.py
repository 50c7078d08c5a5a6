"""Inputs that the NumPy entry points refuse, with a message that says what is wrong, where, and what to do.

And inputs that look as if they might be refused: their answers have the bits of plain arrays.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_inputs import LABELS, LINE, TABLE, Row, Y, Z, refused
from conftest import same_bits
from triplet_loss import MemoryBank, evaluate, metrics, mine_hard_negatives


@pytest.mark.parametrize("row", TABLE)
def test_bad_input_is_refused_by_value_place_and_remedy(row: Row) -> None:
    refused(row)


def test_the_table_is_one_of_all_entry_points() -> None:
    entries = {parameter.values[0].entry for parameter in TABLE}
    assert {"evaluate", "retrieval", "MemoryBank", "mine_hard_negatives", "PKSampler"} <= entries
    assert len(TABLE) >= 90


def misaligned(rows: Any) -> Any:
    """A copy that starts at an odd address."""
    memory = bytearray(rows.nbytes + 1)
    found = np.frombuffer(memory, np.uint8)[1:].view(rows.dtype).reshape(rows.shape)
    found[...] = rows
    assert found.flags.aligned == (rows.itemsize == 1)
    return found


def read_only(rows: Any) -> Any:
    """A copy that cannot be written to."""
    found = rows.copy()
    found.flags.writeable = False
    return found


def strided(rows: Any) -> Any:
    """Every other row and column of a larger array, from its end."""
    wide = np.full((2 * rows.shape[0], 2 * rows.shape[1]), 99, rows.dtype)
    found = wide[::-2, ::-2]
    found[...] = rows
    return found


class Subclass(np.ndarray):
    """An array of a library."""


FORMS = {
    "read-only": read_only,
    "byte-swapped": lambda rows: rows.astype(rows.dtype.newbyteorder("S")),
    "misaligned": misaligned,
    "strided": strided,
    "columns first": np.asfortranarray,
    "np.matrix": np.asmatrix,
    "subclass": lambda rows: rows.view(Subclass),
    "lists": lambda rows: [list(row) for row in rows],
    "buffer": memoryview,
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("form", FORMS)
def test_other_forms_of_the_same_rows_have_the_same_answer(form: str) -> None:
    rows = FORMS[form](Z)
    expected = evaluate(Y, Z)
    found = evaluate(Y, rows)
    assert same_bits(found.loss, expected.loss)
    assert same_bits(found.gradient, expected.gradient)
    assert metrics.retrieval(Y, rows) == metrics.retrieval(Y, Z)
    banks = [MemoryBank(4, 16), MemoryBank(4, 16)]
    assert same_bits(banks[0].evaluate(Y, rows).gradient, banks[1].evaluate(Y, Z).gradient)
    assert same_bits(banks[0].embeddings, banks[1].embeddings)


@pytest.mark.parametrize("form", ["read-only", "byte-swapped", "misaligned", "strided"])
def test_other_forms_of_the_same_labels_have_the_same_answer(form: str) -> None:
    expected = evaluate(Y, Z).gradient
    for dtype in (np.int64, np.int16, np.uint8, np.float32, np.float64):
        labels = FORMS[form](Y.astype(dtype)[:, None])
        assert same_bits(evaluate(labels, Z).gradient, expected), dtype


def test_rows_of_no_strides_are_equal_rows() -> None:
    rows = np.broadcast_to(np.float32(2), (4, 3))
    assert same_bits(evaluate(LABELS, rows).gradient, evaluate(LABELS, rows.copy()).gradient)
    overlapping = np.lib.stride_tricks.sliding_window_view(LINE[:, 0], 2)
    assert same_bits(
        evaluate(LABELS[:3], overlapping).gradient, evaluate(LABELS[:3], overlapping.copy()).gradient
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_subnormals_are_numbers(dtype: Any) -> None:
    """Their squares are 0, as are all distances; none is flushed, and nothing is NaN."""
    tiny = (Z * np.finfo(dtype).smallest_subnormal * 100).astype(dtype)
    assert 0 < np.abs(tiny).max() < np.finfo(dtype).tiny
    for distance in ("squared-l2", "l2", "angular"):
        found = evaluate(Y, tiny, distance=distance)
        assert found.loss == 1
        assert np.isfinite(found.gradient).all()
    mixed = Z.astype(dtype)
    mixed[0, 0] = np.finfo(dtype).smallest_subnormal
    zero = mixed.copy()
    zero[0, 0] = 0
    assert same_bits(evaluate(Y, mixed).loss, evaluate(Y, zero).loss)


@pytest.mark.parametrize("rule", ["semi-hard", "hard", "hard-soft"])
def test_a_batch_of_no_rows_and_one_of_equal_rows_have_no_nan(rule: str) -> None:
    empty = evaluate([], np.zeros((0, 3), np.float32), rule=rule)
    assert (empty.loss, empty.gradient.shape) == (0, (0, 3))
    assert metrics.retrieval([], np.zeros((0, 3), np.float32)).queries == 0
    for distance in ("squared-l2", "l2", "angular"):
        equal = evaluate(LABELS, np.zeros((4, 3), np.float32), rule=rule, distance=distance)
        assert np.isfinite(equal.loss)
        assert np.isfinite(equal.gradient).all()


def test_negative_margins_and_ids_that_repeat_are_allowed() -> None:
    assert evaluate(LABELS, LINE, margin=-1).loss == 0
    others = {"candidates": LINE, "candidate_labels": LABELS}
    own = evaluate(LABELS, LINE, **others, ids=range(4), candidate_ids=range(4))
    assert same_bits(own.loss, evaluate(LABELS, LINE).loss)
    none = evaluate(LABELS, LINE, **others, ids=[5] * 4, candidate_ids=[5] * 4)
    assert (none.loss, none.statistics.positive_pairs) == (0, 0)


@pytest.mark.parametrize("weight", [0, 2, True])
def test_a_scalar_weight_may_be_an_integer(weight: Any) -> None:
    assert same_bits(
        evaluate(Y, Z, sample_weight=weight).gradient, evaluate(Y, Z, sample_weight=float(weight)).gradient
    )


TEXTS = {"a": [f"query {row}" for row in range(12)], "b": [f"passage {row}" for row in range(12)]}


def negatives(queries: Any, corpus: Any, **settings: Any) -> Any:
    return mine_hard_negatives(TEXTS, (queries, corpus), num_negatives=1, verbose=False, **settings)[
        "negative"
    ]


@pytest.mark.parametrize("form", ["read-only", "byte-swapped", "misaligned", "strided"])
def test_negatives_of_other_forms_of_embeddings_are_the_same(form: str) -> None:
    assert negatives(FORMS[form](Z), FORMS[form](Z[::-1])) == negatives(Z, Z[::-1].copy())


@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
@pytest.mark.parametrize("mixed", [False, True])
def test_negatives_of_bfloat16_are_those_of_its_values(similarity: str, mixed: bool) -> None:
    dtype = pytest.importorskip("ml_dtypes").bfloat16
    queries, corpus = np.random.default_rng(1).standard_normal((2, 12, 4)).astype(dtype)
    wide = corpus.astype(np.float32)
    expected = negatives(queries.astype(np.float32), wide, similarity=similarity)
    assert negatives(queries, wide if mixed else corpus, similarity=similarity) == expected


def test_negatives_by_cosine_do_not_depend_on_scale() -> None:
    assert negatives(Z * np.float32(1e-15), Z[::-1]) == negatives(Z, Z[::-1])


def test_negatives_by_euclidean_distance_of_float16_are_those_of_its_values() -> None:
    """Whose norms float16 could not hold."""
    queries, corpus = (Z * 300).astype(np.float16), Z[::-1].astype(np.float16)
    expected = negatives(queries.astype(np.float32), corpus.astype(np.float32), similarity="euclidean")
    assert negatives(queries, corpus, similarity="euclidean") == expected


class Model:
    """A model whose embeddings are kept in files."""

    def encode(self, texts: list[str], **_: Any) -> Any:
        return np.eye(len(texts), 4, dtype=np.float32) + 0.1


def mined_from(folder: Path) -> Any:
    pairs = {"a": ["x", "y"], "b": ["u", "v"]}
    return mine_hard_negatives(pairs, Model(), num_negatives=1, verbose=False, cache_folder=str(folder))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda path: path.write_bytes(path.read_bytes()[:-8]),
            "cannot be read as embeddings: .*; delete it",
        ),
        (lambda path: path.write_bytes(b""), "cannot be read as embeddings: .*; delete it"),
        (lambda path: np.save(path, np.ones((2, 3), np.float32)), "may be of another network; delete it"),
        (
            lambda path: np.save(path, np.ones((3, 4), np.float32)),
            "not one row for each of 2 texts: delete it",
        ),
        (lambda path: np.save(path, np.full((2, 4), np.nan, np.float32)), r"embeddings\[0, 0\] is NaN"),
    ],
)
def test_kept_embeddings_that_cannot_be_are_refused(change: Any, message: str, tmp_path: Path) -> None:
    expected = mined_from(tmp_path)
    assert mined_from(tmp_path) == expected
    (query,) = tmp_path.glob("query*.npy")
    change(query)
    with pytest.raises(ValueError, match=message):
        mined_from(tmp_path)


MAPPED = """
import os, sys
import numpy as np
from triplet_loss import evaluate

path = sys.argv[1]
rows = np.random.default_rng(0).standard_normal((4096, 4)).astype(np.float32)
rows.tofile(path)
mapped = np.memmap(path, np.float32, "r", shape=rows.shape)
labels = np.arange(4096) % 7
assert evaluate(labels, mapped).gradient.tobytes() == evaluate(labels, rows).gradient.tobytes()
os.truncate(path, 0)
print("shortened", flush=True)
print("answer", evaluate(labels, mapped).loss, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the signal is the one of Linux")
def test_a_mapped_file_that_was_shortened_gives_no_answer(tmp_path: Path) -> None:
    """Rows that are no longer there are no error that a library could raise: the system ends the process.

    What is promised is what is tested: that a mapped file is read where it is, and that no loss comes of
    rows that are gone. Of a file that is shortened within a page, the rest of the page reads as zeros.
    """
    ended = subprocess.run(
        [sys.executable, "-c", MAPPED, str(tmp_path / "rows")], capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == "shortened\n", ended.stderr
    assert ended.returncode == -signal.SIGBUS
    short = tmp_path / "short"
    LINE.tofile(short)
    with pytest.raises(ValueError, match="mmap length is greater than file size"):
        evaluate(LABELS, np.memmap(short, np.float32, "r", shape=(5, 1)))
