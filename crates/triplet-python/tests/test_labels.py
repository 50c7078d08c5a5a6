"""Labels of every kind and container: classes are what is equal, and nothing is merged in silence."""

from __future__ import annotations

import datetime
import enum
import importlib
import subprocess
import sys
import zoneinfo
from collections import deque
from decimal import Decimal

import ml_dtypes
import numpy as np
import pytest
from conftest import SEED, same_bits
from triplet_loss import evaluate, metrics
from triplet_loss._labels import as_labels, as_labels_of_both, classes
from triplet_loss.samplers import PKSampler

# Three rows of one class, one of another, two of a third.
PATTERN = [0, 1, 0, 2, 0, 2]
NAMES = ["cat", "dog", "cat", "eel", "cat", "eel"]
DAYS = [datetime.date(2020, 1, 1 + number) for number in PATTERN]


class Holder:
    """An object of a library that gives its values as an array."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


TIMES = [datetime.datetime(2020, 1, 1, number, tzinfo=datetime.timezone.utc) for number in PATTERN]


class Animal(str, enum.Enum):
    CAT, DOG, EEL = "cat", "dog", "eel"


class Number(enum.IntEnum):
    CAT, DOG, EEL = 5, 6, 7


def library(name: str):
    return pytest.importorskip(name, exc_type=ImportError)  # or built for another NumPy


def pandas(dtype, values=NAMES):
    return library("pandas").Series(values, dtype=dtype)


def polars(dtype, values=NAMES):
    pl = library("polars")
    return pl.Series(values, dtype=getattr(pl, dtype))


def arrow(dtype, values=NAMES):
    pa = library("pyarrow")
    return pa.array(values, getattr(pa, dtype)())


def torch(values=PATTERN):
    return library("torch").tensor(values)


KINDS = {
    "integers": lambda: PATTERN,
    "range of values": lambda: np.array(PATTERN, np.int8),
    "beyond 2**53": lambda: [2**62 + number for number in PATTERN],
    "lowest": lambda: [-(2**63) + number for number in PATTERN],
    "uint64": lambda: np.array(PATTERN, np.uint64),
    "int4": lambda: np.array(PATTERN, ml_dtypes.int4),
    "float32 below 2**24": lambda: np.array(PATTERN, np.float32) + np.float32(2**24 - 3),
    "bfloat16": lambda: np.array(PATTERN, ml_dtypes.bfloat16),
    "longdouble": lambda: np.array(PATTERN, np.longdouble),
    "integers and floats": lambda: [0, 1.0, 0.0, 2, 0, np.float16(2)],
    "integers of NumPy": lambda: [np.int8(number) for number in PATTERN],
    "members of IntEnum": lambda: [list(Number)[number] for number in PATTERN],
    "text": lambda: NAMES,
    "text array": lambda: np.array(NAMES),
    "text objects": lambda: np.array(NAMES, object),
    "text in a column": lambda: np.array(NAMES)[:, None],
    "text in rows": lambda: [[name] for name in NAMES],
    "text that reads as numbers": lambda: ["1", "1.0", "1", "01", "1", "01"],
    "members of Enum and text": lambda: [list(Animal)[PATTERN[0]], *NAMES[1:]],
    "bytes": lambda: [name.encode() for name in NAMES],
    "bytes array": lambda: np.array(NAMES, "S"),
    "deque": lambda: deque(NAMES),
    "dates": lambda: DAYS,
    "datetime64": lambda: np.array(DAYS, "datetime64[D]"),
    "times with a zone": lambda: TIMES,
    "arrays of one": lambda: [np.array([number]) for number in PATTERN],
    "torch": lambda: torch(),
    "torch scalars": lambda: [torch(number) for number in PATTERN],
    "pandas int64": lambda: pandas("int64", PATTERN),
    "pandas Int64": lambda: pandas("Int64", PATTERN),
    "pandas Float32": lambda: pandas("Float32", PATTERN),
    "pandas object": lambda: pandas("object"),
    "pandas string": lambda: pandas("string"),
    "pandas category": lambda: pandas("category"),
    "pandas category of integers": lambda: pandas("int64", PATTERN).astype("category"),
    "pandas datetime": lambda: pandas("datetime64[ns]", DAYS),
    "pandas datetime with a zone": lambda: pandas(None, TIMES),
    "pandas index": lambda: library("pandas").Index(NAMES),
    "pandas index of its own names": lambda: library("pandas").Series(
        NAMES, index=["columns", "null_count", *"abcd"]
    ),
    "pandas frame of one column": lambda: pandas("string").to_frame(),
    "polars Int64": lambda: polars("Int64", PATTERN),
    "polars String": lambda: polars("String"),
    "polars Categorical": lambda: polars("Categorical"),
    "polars Date": lambda: polars("Date", DAYS),
    "polars frame of one column": lambda: polars("String").to_frame(),
    "arrow int64": lambda: arrow("int64", PATTERN),
    "arrow uint8": lambda: arrow("uint8", PATTERN),
    "arrow string": lambda: arrow("string"),
    "arrow large_string": lambda: arrow("large_string"),
    "arrow dictionary": lambda: arrow("string").dictionary_encode(),
    "arrow date": lambda: arrow("date32", DAYS),
    "arrow slice": lambda: arrow("string", ["dog", *NAMES])[1:],
    "arrow chunks": lambda: library("pyarrow").chunked_array([NAMES[:2], NAMES[2:]]),
    "arrow chunked dictionary": lambda: (
        library("pyarrow").chunked_array([NAMES[:1], NAMES[1:]]).dictionary_encode()
    ),
    "arrow table of one column": lambda: library("pyarrow").table({"animal": NAMES}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_classes_are_what_is_equal(kind):
    labels = KINDS[kind]()
    read = as_labels(labels)
    assert read.dtype == np.int64
    assert read.flags.c_contiguous
    assert np.unique(read, return_inverse=True)[1].tolist() == PATTERN


def test_text_is_numbered_by_first_appearance_and_integers_stay():
    assert as_labels(["z", "a", "z"]).tolist() == [0, 1, 0]
    assert as_labels([7, -1, 7]).tolist() == [7, -1, 7]
    assert as_labels([True, False]).tolist() == [1, 0]
    whole = np.array([3, 4])
    assert as_labels(whole) is whole


def test_everything_that_takes_labels_takes_text():
    x = np.array([[0.0], [1.0], [0.5], [4.0], [0.1], [9.0]], np.float32)
    expected = evaluate(PATTERN, x)
    found = evaluate(NAMES, x)
    assert same_bits(found.loss, expected.loss)
    assert same_bits(found.gradient, expected.gradient)
    assert metrics.retrieval(NAMES, x) == metrics.retrieval(PATTERN, x)
    assert list(PKSampler(NAMES, 2, 2)) == list(PKSampler(PATTERN, 2, 2))


PLACE = r"labels\[1\] is "
BAD = {
    "text and integers": (TypeError, r"labels mix integers and text \(labels\[0\] is 1, labels\[1\] is '1'\)",
                          lambda: [1, "1"]),
    "objects": (TypeError, "labels mix integers and text", lambda: np.array([1, "1"], object)),
    "deque": (TypeError, "labels mix integers and text", lambda: deque([1, "1"])),
    "booleans and integers": (TypeError, "labels mix booleans and integers", lambda: [True, 1]),
    "text and bytes": (TypeError, "labels mix text and bytes", lambda: ["a", b"a"]),
    "zones": (TypeError, "labels mix dates with and without a time zone",
              lambda: [TIMES[0], TIMES[0].replace(tzinfo=None)]),
    "long text": (TypeError, r"^.{,200}$", lambda: ["x" * 10_000, 1]),
    "None": (ValueError, PLACE + "None: a missing value", lambda: ["a", None]),
    "NaN among text": (ValueError, PLACE + "nan: a missing value", lambda: ["a", float("nan")]),
    "NaN": (ValueError, PLACE + "nan: a missing value", lambda: [0.0, np.nan]),
    "NaN after another fault": (ValueError, PLACE + "nan: a missing value", lambda: np.array([0.5, np.nan])),
    "NaT": (ValueError, PLACE + "NaT: a missing value", lambda: np.array(["2020", "NaT"], "M8[Y]")),
    "float16": (ValueError, PLACE + r"2048.0: .* below 2\*\*11", lambda: np.array([2047, 2048], np.float16)),
    "bfloat16": (ValueError, PLACE + r"256.0: .* below 2\*\*8",
                 lambda: np.array([1, 256], ml_dtypes.bfloat16)),
    "float32": (ValueError, PLACE + r"-16777216.0: .* below 2\*\*24", lambda: np.array([1, -(2**24)], "f")),
    "float32 in a list": (ValueError, PLACE + r"16777216.0: .*2\*\*24", lambda: [1, np.float32(2**24)]),
    "float64": (ValueError, PLACE + r"9007199254740992.0: .*2\*\*53", lambda: [2.0, 2.0**53]),
    "longdouble": (ValueError, PLACE + r"9007199254740992.0: .*2\*\*53",
                   lambda: np.array([1, 2**53], np.longdouble)),
    "longdouble beside a whole number": (ValueError, PLACE + r".*whole numbers",
        lambda: np.array([1, np.nextafter(np.longdouble(5), np.longdouble(6))])),
    "a half": (ValueError, PLACE + r"0.5: .*whole numbers", lambda: [0, 0.5]),
    "infinity": (ValueError, PLACE + r"inf: .*whole numbers", lambda: [0, float("inf")]),
    "2**63": (ValueError, PLACE + "9223372036854775808: labels must fit", lambda: [0, 2**63]),
    "2**63 after -100": (ValueError, PLACE + "9223372036854775808: labels must fit", lambda: [-100, 2**63]),
    "no column": (ValueError, r"labels have shape \[2, 0\]: expected", lambda: np.zeros((2, 0), np.int64)),
    "uint64": (ValueError, PLACE + "9223372036854775808: labels must fit",
               lambda: np.array([0, 2**63], np.uint64)),
    "uint64 in a list": (ValueError, PLACE + "9223372036854775808", lambda: [0, np.uint64(2**63)]),
    "very large": (ValueError, PLACE + "an integer of 100001 bits", lambda: [0, 2**100_000]),
    "complex": (TypeError, "labels have dtype complex128: expected integers, text", lambda: np.array([1j])),
    "complex in a list": (TypeError, r"labels\[0\] is of type complex", lambda: [1j]),
    "durations": (TypeError, "labels have dtype timedelta64", lambda: np.array([1], "m8[s]")),
    "durations in a list": (TypeError, "type timedelta", lambda: [datetime.timedelta(1)]),
    "decimals": (TypeError, "type Decimal: .*convert them to text", lambda: [Decimal(1)]),
    "records": (TypeError, "labels have dtype void", lambda: np.zeros(2, [("a", int)])),
    "float8 that NumPy takes for a float": (TypeError, "labels have dtype float8_e5m2: expected integers",
        lambda: np.zeros(2, ml_dtypes.float8_e5m2)),
    "masked behind __array__": (TypeError, "labels are a masked array", lambda: Holder(np.ma.array([1, 2]))),
    "masked rows behind __array__": (TypeError, r"labels\[0\] is of type Holder",
        lambda: [Holder(np.ma.array([1])), Holder(np.ma.array([2]))]),
    "before the first date": (ValueError, PLACE + "0001-01-01.*in UTC it leaves the range", lambda: [
        TIMES[0], datetime.datetime(1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=9)))]),
    "float8": (TypeError, "labels have dtype float8", lambda: np.zeros(2, ml_dtypes.float8_e4m3fn)),
    "masked rows": (TypeError, "labels are a masked array", lambda: [np.ma.array([1]), np.ma.array([2])]),
    "masked value": (TypeError, "labels are a masked array", lambda: [1, np.ma.masked]),
    "masked value in rows": (TypeError, "labels are a masked array", lambda: [[1], [np.ma.masked]]),
    "set": (TypeError, "labels: a set is neither an array nor a list", lambda: {1, 2}),
    "nothing": (TypeError, "labels: a NoneType is neither", lambda: None),
    "one text": (ValueError, r"labels have shape \[\]", lambda: "aab"),
    "two columns": (ValueError, r"labels have shape \[2, 2\]", lambda: [[0, 1], [1, 2]]),
    "three dimensions": (ValueError, r"labels have shape \[2, 1, 1\]", lambda: [[[0]], [[1]]]),
    "ragged": (ValueError, r"labels have shape \[2, 2\]", lambda: [[0], [1, 2]]),
    "pandas Int64": (ValueError, PLACE, lambda: pandas("Int64", [1, None])),
    "pandas object": (TypeError, "mix integers and text", lambda: pandas("object", [1, "a"])),
    "pandas string": (ValueError, PLACE, lambda: pandas("string", ["a", None])),
    "pandas category": (ValueError, PLACE, lambda: pandas("category", ["a", None])),
    "pandas datetime": (ValueError, PLACE + "NaT", lambda: pandas("datetime64[ns]", [DAYS[0], None])),
    "pandas Float32": (ValueError, PLACE + r".*2\*\*24", lambda: pandas("Float32", [1, 2**24])),
    "pandas frame": (ValueError, PLACE + r".*2\*\*24", lambda: pandas("Float32", [1, 2**24]).to_frame()),
    "pandas interval": (TypeError, "type Interval", lambda: library("pandas").cut([1, 2, 3], 2)),
    "pandas columns": (TypeError, "labels are a table of 2 columns",
                       lambda: library("pandas").DataFrame({"a": ["x"], "b": [1]})),
    "polars Int64": (ValueError, PLACE, lambda: polars("Int64", [1, None])),
    "polars String": (ValueError, PLACE + "None", lambda: polars("String", ["a", None])),
    "polars Date": (ValueError, PLACE + "NaT", lambda: polars("Date", [DAYS[0], None])),
    "polars Int128": (TypeError, "cannot be read as an array", lambda: polars("Int128", [1])),
    "arrow int64": (ValueError, PLACE, lambda: arrow("int64", [1, None])),
    "arrow string": (ValueError, PLACE + "None", lambda: arrow("string", ["a", None])),
    "arrow dictionary": (ValueError, PLACE + "None",
                         lambda: arrow("string", ["a", None]).dictionary_encode()),
    "arrow nothing": (ValueError, r"labels\[0\] is None", lambda: arrow("null", [None])),
    "arrow records": (TypeError, "type dict", lambda: library("pyarrow").array([{"a": 1}])),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_label_is_refused_with_its_row(what):
    kind, message, make = BAD[what]
    labels = make()
    with pytest.raises(kind, match=message) as raised:
        as_labels(labels)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_two_sets_of_rows_share_their_classes():
    names = ("labels", "reference_labels")
    left, right = as_labels_of_both(["b", "a"], np.array(["a", "c", "b"]), names)
    assert (left.tolist(), right.tolist()) == ([0, 1], [1, 2, 0])
    days = np.array(DAYS, "datetime64[D]")
    left, right = as_labels_of_both(days, days.astype("datetime64[ns]"), names)
    assert left.tolist() == right.tolist()
    assert [part.size for part in as_labels_of_both([], ["a"], names)] == [0, 1]
    for one, other in (("text", ["a"]), ("bytes", [b"a"]), ("integers", [1]), ("dates", DAYS)):
        for mine, theirs in (("text", ["a"]), ("bytes", [b"a"]), ("integers", [1]), ("dates", DAYS)):
            if one != mine:
                with pytest.raises(TypeError, match=f"labels are {one} but reference_labels are {mine}"):
                    as_labels_of_both(other, theirs, names)
    with pytest.raises(ValueError, match="dates leave the range"):
        as_labels_of_both(np.array(["9999"], "M8[D]"), np.array(["2020"], "M8[ns]"), names)
    # The first goes round to the second in nanoseconds.
    round_trip = [np.datetime64("2585-01-01", "D"), np.datetime64("2000-06-13T00:25:26.290448384", "ns")]
    with pytest.raises(ValueError, match="dates leave the range"):
        as_labels(round_trip)
    first, second = as_labels([np.datetime64("2020-01-01", "D"), np.datetime64("2020-01-01", "ns")])
    assert first == second


def test_names_go_with_their_classes():
    numbers, names = classes(["z", "a", "z"])
    assert (numbers.tolist(), names) == ([0, 1, 0], ["z", "a"])
    assert classes(np.array(["2021", "2020"], "M8[Y]"))[1] == ["2020", "2021"]
    assert classes([b"z"])[1] == ["z"]
    assert classes([3, 1])[1] is None


def test_columns_that_older_pandas_gives_as_objects_keep_their_type():
    class Float32:
        """As pandas 1 and 2 have it: a column of float32 whose values come as Python's floats."""

        dtype = type("Float32Dtype", (), {"numpy_dtype": np.dtype(np.float32)})()

        def __array__(self, dtype=None, copy=None):
            return np.array([1.0, 2.0**24], object)

        def to_numpy(self, dtype, na_value):
            assert np.isnan(na_value)
            return np.asarray(self).astype(dtype)

    with pytest.raises(ValueError, match=PLACE + r"16777216.0: .*2\*\*24"):
        as_labels(Float32())


