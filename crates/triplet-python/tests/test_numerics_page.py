"""docs/numerics.md against `evaluate`: loss, triplets and gradient of its definitions, bit for bit."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from conftest import DISTANCES, REDUCTIONS, RULES, same_bits
from numerics_page import Page, fma, fma_exact, rounded
from triplet_loss import evaluate

DTYPES = (np.float32, np.float64)
# gram is left out: its products are not the chains of the page.
BACKENDS = ("auto", "scalar", "simd", "par")
# Name and margin; the place in the list is the seed.
CASES = [
    ("plain", 0.3),
    ("square", 1.0),
    ("ties", 1.0),
    ("ties", 0.0),
    ("duplicates", 0.25),
    ("duplicates", -0.5),
    ("zero_rows", 0.5),
    ("signed_zeros", 0.1),
    ("classes_of_one", 0.3),
    ("one_class", 0.3),
    ("one_class_of_equal_rows", 0.3),
    ("small_and_large_classes", 2.0),
    ("subnormal_squares", 0.3),
    ("subnormal_components", 0.3),
    ("large", 0.3),
    ("norm_floor", 0.1),
    ("far_from_the_origin", 0.3),
    ("mixed_magnitudes", 5.0),
    ("wide", 0.3),
    ("wider", 20.0),
    ("one_row", 0.3),
    ("no_rows", 0.3),
    *[("random", margin) for margin in (0.0, 0.01, 0.2, 1.0, 3.0, -0.2)],
    ("literal_thresholds", 0.3),
]


def rows_of(name: str, seed: int, dtype: Any) -> tuple[Any, Any]:
    """Labels and embeddings of a case."""
    rng = np.random.default_rng(seed)
    single = dtype == np.float32

    def drawn(rows: int, width: int, classes: int = 3) -> Any:
        return rng.integers(0, classes, rows), rng.standard_normal((rows, width))

    y, x = drawn(12, 5)
    if name == "plain":
        y, x = drawn(18, 13, 4)
    elif name == "square":
        y, x = drawn(24, 20, 5)
    elif name == "ties":
        x = rng.integers(-1, 2, (12, 3))
    elif name == "duplicates":
        x[[4, 7]], x[9], x[10] = x[0], x[3], 2 * x[3]
    elif name == "zero_rows":
        x[[0, 5, 6]] = 0
    elif name == "signed_zeros":
        x *= rng.integers(0, 2, x.shape)
    elif name == "classes_of_one":
        y = np.arange(12)
    elif name.startswith("one_class"):
        y[:] = 7
        if name.endswith("equal_rows"):
            x[:] = x[0]
    elif name == "small_and_large_classes":
        y = np.array([0, 1, 1, 2, 2, 2, 2, 2, 2, 3, 4, 4])
    elif name == "subnormal_squares":
        x *= 2.0**-72 if single else 2.0**-535
    elif name == "subnormal_components":
        x = rng.integers(-9, 10, x.shape) * float(np.finfo(dtype).smallest_subnormal)
    elif name == "large":
        x *= 2.0**58 if single else 2.0**505
    elif name == "norm_floor":
        x[1::2] *= 1e-6 / np.linalg.norm(x[1::2], axis=1, keepdims=True)
        x[3], x[5] = (1e-6, 0, 0, 0, 0), (0, -2e-7, 0, 0, 1e-7)
    elif name == "far_from_the_origin":
        x = 1000 + x * 1e-3
    elif name == "mixed_magnitudes":
        x *= 2.0 ** rng.integers(-40, 10, x.shape)
    elif name == "wide":
        y, x = drawn(6, 391)
    elif name == "wider":
        y, x = drawn(5, 1100, 2)
    elif name == "one_row":
        y, x = y[:1], x[:1]
    elif name == "no_rows":
        y, x = y[:0], x[:0]
    elif name == "random":
        y, x = drawn(int(rng.integers(2, 25)), int(rng.integers(1, 21)), int(rng.integers(1, 6)))
        x *= 10.0 ** rng.integers(-2, 3)
    elif name == "literal_thresholds":
        # Negatives at exactly the rounded sum of margin and distance, as seen from the first row.
        positives = rng.random((5, 1)).astype(dtype)
        x = np.concatenate([np.zeros((1, 1), dtype), positives, positives + dtype(0.3)])
        y = np.array([0] * 6 + [1, 2, 3, 4, 5])
    else:
        raise ValueError(name)
    return y, x.astype(dtype)


@cache
def page_of(seed: int, dtype: Any, distance: str) -> Page:
    """Shared between the rules."""
    return Page(*rows_of(CASES[seed][0], seed, dtype), distance)


def weights_of(rows: int, seed: int) -> tuple[Any, ...]:
    """None, a scalar, and weights of the rows, some of them 0."""
    each = np.random.default_rng(1000 + seed).random(rows)
    each[::4] = 0
    return None, 0.7, each


def names_that_differ(expected: dict[str, Any], result: Any) -> list[str]:
    found = {name: getattr(result, name) for name in ("loss", "gradient", "candidate_gradient")}
    found |= result.triplets._asdict()
    assert found.keys() == expected.keys()
    return [name for name, value in expected.items() if not same_bits(value, found[name])]


def named(value: Any) -> str | None:
    return value.__name__ if isinstance(value, type) else None


ids = [f"{name}-margin{margin}-seed{seed}" for seed, (name, margin) in enumerate(CASES)]
every = [
    pytest.mark.parametrize("rule", RULES),
    pytest.mark.parametrize("distance", DISTANCES),
    pytest.mark.parametrize("dtype", DTYPES, ids=named),
]


def everywhere(test: Any) -> Any:
    """For all rules, distances and types."""
    for mark in every:
        test = mark(test)
    return test


@everywhere
@pytest.mark.parametrize("seed", range(len(CASES)), ids=ids)
def test_a_batch(seed: int, dtype: Any, distance: str, rule: str) -> None:
    name, margin = CASES[seed]
    labels, x = rows_of(name, seed, dtype)
    page = page_of(seed, dtype, distance)
    for weights in weights_of(len(x), seed)[2 if x.shape[1] > 100 else 0 :]:
        by_reduction = page.evaluate(margin, rule, weights)
        assert by_reduction.keys() == set(REDUCTIONS)
        for reduction, expected in by_reduction.items():
            for backend in BACKENDS:
                how = {"backend": backend, "triplets": True}
                result = evaluate(labels, x, margin, distance, rule, weights, reduction, **how)
                assert not names_that_differ(expected, result), (weights, reduction, backend)


@everywhere
@pytest.mark.parametrize(("seed", "classes"), [(101, 3), (102, 2), (103, 1)])
def test_other_candidates(seed: int, classes: int, dtype: Any, distance: str, rule: str) -> None:
    rng = np.random.default_rng(seed)
    x, others = (rng.standard_normal((rows, 6)).astype(dtype) for rows in (7, 17))
    others[[3, 8]], others[5], x[2] = x[1], 0, x[0]
    y, other_labels = rng.integers(0, classes + 1, 7), rng.integers(0, classes, 17)
    page = Page(y, x, distance, (other_labels, others))
    given = {"candidates": others, "candidate_labels": other_labels, "candidate_gradient": True}
    for weights in weights_of(len(x), seed):
        for reduction, expected in page.evaluate(0.4, rule, weights).items():
            result = evaluate(y, x, 0.4, distance, rule, weights, reduction, triplets=True, **given)
            assert not names_that_differ(expected, result), (weights, reduction)


@pytest.mark.parametrize("dtype", DTYPES, ids=named)
@pytest.mark.parametrize("seed", [201, 202])
def test_fma_rounds_once(seed: int, dtype: Any) -> None:
    """The `fma` of arrays against fractions: cancellation, ties, subnormals, zeros of both signs."""
    rng = np.random.default_rng(seed)
    most = 60 if dtype == np.float32 else 500
    a, b, c = (rng.standard_normal(6000) * 2.0 ** rng.integers(-most, most, 6000) for _ in range(3))
    a, b, c = (v.astype(dtype) for v in (a, b, c))
    c[::3] = -(a * b)[::3]
    # Half a unit of the sum among the products.
    a[1::6], b[1::6] = rng.integers(1, 99, 1000), 0.5
    c[1::6] = rng.integers(1, 9, 1000) * dtype(2) ** np.finfo(dtype).nmant
    a[2::6] *= np.finfo(dtype).tiny
    c[2::12] *= np.finfo(dtype).tiny
    for v in (a, b, c):
        v[5::6] *= rng.integers(-1, 2, 1000)
    exact = [fma_exact(float(p), float(q), float(r), dtype) for p, q, r in zip(a, b, c)]
    assert same_bits(fma(a, b, c, dtype), np.array(exact, dtype))


def test_fractions_are_rounded_as_python_and_numpy_round() -> None:
    rng = np.random.default_rng(203)
    for n, d, e in zip(*rng.integers(1, 2**60, (2, 2000)), rng.integers(-1070, 900, 2000)):
        value = Fraction(int(n), int(d)) * Fraction(2) ** int(e)
        assert rounded(value, np.float64) == float(value)
    for v in rng.integers(0, 2**28, 2000) * 2.0 ** rng.integers(-155, 60, 2000):
        assert rounded(Fraction(float(v)), np.float32) == np.float32(v)
