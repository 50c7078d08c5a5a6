"""What the tables of inputs that are refused have in common, and the table of the NumPy entry points."""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pytest
from triplet_loss import MemoryBank, evaluate, limit_memory, metrics, mine_hard_negatives
from triplet_loss.samplers import PKSampler

SECONDS = 60
"""No refusal takes as long: a test that does is a hang, and ends the process with a traceback."""

# What messages say besides the value and its place.
FINITE = "every component must be finite; look for a diverged layer or a bad input row"
NORM = "its squared distances would overflow; scale the embeddings down or normalise them"
TWO = r"expected two dimensions, \[batch_size, embedding_width\]"
DTYPE = "expected float32, float64, float16 or bfloat16"
ONE_A_ROW = "one label a row is needed"
KIND = "expected integers, text, dates, or floats that are whole numbers"
WEIGHT = "weights must be finite and not negative"
MASKED = "masked array, whose mask would be ignored: pass the rows that count"
MARGIN = "it must be a finite number that the element type can hold"
NUMBER = "expected a number, an array, tensor or variable without dimensions, or a function"
DISTANCES = 'unknown distance "cosine": choose one of squared-l2, l2, angular'
REDUCTIONS = 'unknown reduction "avg": choose one of mean, none, sum'
BACKENDS = "choose one of auto, scalar, gram, simd, par, openmp"
BOTH_WIDTHS = "both must be embeddings of one network"


def whole(place: str, value: str, bits: int = 53) -> str:
    """The message for a label that is no whole number, or too large to be one of its own."""
    return rf"{place} is {value}: .* must be whole numbers below 2\*\*{bits}, .*; pass integers or text"


class Row(NamedTuple):
    """An input, and how it is refused."""

    entry: str
    what: str
    error: type[BaseException] | tuple[type[BaseException], ...]
    message: str
    """A regular expression."""
    call: Callable[[], Any]


def parameters(table: Iterable[tuple[Any, ...]]) -> list[Any]:
    """The rows of a table, as pytest has them."""
    found = [pytest.param(row, id=f"{row.entry}-{row.what}") for row in (Row(*row) for row in table)]
    ids = [parameter.id for parameter in found]
    assert len(set(ids)) == len(ids), sorted(name for name in ids if ids.count(name) > 1)
    return found


