"""Anchors against candidates, from NumPy: every backend gives the answers of the scalar reference."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import DISTANCES, RULES, batch, isas, same_bits
from triplet_loss import MemoryBank, evaluate

LABELS, X = batch(60, 9, 6)
OTHER_LABELS, OTHERS = batch(130, 9, 6)
OTHERS = OTHERS + np.float32(0.01)


def against(**settings):
    return evaluate(
        LABELS, X, 0.5, candidates=OTHERS, candidate_labels=OTHER_LABELS, candidate_gradient=True, **settings
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("distance", DISTANCES)
def test_every_backend_gives_the_same_bits(rule, distance):
    expected = against(rule=rule, distance=distance, triplets=True, backend="scalar")
    ways = [{"backend": "simd", "isa": isa} for isa in isas()]
    ways += [{"backend": "par", "threads": threads} for threads in (1, 2, 3)]
    for way in ways:
        found = against(rule=rule, distance=distance, triplets=True, **way)
        assert same_bits(found.loss, expected.loss), way
        assert same_bits(found.gradient, expected.gradient), way
        assert same_bits(found.candidate_gradient, expected.candidate_gradient), way
        assert all(map(same_bits, found.triplets, expected.triplets)), way


def test_the_batch_against_itself_is_the_batch():
    ids = np.arange(60)
    square = evaluate(LABELS, X, 0.5, distance="l2", triplets=True)
    found = evaluate(
        LABELS,
        X,
        0.5,
        distance="l2",
        triplets=True,
        candidates=X,
        candidate_labels=LABELS,
        ids=ids,
        candidate_ids=ids,
        candidate_gradient=True,
    )
    assert same_bits(found.loss, square.loss)
    assert all(map(same_bits, found.triplets, square.triplets))
    # Either side has a part of it; each sum is rounded, of terms that are at most twice the largest.
    both = found.gradient.astype(np.float64) + found.candidate_gradient
    tolerance = 60 * 2 * np.finfo(np.float32).eps * np.abs(square.gradient).max()
    assert np.abs(both - square.gradient).max() <= tolerance


def test_the_nearest_negative_beyond_the_positive_is_chosen():
    """By hand, from distances in float64 of numbers that float32 holds."""
    found = evaluate(
        ["a", "b"],
        np.array([[0.0], [1.0]], np.float32),
        candidates=np.array([[0.5], [2.0], [1.0]], np.float32),
        candidate_labels=["a", "b", "c"],
        triplets=True,
        candidate_gradient=True,
    )
    assert found.loss == 1.0
    assert found.triplets.negative.tolist() == [2, 0]
    assert found.gradient.ravel().tolist() == [0.5, -1.5]
    assert found.candidate_gradient.ravel().tolist() == [1.0, 1.0, -1.0]


@pytest.mark.parametrize(
    ("error", "message", "settings"),
    [
        (ValueError, "candidate_labels is missing", {"candidates": OTHERS}),
        (ValueError, "candidates is missing", {"candidate_labels": OTHER_LABELS}),
        (ValueError, "there are no candidates", {"ids": np.arange(60)}),
        (ValueError, "one is missing", {"ids": np.arange(60), "both": True}),
        (ValueError, "3 ids for 60 rows", {"ids": [1, 2, 3], "candidate_ids": np.arange(130), "both": True}),
        (ValueError, "candidate_gradient needs candidates", {"candidate_gradient": True}),
        (
            ValueError,
            "candidates have width 4",
            {"candidates": OTHERS[:, :4], "candidate_labels": OTHER_LABELS},
        ),
        (
            TypeError,
            "different types",
            {"candidates": OTHERS.astype(float), "candidate_labels": OTHER_LABELS},
        ),
        (
            ValueError,
            "in the candidates: labels have shape .3.",
            {"candidates": OTHERS, "candidate_labels": [1, 2, 3]},
        ),
        (ValueError, r"in the candidates: embeddings.7, 2. is NaN", {"bad": True}),
        (TypeError, "no class would be in both", {"candidates": OTHERS, "candidate_labels": ["a"] * 130}),
        (ValueError, "the gram backend", {"backend": "gram", "both": True}),
    ],
)
def test_mistakes(error, message, settings):
    settings = dict(settings)
    if settings.pop("both", False):
        settings |= {"candidates": OTHERS, "candidate_labels": OTHER_LABELS}
    if settings.pop("bad", False):
        bad = OTHERS.copy()
        bad[7, 2] = np.nan
        settings |= {"candidates": bad, "candidate_labels": OTHER_LABELS}
    with pytest.raises(error, match=message):
        evaluate(LABELS, X, **settings)


def test_a_bank_compares_with_the_rows_of_earlier_batches():
    bank, rng = MemoryBank(9, 50), np.random.default_rng(5)
    rows, labels = np.zeros((0, 9), np.float32), np.zeros(0, np.int64)
    for step in range(8):
        count = [20, 7, 13][step % 3]
        x, y = rng.normal(size=(count, 9)).astype(np.float32), rng.integers(0, 4, count)
        found = bank.evaluate(y, x, distance="l2")
        # The same rows in the order of their age: only ties, of which there are none here, depend on places.
        rows, labels = np.concatenate([rows, x])[-50:], np.concatenate([labels, y])[-50:]
        ages = np.arange(len(rows))
        expected = evaluate(
            y,
            x,
            distance="l2",
            candidates=rows,
            candidate_labels=labels,
            ids=ages[-count:],
            candidate_ids=ages,
            gradient=False,
            backend="scalar",
        )
        assert same_bits(found.loss, expected.loss), step
        assert found.statistics == expected.statistics
    assert len(bank) == 50
    again = MemoryBank(9, 50)
    again.load_state(bank.state())
    assert same_bits(again.evaluate(y, x).gradient, bank.evaluate(y, x).gradient)


def test_a_bank_is_left_as_it_was_by_a_call_that_raises():
    bank = MemoryBank(9, 70)
    bank.evaluate(LABELS, X)
    before = bank.state()
    bad = X.copy()
    bad[3, 2] = np.inf
    calls = [
        (ValueError, r"embeddings.3, 2. is inf", lambda: bank.evaluate(LABELS, bad)),
        (ValueError, "have width 4, the bank has 9", lambda: bank.evaluate(LABELS, X[:, :4])),
        (TypeError, "the bank has float32", lambda: bank.evaluate(LABELS, X.astype(float))),
        (ValueError, "one label a row", lambda: bank.evaluate(LABELS[:3], X)),
        (ValueError, "130 rows do not fit a bank of 70", lambda: bank.evaluate(OTHER_LABELS, OTHERS)),
        (TypeError, "number anew", lambda: bank.evaluate(["a"] * 60, X)),
        (TypeError, "ids is what the bank passes", lambda: bank.evaluate(LABELS, X, ids=LABELS)),
        (ValueError, "memory_size is 0", lambda: MemoryBank(9, 0)),
        (TypeError, "expected float32 or float64", lambda: MemoryBank(9, dtype=np.float16)),
        (ValueError, "the state is of a bank of", lambda: MemoryBank(9, 71).load_state(before)),
        (ValueError, "next and filled are", lambda: bank.load_state(before | {"next": 70})),
        (ValueError, "next and filled are", lambda: bank.load_state(before | {"next": 6, "filled": 1})),
        (TypeError, "float", lambda: bank.load_state(before | {"next": 4.7})),
        (ValueError, "labels of the state are", lambda: bank.load_state(before | {"labels": np.ones(70)})),
        (
            ValueError,
            "labels of the state are",
            lambda: bank.load_state(before | {"labels": before["labels"][:, None]}),
        ),
        (TypeError, "labels are dates", lambda: bank.evaluate(np.zeros(60, "M8[ns]"), X)),
    ]
    for error, message, call in calls:
        with pytest.raises(error, match=message):
            call()
    bank.evaluate(LABELS[:0], X[:0])
    for name, value in bank.state().items():
        assert np.array_equal(value, before[name]), name
    bank.reset()
    assert len(bank) == 0


def test_views_of_a_bank_are_read_before_they_are_overwritten():
    found = []
    for copy in (False, True):
        bank, rng = MemoryBank(2, 5), np.random.default_rng(0)
        bank.evaluate([0, 1, 0], rng.normal(size=(3, 2)).astype(np.float32))
        labels, rows = bank.labels, bank.embeddings
        found.append(
            bank.evaluate(labels.copy() if copy else labels, rows.copy() if copy else rows, distance="l2")
        )
    assert same_bits(found[0].loss, found[1].loss)
    assert found[0].statistics == found[1].statistics


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_no_anchors_give_no_gradient(reduction):
    found = evaluate(
        LABELS[:0],
        X[:0],
        reduction=reduction,
        candidates=OTHERS,
        candidate_labels=OTHER_LABELS,
        candidate_gradient=True,
    )
    assert not found.candidate_gradient.any()


def test_a_bank_takes_rows_of_any_width():
    rows = np.random.default_rng(3).standard_normal((4, 300)).astype(np.float32)
    bank = MemoryBank(300, 16)
    assert bank.evaluate([0, 0, 1, 1], rows).loss == evaluate([0, 0, 1, 1], rows).loss