def test_reading_a_column_imports_nothing():
    code = """
import sys, numpy as np
from triplet_loss import evaluate
class Column:
    dtype = "text"
    def __array__(self, dtype=None, copy=None):
        return np.array(["a", "a", "b"], object)
evaluate(Column(), np.eye(3, dtype="f"))
evaluate(["a", "a", "b"], [[0], [1], [2]])
assert not {"pandas", "polars", "pyarrow"} & set(sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="tensorflow is not installed")
def test_text_of_tensorflow_does_not_end_the_process():
    code = """
import numpy as np, tensorflow as tf
from triplet_loss import evaluate
print(evaluate(tf.constant(["a", "a", "b"]), np.eye(3, dtype="f")).statistics.positive_pairs)
try:
    evaluate([0, 1], tf.constant([["a"], ["b"]]))
except TypeError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("2\nembeddings have dtype object")


def test_random_lists_are_classes_by_equality_or_errors():
    rng = np.random.default_rng(SEED)
    near = [2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**24, 2**24 + 1, 0, 1]
    makers = (
        *(
            lambda value, kind=kind: kind(value)
            for kind in (int, float, np.float32, np.float64, np.longdouble)
        ),
        lambda value: str(value),
        lambda value: str(value).encode(),
        lambda value: value > 5,
        lambda value: np.datetime64(value % 1000, "D"),
        lambda value: None,
    )
    accepted = 0
    for _ in range(3000):
        kinds = rng.choice(len(makers), rng.integers(1, 3), replace=False)
        values = [near[i] for i in rng.integers(0, len(near), 6)]
        with np.errstate(all="ignore"):
            labels = [makers[kinds[rng.integers(len(kinds))]](value) for value in values]
        try:
            read = as_labels(labels)
        except (TypeError, ValueError):
            continue
        accepted += 1
        # What was meant, before a type of few digits took part.
        assert len(set(read.tolist())) == len(set(map(str, labels))) or len(kinds) > 1, labels
        same = [[bool(a == b) for b in labels] for a in labels]
        assert (read[:, None] == read).tolist() == same, labels
        assert not any(isinstance(label, (float, np.floating)) and abs(label) >= 2**53 for label in labels)
    assert accepted > 300


def test_instants_that_clocks_tell_twice_are_told_apart():
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    # Clocks were set back from 3 to 2.
    first, second = (datetime.datetime(2024, 10, 27, 2, 30, fold=fold, tzinfo=zone) for fold in (0, 1))
    utc = [datetime.datetime(2024, 10, 27, hour, 30, tzinfo=datetime.timezone.utc) for hour in (0, 1)]
    assert as_labels([first, second, *utc]).tolist() == [0, 1, 0, 1]
    one, other = as_labels_of_both([first, second], utc, ("labels", "reference_labels"))
    assert one.tolist() == other.tolist()


def test_views_of_torch_with_another_sign_are_read_with_it():
    torch = pytest.importorskip("torch")
    labels = torch.tensor([-1j, -1j, -2j, -3j]).conj().imag
    assert labels.is_neg()
    assert as_labels(labels).tolist() == [1, 1, 2, 3]