def of(entry: str, table: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of one entry point."""
    return [(entry, *row) for row in table]


def refused(row: Row) -> None:
    """Checks that an input is refused with the error of its row, in time and without a panic."""
    faulthandler.dump_traceback_later(SECONDS, exit=True, file=sys.__stderr__)
    try:
        with pytest.raises(row.error, match=row.message) as raised:
            row.call()
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert "a defect of triplet_loss" not in str(raised.value)


LABELS = [0, 0, 1, 2]
LINE = np.array([[0.0], [1.0], [1.5], [3.0]], np.float32)
Y = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
Z = np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
OTHERS = {"candidates": np.array([[0.0], [2.0], [5.0]], np.float32), "candidate_labels": [0, 1, 2]}
IDS = {"ids": [0, 1, 2, 3], "candidate_ids": [5, 6, 7]}
REFERENCE = {"reference": Z, "reference_labels": Y}
PAIRS = {"a": ["x", "y"], "b": ["u", "v"]}
ONES = np.ones((2, 3), np.float32)
HUGE = 2**48
"""Rows of views that take no memory; as an array they would not fit an address space."""


def wrong(value: float, row: int = 7, column: int = 2, rows: Any = Z) -> Any:
    """Embeddings of which one value is another."""
    rows = rows.copy()
    rows[row, column] = value
    return rows


def on_line(value: float, row: int, dtype: Any = np.float32) -> Any:
    """The same of a batch of width 1."""
    return wrong(value, row, 0, LINE.astype(dtype))


def ev(**change: Any) -> Callable[[], Any]:
    """A call of `evaluate`."""
    return lambda: evaluate(**({"labels": LABELS, "embeddings": LINE} | change))


def against(**change: Any) -> Callable[[], Any]:
    """The same with candidates."""
    return ev(**(OTHERS | change))


def find(**change: Any) -> Callable[[], Any]:
    """A call of `metrics.retrieval`."""
    return lambda: metrics.retrieval(**({"labels": Y, "embeddings": Z} | change))


def bank(labels: Any = Y, rows: Any = Z, **settings: Any) -> Callable[[], Any]:
    """A call of a bank of 16 rows of width 4."""
    return lambda: MemoryBank(4, 16).evaluate(labels, rows, **settings)


def state(**change: Any) -> Callable[[], Any]:
    """Loading of a bank's state in which something is another, or removed by `...`; and a call with it."""

    def load() -> Any:
        full = MemoryBank(4, 16)
        full.evaluate(Y, Z)
        given = full.state()
        for name, value in change.items():
            given[name] = value(given[name]) if callable(value) else value
        other = MemoryBank(4, 16)
        other.load_state({name: value for name, value in given.items() if value is not ...})
        return other.evaluate(Y[:2], Z[:2])

    return load


def mine(model: Any = (ONES, ONES), dataset: Any = None, **change: Any) -> Callable[[], Any]:
    """A call of `mine_hard_negatives`."""
    pairs = PAIRS if dataset is None else dataset
    return lambda: mine_hard_negatives(pairs, model, **({"verbose": False} | change))


def pk(*arguments: Any, **change: Any) -> Callable[[], Any]:
    """A sampler."""
    return lambda: PKSampler(*(arguments or (Y, 2, 2)), **change)


_INDEX = r"{} is a {}: expected an integer"

EVALUATE = [
    # Shapes.
    ("a row", ValueError, rf"embeddings have shape \[4\]: {TWO}", ev(embeddings=LINE[:, 0])),
    ("three dimensions", ValueError, rf"shape \[1, 4, 1\]: {TWO}", ev(embeddings=LINE[None])),
    ("no dimensions", ValueError, rf"embeddings have shape \[\]: {TWO}", ev(embeddings=np.array(1.0))),
    ("a number", ValueError, rf"embeddings have shape \[\]: {TWO}", ev(embeddings=3)),
    ("no width", ValueError, r"shape \[4, 0\]: the embedding width must be at least 1",
     ev(embeddings=LINE[:, :0])),
    ("empty list", ValueError, rf"embeddings have shape \[0\]: {TWO}", ev(labels=[], embeddings=[])),
    ("no rows, no width", ValueError, r"shape \[0, 0\]: the embedding width must be at least 1",
     ev(labels=[], embeddings=np.zeros((0, 0)))),
    ("labels and rows swapped", ValueError, rf"embeddings have shape \[4\]: {TWO}",
     lambda: evaluate(LINE * 2, LABELS)),
    # What holds no rows of numbers.
    ("None", TypeError, "embeddings: a NoneType is neither an array nor a list", ev(embeddings=None)),
    ("generator", TypeError, "embeddings: a generator is neither", ev(embeddings=(r for r in LINE))),
    ("dict", TypeError, "embeddings: a dict is neither an array nor a list", ev(embeddings={0: [1.0]})),
    ("function", TypeError, "embeddings: a function is neither", ev(embeddings=lambda: LINE)),
    ("text", ValueError, rf"embeddings have shape \[\]: {TWO}", ev(embeddings="abcd")),
    ("rows of text", TypeError, f"embeddings have dtype str.*: {DTYPE}", ev(embeddings=[["a"]] * 4)),
    ("bool", TypeError, f"embeddings have dtype bool: {DTYPE}", ev(embeddings=LINE > 1)),
    ("complex", TypeError, f"dtype complex128: {DTYPE}", ev(embeddings=LINE.astype(complex))),
    ("object", TypeError, f"dtype object: {DTYPE}", ev(embeddings=LINE.astype(object))),
    ("structured", TypeError, f"dtype void32: {DTYPE}", ev(embeddings=np.zeros((4, 1), [("a", "f4")]))),
    ("dates", TypeError, rf"dtype datetime64\[s\]: {DTYPE}", ev(embeddings=np.zeros((4, 1), "M8[s]"))),
    ("durations", TypeError, rf"timedelta64\[s\]: {DTYPE}", ev(embeddings=np.zeros((4, 1), "m8[s]"))),
    ("masked array", TypeError, f"embeddings are a {MASKED}", ev(embeddings=np.ma.array(LINE))),
    ("ragged list", TypeError, "embeddings cannot be read as an array", ev(embeddings=[[1.0], [1.0, 2.0]])),
    ("ragged list, by row", (TypeError, ValueError), r"embeddings\[2\]",
     ev(embeddings=[[1.0], [1.0], [1.0, 2.0], [1.0]])),
    ("missing row", (TypeError, ValueError), r"embeddings\[1\] is None",
     ev(embeddings=[[1.0], None, [1.0], [1.0]])),
    # Values.
    ("NaN", ValueError, rf"embeddings\[3, 0\] is NaN: {FINITE}", ev(embeddings=on_line(np.nan, 3))),
    ("-inf of f64", ValueError, rf"embeddings\[1, 0\] is -inf: {FINITE}",
     ev(embeddings=on_line(-np.inf, 1, np.float64))),
    ("NaN of f16", ValueError, rf"embeddings\[2, 0\] is NaN: {FINITE}",
     ev(embeddings=on_line(np.nan, 2, np.float16))),
    ("NaN byte-swapped", ValueError, rf"embeddings\[2, 0\] is NaN: {FINITE}",
     ev(embeddings=on_line(np.nan, 2).astype(">f4"))),
    ("squares overflow", ValueError, rf"row 2 has a squared norm of 9.000e38, above .*: {NORM}",
     ev(embeddings=on_line(3e19, 2))),
    ("squares of f64 overflow", ValueError, rf"row 1 has a squared norm of inf, above .*: {NORM}",
     ev(embeddings=on_line(1e160, 1, np.float64))),
    ("squares overflow, angular", ValueError, f"row 0 has a squared norm of 2.000e60, above .*: {NORM}",
     ev(embeddings=np.full((4, 2), 1e30, np.float32), distance="angular")),
    ("integer that rounds", ValueError, r"embeddings\[2, 0\] is 16777217: an integer that float32 cannot "
     "hold; convert the embeddings to float64", ev(embeddings=[[0], [1], [2**24 + 1], [3]])),
    ("loss overflows", ValueError, "the loss is inf, beyond the element type's range: scale the embeddings",
     ev(margin=1e10, sample_weight=[1e308] * 4)),
    ("gradient overflows", ValueError, "the gradient's row 0 leaves the element type's range: scale",
     ev(sample_weight=1e300)),
    ("loss of f16 overflows", ValueError, "the loss leaves the range of float16: scale .*or pass float32",
     ev(embeddings=LINE.astype(np.float16), margin=1e5)),
    # Sizes that no memory has.
    ("2**48 rows", MemoryError, rf"shape \({HUGE}, 2\)",
     lambda: evaluate(np.broadcast_to(0, HUGE), np.broadcast_to(np.float32(0), (HUGE, 2)))),
    ("width of 2**48", MemoryError, rf"shape \(4, {HUGE}\)",
     ev(embeddings=np.broadcast_to(np.float32(0), (4, HUGE)))),
    ("2**48 labels", MemoryError, rf"shape \({HUGE},\)", ev(labels=np.broadcast_to(0, HUGE))),
    ("2**48 weights", MemoryError, rf"\({HUGE},\)", ev(sample_weight=np.broadcast_to(1.0, HUGE))),
    ("range of 2**48 labels", (MemoryError, ValueError), "labels|281474976710656",
     ev(labels=range(HUGE))),
    ("2**48 labels of text", (MemoryError, ValueError), "labels|281474976710656",
     ev(labels=np.broadcast_to("a", HUGE))),
    # Labels.
    ("too few labels", ValueError, rf"labels have shape \[3\] but .* \[4, 1\]: {ONE_A_ROW}",
     ev(labels=[0, 0, 1])),
    ("too many labels", ValueError, rf"labels have shape \[5\] but .* \[4, 1\]: {ONE_A_ROW}",
     ev(labels=[0, 0, 1, 1, 2])),
    ("no labels", ValueError, rf"labels have shape \[0\] but .* \[4, 1\]: {ONE_A_ROW}", ev(labels=[])),
    ("labels as a row", ValueError, r"labels have shape \[1, 4\]: expected \[batch_size\] or", ev(
        labels=[LABELS])),
    ("ragged labels", ValueError, r"labels have shape \[4, 2\]", ev(labels=[[0], [0, 1], [1], [2]])),
    ("0-d labels", ValueError, r"labels have shape \[\]: expected", ev(labels=np.array(3))),
    ("fraction", ValueError, whole(r"labels\[2\]", "1.5"), ev(labels=[0, 0, 1.5, 1])),
    ("fraction of f16", ValueError, whole(r"labels\[2\]", "0.5", 11),
     ev(labels=np.array([0, 0, 0.5, 1], np.float16))),
    ("infinite label", ValueError, whole(r"labels\[1\]", "inf"), ev(labels=[0, np.inf, 1, 1])),
    ("large f32 label", ValueError, whole(r"labels\[3\]", "16777216.0", 24),
     ev(labels=np.array([0, 0, 1, 2**24], np.float32))),
    ("NaN label", ValueError, r"labels\[3\] is nan: a missing value is no class; drop the row",
     ev(labels=[0, 0, 1.0, np.nan])),
    ("NaT label", ValueError, r"labels\[2\] is NaT: a missing value is no class",
     ev(labels=np.array(["2020", "2020", "NaT", "2021"], ">M8[D]"))),
    ("None label", ValueError, r"labels\[2\] is None: a missing value", ev(labels=[0, 0, None, 1])),
    ("label of 64 bits", ValueError, r"labels\[3\] is 9223372036854775808: labels must fit into 64 bits",
     ev(labels=np.array([0, 0, 1, 2**63], np.uint64))),
    ("label below 64 bits", ValueError, r"labels\[1\] is -9223372036854775809: labels must fit",
     ev(labels=[0, -(2**63) - 1, 1, 1])),
    ("mixed labels", TypeError, r"mix integers and text .*labels\[2\] is 'a'.*: convert them to one kind",
     ev(labels=[0, 0, "a", 1])),
    ("bools and integers", TypeError, r"mix booleans and integers .*labels\[1\] is 1",
     ev(labels=[True, 1, 0, 0])),
    ("object label", TypeError, rf"labels\[2\] is of type object: {KIND}; convert them to text",
     ev(labels=np.array([0, 0, object(), 1], object))),
    ("Decimal labels", TypeError, rf"labels\[0\] is of type Decimal: {KIND}", ev(labels=[Decimal(1)] * 4)),
    ("complex labels", TypeError, f"labels have dtype complex128: {KIND}", ev(labels=np.ones(4, complex))),
    ("complex label", TypeError, rf"labels\[2\] is of type complex: {KIND}", ev(labels=[0, 0, 1j, 1])),
    ("structured labels", TypeError, f"dtype void32: {KIND}", ev(labels=np.zeros(4, [("a", "i4")]))),
    ("durations as labels", TypeError, "dtype timedelta64", ev(labels=np.zeros(4, "m8[s]"))),
    ("masked labels", TypeError, f"labels are a {MASKED}", ev(labels=np.ma.array(LABELS, mask=[0, 0, 0, 1]))),
    ("set of labels", TypeError, "labels: a set is neither an array nor a list", ev(labels={0, 1, 2, 3})),
    ("labels None", TypeError, "labels: a NoneType is neither an array nor a list", ev(labels=None)),
    ("no positives", ValueError, "no two of the 4 rows share a label: .* sample at least two rows a class",
     ev(labels=[0, 1, 2, 3], require_positives=True)),
    # Weights.
    ("negative weight", ValueError, rf"sample_weight\[2\] is -0.5: {WEIGHT}",
     ev(sample_weight=[1, 1, -0.5, 1])),
    ("NaN weight", ValueError, rf"sample_weight\[2\] is NaN: {WEIGHT}", ev(sample_weight=[1, 1, np.nan, 1])),
    ("infinite weight", ValueError, rf"sample_weight\[3\] is inf: {WEIGHT}",
     ev(sample_weight=[1, 1, 1, np.inf])),
    ("negative scalar weight", ValueError, rf"sample_weight.* is -1: {WEIGHT}", ev(sample_weight=-1)),
    ("too few weights", ValueError, r"sample_weight has shape \[3\] but the batch has shape \[4\]: give a",
     ev(sample_weight=[1, 1, 1])),
    ("no weights", ValueError, r"sample_weight has shape \[0\] but .*: give a scalar", ev(sample_weight=[])),
    ("weights as a row", ValueError, r"sample_weight has shape \[1, 4\] but", ev(sample_weight=[[1] * 4])),
    ("weights of text", TypeError, "sample_weight has dtype str.*: expected numbers",
     ev(sample_weight=["a"] * 4)),
    ("complex weights", TypeError, "dtype complex128: expected numbers", ev(sample_weight=np.ones(4) + 0j)),
    ("dates as weights", TypeError, "dtype datetime64", ev(sample_weight=np.zeros(4, "M8[s]"))),
    ("missing weight", TypeError, r"sample_weight\[1\] is of type NoneType: expected numbers",
     ev(sample_weight=[1, None, 1, 1])),
    ("masked weights", TypeError, f"sample_weight are a {MASKED}", ev(sample_weight=np.ma.ones(4))),
    # Settings.
    ("margin NaN", ValueError, f"margin is NaN: {MARGIN}", ev(margin=np.float32("nan"))),
    ("margin -inf", ValueError, f"margin is -inf: {MARGIN}", ev(margin=-np.inf)),
    ("margin beyond f32", ValueError, f"margin is 1e39: {MARGIN}", ev(margin=1e39)),
    ("margin array", ValueError, r"margin has shape \[4\]: expected one number", ev(margin=np.ones(4))),
    ("margin None", TypeError, f"margin is a NoneType: {NUMBER}", ev(margin=None)),
    ("margin bool", TypeError, f"margin is a bool: {NUMBER}", ev(margin=True)),
    ("margin complex", TypeError, f"margin is a complex: {NUMBER}", ev(margin=1j)),
    ("margin of 0-d text", TypeError, "margin has dtype <U1: expected a real number", ev(
        margin=np.array("1"))),
    ("margin of 400 digits", TypeError, "margin cannot be read as a number: int too large", ev(
        margin=10**400)),
    ("schedule gives NaN", ValueError, f"margin is NaN: {MARGIN}", ev(margin=lambda: float("nan"))),
    ("schedule of arguments", TypeError, "margin.*function of no arguments", ev(margin=lambda step: 1.0)),
    ("distance", ValueError, DISTANCES, ev(distance="cosine")),
    ("rule", ValueError, 'unknown rule "": choose one of semi-hard, semi-hard-literal, hard, hard-soft',
     ev(rule="")),
    ("rule with a line break", ValueError, r'unknown rule "a\\nb": choose one of', ev(rule="a\nb")),
    ("rule of 5000 letters", ValueError, 'unknown rule "x{1,200}[^x].*choose one of', ev(rule="x" * 5000)),
    ("reduction", ValueError, REDUCTIONS, ev(reduction="avg")),
    ("backend", ValueError, f'unknown backend "cuda": {BACKENDS}', ev(backend="cuda")),
    ("instruction set", ValueError, 'unknown instruction set "sse": choose one of portable', ev(isa="sse")),
    ("distance None", TypeError, "distance is a NoneType: expected a name",
     ev(distance=None)),
    ("rule of bytes", TypeError, "rule is a bytes: expected a name",
     ev(rule=b"hard")),
    ("rule list", TypeError, "rule is a list: expected a name", ev(rule=["hard"])),
    ("reduction None", TypeError, "reduction is a NoneType: expected a name",
     ev(reduction=None)),
    ("backend int", TypeError, "backend is a int: expected a name",
     ev(backend=1)),
    ("isa int", TypeError, "isa is a int: expected a name",
     ev(isa=3)),
    ("surrogate", ValueError, "unknown distance .*choose one of", ev(distance="\ud800")),
    ("threads 0", ValueError, "threads is 0: at least one is needed", ev(threads=0)),
    ("threads NaN", TypeError, "threads is a float: expected an integer or None", ev(threads=np.nan)),
    ("threads beyond all", ValueError, "threads is .*: give at most 4096, or leave it out", ev(
        threads=10**30)),
    ("threads list", TypeError, "threads is a list: expected an integer", ev(threads=[1])),
    ("gradient text", TypeError, "gradient is a str: expected True or False", ev(gradient="no")),
    ("triplets None", TypeError, "triplets is a NoneType: expected True", ev(triplets=None)),
    ("require_positives text", TypeError, "require_positives is a str", ev(require_positives="no")),
    ("candidate_gradient text", TypeError, "candidate_gradient is a str", against(candidate_gradient="no")),
    ("unknown argument", TypeError, "unexpected keyword argument 'weights'", ev(weights=[1] * 4)),
    # Candidates.
    ("candidates alone", ValueError, "go together: candidate_labels is missing", ev(candidates=LINE)),
    ("their labels alone", ValueError, "go together: candidates is missing", ev(candidate_labels=[0])),
    ("candidates of another width", ValueError, f"width 1 but the candidates have width 2: {BOTH_WIDTHS}",
     against(candidates=np.ones((3, 2), np.float32))),
    ("candidates of another dtype", TypeError, "different types: one is float64, the other is not",
     against(candidates=OTHERS["candidates"].astype(float))),
    ("candidates of NaN", ValueError, rf"in the candidates: embeddings\[1, 0\] is NaN: {FINITE}",
     against(candidates=on_line(np.nan, 1)[:3])),
    ("candidates that overflow", ValueError, f"in the candidates: embeddings row 1 has .*: {NORM}",
     against(candidates=OTHERS["candidates"] * np.float32(1e30))),
    ("candidates as a row", ValueError, rf"in candidates: embeddings have shape \[3\]: {TWO}",
     against(candidates=OTHERS["candidates"][:, 0])),
    ("too few of their labels", ValueError, rf"in the candidates: labels have shape \[2\] .*: {ONE_A_ROW}",
     against(candidate_labels=[0, 1])),
    ("their labels of another kind", TypeError, "labels are integers but candidate_labels are text: .* to "
     "one kind", against(candidate_labels=list("abc"))),
    ("their label a fraction", ValueError, whole(r"candidate_labels\[1\]", "1.5"),
     against(candidate_labels=[0, 1.5, 2])),
    ("gram with candidates", ValueError, "the gram backend compares .*need the simd or par backend",
     against(backend="gram")),
    ("ids without candidates", ValueError, "there are no candidates", ev(ids=[0, 1, 2, 3])),
    ("ids of one side", ValueError, "ids of anchors and of candidates go together", against(ids=[0] * 4)),
    ("too few ids", ValueError, "there are 3 ids for 4 rows of the anchors: one id a row is needed",
     against(**IDS | {"ids": [0, 1, 2]})),
    ("too many of their ids", ValueError, "there are 4 ids for 3 rows of the candidates: one id a row",
     against(**IDS | {"candidate_ids": [0, 1, 2, 3]})),
    ("id of 70 bits", ValueError, r"ids\[3\] is 1180591620717411303424: ids must fit into 64 bits",
     against(**IDS | {"ids": [0, 1, 2, 2**70]})),
    ("missing id", ValueError, r"candidate_ids\[1\] is None",
     against(**IDS | {"candidate_ids": [0, None, 2]})),
    ("ids of another kind", TypeError, "ids are text but candidate_ids are integers",
     against(**IDS | {"ids": list("abcd")})),
    ("gradient to no candidates", ValueError, "candidate_gradient needs candidates, and gradient=True",
     ev(candidate_gradient=True)),
]  # fmt: skip

RETRIEVAL = [
    ("a row", ValueError, rf"embeddings have shape \[12\]: {TWO}", find(embeddings=Z[:, 0])),
    ("no width", ValueError, r"shape \[12, 0\]: the embedding width", find(embeddings=Z[:, :0])),
    ("too few labels", ValueError, rf"shape \[11\] but .*: {ONE_A_ROW}", find(labels=Y[1:])),
    ("fraction", ValueError, whole(r"labels\[0\]", "0.5"), find(labels=[0.5] * 12)),
    ("NaN", ValueError, rf"embeddings\[7, 2\] is NaN: {FINITE}", find(embeddings=wrong(np.nan))),
    ("NaN, centred", ValueError, rf"embeddings\[7, 2\] is NaN: {FINITE}",
     find(embeddings=wrong(np.nan), centre=True)),
    ("squares overflow", ValueError, f"row 7 has .*: {NORM}", find(embeddings=wrong(1e30))),
    ("bool", TypeError, f"embeddings have dtype bool: {DTYPE}", find(embeddings=Z > 0)),
    ("masked array", TypeError, f"embeddings are a {MASKED}", find(embeddings=np.ma.array(Z))),
    ("distance", ValueError, DISTANCES, find(distance="cosine")),
    ("distance None", TypeError, "distance is a NoneType: expected a name",
     find(distance=None)),
    ("backend", ValueError, f'unknown backend "x": {BACKENDS}', find(backend="x")),
    ("backend gram", ValueError, "gram", find(backend="gram")),
    ("threads", ValueError, "threads is 0: at least one is needed", find(threads=0)),
    ("k 0", ValueError, "k is 0: depths start at 1", find(k=0)),
    ("k of 70 bits", ValueError, "k is 1180591620717411303424: .* so many rows", find(k=2**70)),
    ("k a fraction", TypeError, r"\bk\b.*expected", find(k=1.5)),
    ("k NaN", TypeError, r"\bk\b.*expected", find(k=[1, float("nan")])),
    ("k text", TypeError, r"\bk\b.*expected", find(k="5")),
    ("reference alone", ValueError, "reference and reference_labels go together", find(reference=Z)),
    ("reference of another width", ValueError, f"4 but the references have width 2: {BOTH_WIDTHS}",
     find(**REFERENCE | {"reference": Z[:, :2]})),
    ("reference of another dtype", TypeError, "different types: one is float64",
     find(**REFERENCE | {"reference": Z.astype(float)})),
    ("reference of NaN", ValueError, rf"in reference and .*: embeddings\[7, 2\] is NaN: {FINITE}",
     find(**REFERENCE | {"reference": wrong(np.nan)})),
    ("reference as a row", ValueError, rf"reference.* shape \[4\]: {TWO}",
     find(**REFERENCE | {"reference": Z[0]})),
    ("reference labels of another kind", TypeError, "labels are integers but reference_labels are",
     find(**REFERENCE | {"reference_labels": list("abcdefghijkl")})),
    ("too few ids", ValueError, "there are 2 ids for 12 rows of the queries", find(ids=[1, 2])),
    ("too few reference ids", ValueError, "there are 3 ids for 12 rows of the references",
     find(**REFERENCE, ids=range(12), reference_ids=range(3))),
    ("ids and exclude_self", ValueError, "ids and exclude_self both exclude rows.*: give one of them",
     find(**REFERENCE, ids=range(12), reference_ids=range(12), exclude_self=True)),
    ("reference in another order", ValueError, "row 0 of the reference is not row 0 of the queries",
     find(**REFERENCE | {"reference": Z[::-1]}, exclude_self=True)),
    ("exclude_self text", TypeError, "exclude_self is a str", find(**REFERENCE, exclude_self="no")),
    ("centre text", TypeError, "centre is a str", find(centre="no")),
    ("centred angles", ValueError, "centring moves the origin, .*: it goes with l2 and squared-l2",
     find(centre=True, distance="angular")),
]  # fmt: skip

METRICS = [
    ("recall_at_k", "k 0", ValueError, "k is 0: depths start at 1", lambda: metrics.recall_at_k(Y, Z, 0)),
    ("recall_at_k", "NaN", ValueError, rf"embeddings\[7, 2\] is NaN: {FINITE}",
     lambda: metrics.recall_at_k(Y, wrong(np.nan), 5)),
    ("precision_at_1", "too few labels", ValueError, rf"labels have shape \[11\] but .*: {ONE_A_ROW}",
     lambda: metrics.precision_at_1(Y[1:], Z)),
    ("precision_at_1", "unknown argument", TypeError, "unexpected keyword argument 'metric'",
     lambda: metrics.precision_at_1(Y, Z, metric="l2")),
    ("mean_average_precision_at_r", "inf", ValueError, rf"embeddings\[7, 2\] is inf: {FINITE}",
     lambda: metrics.mean_average_precision_at_r(Y, wrong(np.inf))),
]  # fmt: skip

_SIZE = "{} is {}: expected an integer of at least 1"

BANK = [
    ("no width", ValueError, _SIZE.format("embedding_size", 0), lambda: MemoryBank(0)),
    ("no rows", ValueError, _SIZE.format("memory_size", -1), lambda: MemoryBank(4, -1)),
    ("width True", ValueError, _SIZE.format("embedding_size", True), lambda: MemoryBank(True)),
    ("width text", ValueError, _SIZE.format("embedding_size", "'4'"), lambda: MemoryBank("4")),
    ("2**40 rows of 2**40", (MemoryError, ValueError), "embedding_size|memory_size",
     lambda: MemoryBank(2**40, 2**40)),
    ("2**48 rows", MemoryError, rf"shape \({HUGE}, 1\)", lambda: MemoryBank(1, HUGE)),
    ("f16", TypeError, "dtype is float16: expected float32 or float64",
     lambda: MemoryBank(4, dtype="float16")),
    ("byte-swapped", TypeError, "dtype is >f4: expected", lambda: MemoryBank(4, dtype=">f4")),
    ("unknown dtype", TypeError, "expected float32 or float64", lambda: MemoryBank(4, dtype="foo")),
]  # fmt: skip

BANK_CALLS = [
    ("width", ValueError, "embeddings have width 2, the bank has 4", bank(rows=Z[:, :2])),
    ("dtype", TypeError, "embeddings have dtype float64, the bank has float32",
     bank(rows=Z.astype(float))),
    ("a row", ValueError, rf"embeddings have shape \[4\]: {TWO}", bank(rows=Z[0])),
    ("NaN", ValueError, rf"^embeddings\[7, 2\] is NaN: {FINITE}", bank(rows=wrong(np.nan))),
    ("overflow", ValueError, f"^embeddings row 7 has .*: {NORM}", bank(rows=wrong(1e30))),
    ("labels", ValueError, rf"labels have shape \[11\] but .*: {ONE_A_ROW}", bank(Y[1:])),
    ("fraction", ValueError, whole(r"labels\[0\]", "0.5"), bank([0.5] * 12)),
    ("text", TypeError, "labels are text, .*: give each class an integer first",
     bank(list("abcdefghijkl"))),
    ("rows", ValueError, "17 rows do not fit a bank of 16",
     bank(np.zeros(17), np.zeros((17, 4), np.float32))),
    ("candidates", TypeError, "candidates is what the bank passes", bank(candidates=Z)),
    ("rule", ValueError, 'unknown rule "x": choose one of semi-hard', bank(rule="x")),
    ("weights", ValueError, r"shape \[2\] but the batch has shape \[12\]: give a scalar",
     bank(sample_weight=[1, 2])),
    ("gram", ValueError, "need the simd or par backend", bank(backend="gram")),
]  # fmt: skip

BANK_STATES = [
    ("rows", ValueError, r"the state is of a bank of float32\[8, 4\], this one is of "
     r"float32\[16, 4\]", state(embeddings=lambda rows: rows[:8])),
    ("dtype", ValueError, r"the state is of a bank of float64\[16, 4\]",
     state(embeddings=lambda rows: rows.astype(float))),
    ("object", ValueError, r"the state is of a bank of object\[16, 4\]",
     state(embeddings=lambda rows: rows.astype(object))),
    ("byte-swapped", ValueError, r"the state is of a bank of >f4\[16, 4\]",
     state(embeddings=lambda rows: rows.astype(">f4"))),
    ("masked array", TypeError, MASKED,
     state(embeddings=lambda rows: np.ma.array(rows, mask=True))),
    ("label dtype", ValueError, r"labels of the state are int32\[16\]: expected int64",
     state(labels=lambda labels: labels.astype(np.int32))),
    ("NaN", ValueError, rf"in the candidates: embeddings\[9, 1\] is NaN: {FINITE}",
     state(embeddings=lambda rows: wrong(np.nan, 9, 1, rows))),
    ("next", ValueError, "next and filled are 99 and 12: no bank of 16 rows has these",
     state(next=99)),
    ("filled", ValueError, "next and filled are 12 and 99: no bank of", state(filled=99)),
    ("negative", ValueError, "next and filled are -1 and -1", state(next=-1, filled=-1)),
    ("filled NaN", TypeError, "filled", state(filled=float("nan"))),
    ("next text", TypeError, "next", state(next="1")),
    ("no labels", (KeyError, ValueError), "state.*labels", state(labels=...)),
    ("a list", TypeError, "state is a list", lambda: MemoryBank(4).load_state([1, 2])),
]  # fmt: skip


class _Scores:
    """A cross-encoder that gives other numbers of scores than it is given pairs, or others than numbers."""

    def __init__(self, more: int = 1, score: float = 1.0):
        self.more, self.score = more, score

    def predict(self, pairs: list[Any], **_: Any) -> Any:
        return np.full(len(pairs) + self.more, self.score)


_NARROW = ONES[:, :2]

MINE = [
    ("a list", TypeError, "dataset is a list: expected a datasets.Dataset, a DataFrame or a dict", mine(
        dataset=[1])),
    ("no rows", ValueError, "the dataset has no rows", mine(dataset={"a": [], "b": []})),
    ("one column", ValueError, "the dataset has 1 columns: a second one", mine(dataset={"a": ["x"]})),
    ("columns of other lengths", ValueError, "'a' has 1 rows and 'b' 2", mine(dataset=PAIRS | {"a": ["x"]})),
    ("no text", TypeError, "row 1 of 'a' is a int: expected text", mine(dataset=PAIRS | {"a": ["x", 1]})),
    ("missing text", TypeError, "row 0 of 'b' is a NoneType", mine(dataset=PAIRS | {"b": [None, "v"]})),
    ("anchor column", ValueError, "anchor_column_name is 'q': the dataset has 'a', 'b'",
     mine(anchor_column_name="q")),
    ("one column twice", ValueError, "anchor_column_name|positive_column_name",
     mine(anchor_column_name="a", positive_column_name="a")),
    ("format", ValueError, "output_format is 'x': expected one of triplet, n-tuple", mine(output_format="x")),
    ("strategy", ValueError, "sampling_strategy is 'x': expected top or random", mine(sampling_strategy="x")),
    ("similarity", ValueError, "similarity is 'x': expected one of cosine, dot, euclidean",
     mine(similarity="x")),
    ("no negatives", ValueError, "num_negatives is 0: at least one is needed", mine(num_negatives=0)),
    ("1.5 negatives", TypeError, "num_negatives", mine(num_negatives=1.5)),
    ("negatives text", TypeError, "num_negatives", mine(num_negatives="3")),
    ("2**70 negatives", (MemoryError, ValueError), "num_negatives", mine(num_negatives=2**70)),
    ("negative range", ValueError, "range_min is -1: it counts texts that are left out", mine(range_min=-1)),
    ("range_min a fraction", TypeError, "range_min", mine(range_min=0.5)),
    ("range_max a fraction", TypeError, "range_max", mine(range_max=3.5, num_negatives=1)),
    ("short range", ValueError, "num_negatives is 3, and range_min 0 and range_max 1 leave 1 texts",
     mine(range_max=1)),
    ("max_score NaN", ValueError, "max_score is nan: it must be finite", mine(max_score=float("nan"))),
    ("margin -inf", ValueError, "absolute_margin is -inf: it must be", mine(absolute_margin=-np.inf)),
    ("min_score text", TypeError, "min_score", mine(min_score="a")),
    ("negative memory", ValueError, "memory is -1", mine(memory=-1)),
    ("memory text", TypeError, "memory is a str: expected", mine(memory="2G")),
    ("threads", ValueError, "threads is 0: at least one is needed", mine(threads=0)),
    ("progress", TypeError, "progress", mine(progress=3)),
    ("model text", TypeError, "model is a str: expected a SentenceTransformer, a function", mine("x")),
    ("model list", TypeError, "model is a list: expected .* a tuple", mine([ONES, ONES])),
    ("three arrays", ValueError, "model is a tuple of 3: expected the embeddings", mine((ONES, ONES, ONES))),
    ("too few anchors", ValueError, "1 embeddings of anchors for 2 rows", mine((ONES[:1], ONES))),
    ("too few of a function", ValueError, "there are 1 embeddings of queries for 2 texts",
     mine(lambda texts: ONES[:1])),
    ("function gives None", TypeError, "embeddings: a NoneType is neither", mine(lambda texts: None)),
    ("NaN", ValueError, rf"embeddings\[1, 2\] is NaN: {FINITE}", mine((ONES, wrong(np.nan, 1, 2, ONES)))),
    ("squares overflow", ValueError, f"row 0 has .*: {NORM}", mine((ONES * np.float32(1e30), ONES))),
    ("squares overflow, euclidean", ValueError, NORM,
     mine((ONES * np.float32(1e30), ONES), similarity="euclidean")),
    ("bool", TypeError, f"embeddings have dtype bool: {DTYPE}", mine((ONES > 0, ONES))),
    ("masked array", TypeError, f"embeddings are a {MASKED}", mine((np.ma.array(ONES), ONES))),
    ("a row", ValueError, rf"embeddings have shape \[3\]: {TWO}", mine((ONES[0], ONES))),
    ("wider corpus", ValueError, BOTH_WIDTHS, mine((ONES, np.ones((2, 6), np.float32)))),
    ("narrower corpus", ValueError, BOTH_WIDTHS, mine((ONES[:, [0, 1, 2, 0]], _NARROW))),
    ("width of no multiple", ValueError, BOTH_WIDTHS, mine((ONES, _NARROW))),
    ("corpus embeddings missing", ValueError, "corpus and corpus_embeddings go together", mine(corpus=["z"])),
    ("corpus embeddings alone", ValueError, "corpus and corpus_embeddings go", mine(corpus_embeddings=ONES)),
    ("too many for the corpus", ValueError, "there are 2 corpus_embeddings for 1 texts of the corpus",
     mine(corpus=["z"], corpus_embeddings=ONES)),
    ("narrower corpus_embeddings", ValueError, "corpus_embeddings|width",
     mine(corpus=["z"], corpus_embeddings=_NARROW[:1])),
    ("column a text", TypeError, "'b' is a str: expected a list of texts",
     mine(dataset={"a": ["x"], "b": "u"})),
    ("row of a text that repeats", ValueError, rf"embeddings of anchors: embeddings\[1, 0\] is inf: {FINITE}",
     mine((wrong(np.inf, 1, 0, ONES), ONES), {"a": ["x", "x"], "b": ["u", "v"]})),
    ("include_positives", TypeError, "include_positives is a str: expected", mine(include_positives="no")),
    ("output_scores", TypeError, "output_scores is a str: expected", mine(output_scores="no")),
    ("use_faiss", TypeError, "use_faiss is a str: expected", mine(use_faiss="no")),
    ("verbose", TypeError, "verbose is a str: expected", mine(verbose="no")),
    ("until_found", TypeError, "until_found is a str: expected", mine(until_found="no")),
    ("no text in the corpus", TypeError, "row 0 of 'corpus' is a int: expected text", mine(corpus=[1])),
    ("corpus a text", TypeError, "corpus", mine(corpus="zz", corpus_embeddings=ONES)),
    ("cross_encoder and until_found", ValueError, "until_found searches by embeddings, which a cross_encoder",
     mine(until_found=True, cross_encoder=object())),
    ("no cross-encoder", TypeError, "cross_encoder", mine(cross_encoder=object(), max_score=0.5)),
    ("score of a cross-encoder", ValueError, "cross_encoder gives nan for .*: scores must be finite",
     mine(cross_encoder=_Scores(0, float("nan")), max_score=0.5)),
    ("scores of a cross-encoder", ValueError, "cross_encoder", mine(cross_encoder=_Scores(), max_score=0.5)),
]  # fmt: skip

SAMPLER = [
    ("one class", ValueError, "classes is 1: a batch needs at least 2", pk(Y, 1, 2)),
    ("more classes than labels", ValueError, "classes is 9 but the labels have 3", pk(Y, 9, 2)),
    ("one row", ValueError, "rows is 1: a class needs at least 2 rows", pk(Y, 2, 1)),
    ("rows NaN", TypeError, _INDEX.format("rows", "float"), pk(Y, 2, float("nan"))),
    ("2**31 rows", ValueError, "rows is 2147483648: at most 2147483647", pk(Y, 2, 2**31)),
    ("no labels", ValueError, "labels are empty: there is no row", pk([], 2, 2)),
    ("labels None", TypeError, "labels: a NoneType is neither", pk(None, 2, 2)),
    ("NaN label", ValueError, r"labels\[1\] is nan: a missing value", pk([0.0, np.nan], 2, 2)),
    ("labels of two columns", ValueError, r"labels have shape \[2, 2\]", pk([[0, 1]] * 2, 2, 2)),
    ("masked labels", TypeError, f"labels are a {MASKED}", pk(np.ma.array(Y), 2, 2)),
    ("mixed labels", TypeError, "labels mix text and integers", pk(["a", 1], 2, 2)),
    ("no batches", ValueError, "batches is 0: an epoch needs at least 1", pk(batches=0)),
    ("seed None", TypeError, _INDEX.format("seed", "NoneType"), pk(seed=None)),
    ("rank of ranks", ValueError, "rank is 2 but ranks is 2: ranks are", pk(rank=2, ranks=2)),
    ("rank alone", ValueError, "rank is 1 and ranks is None: give both, or", pk(rank=1)),
    ("negative rank", ValueError, "rank is -1: ranks are counted from 0", pk(rank=-1, ranks=2)),
]  # fmt: skip

MEMORY = [
    ("negative", ValueError, "bytes is -1: at least one is needed", lambda: limit_memory(-1)),
    ("NaN", TypeError, "bytes is a float: expected an integer", lambda: limit_memory(np.nan)),
]  # fmt: skip

TABLE = parameters(
    [
        *of("evaluate", EVALUATE),
        *of("retrieval", RETRIEVAL),
        *METRICS,
        *of("MemoryBank", BANK),
        *of("MemoryBank.evaluate", BANK_CALLS),
        *of("MemoryBank.load_state", BANK_STATES),
        *of("mine_hard_negatives", MINE),
        *of("PKSampler", SAMPLER),
        *of("limit_memory", MEMORY),
    ]
)
