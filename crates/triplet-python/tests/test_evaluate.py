"""`evaluate`: what goes in, what comes out, and what is refused."""

from __future__ import annotations

import array
import importlib.util
import os

import ml_dtypes
import numpy as np
import pytest
import triplet_loss
from conftest import BACKENDS, DISTANCES, REDUCTIONS, RULES, batch, isas, same_bits
from triplet_loss import _native, evaluate

LABELS = [0, 0, 1, 2]
LINE = np.array([[0.0], [1.0], [1.5], [3.0]], np.float32)


def test_worked_out_by_hand():
    # Anchor 0: 1 + 1 - 1.5, anchor 1: 1 + 1 - 2, over two positive pairs.
    result = evaluate(LABELS, LINE, distance="l2", triplets=True)
    assert result.loss == np.float32(0.25)
    assert result.gradient.tolist() == [[-0.5], [1.5], [-0.5], [-0.5]]
    assert [rows.tolist() for rows in result.triplets] == [[0, 1], [1, 0], [2, 3], [1.0, 1.0], [1.5, 2.0]]
    counts = result.statistics
    assert counts == (2, 2, 1, 0, 0)
    assert counts.violating_fraction == 0.5


def test_repr_says_what_there_is():
    shown = repr(evaluate(LABELS, LINE, distance="l2", backend="simd", isa="portable"))
    assert shown == (
        "Evaluation(loss=0.25, triplets=2 (50.0 % violating, 0 fallbacks), gradient=float32[4, 1], "
        "ran on simd/portable, 1 thread(s))"
    )
    assert "loss=float32[4]" in repr(evaluate(LABELS, LINE, reduction="none"))


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_backend_gives_the_same_bits(distance, rule, dtype):
    labels, x = batch(257, 33, 9, dtype)
    weights = np.random.default_rng(1).random(257)
    ways = [{"backend": "scalar"}]
    for isa in isas():
        ways.append({"backend": "simd", "isa": isa})
        ways += [{"backend": "par", "isa": isa, "threads": threads} for threads in (1, 2, 3)]
    first, *others = (evaluate(labels, x, 0.5, distance, rule, weights, triplets=True, **way) for way in ways)
    for way, other in zip(ways[1:], others, strict=True):
        assert same_bits(first.loss, other.loss), way
        assert same_bits(first.gradient, other.gradient), way
        assert all(map(same_bits, first.triplets, other.triplets)), way
        assert first.statistics == other.statistics, way


def test_the_page_of_evaluate_has_every_name():
    for name in [*_native.instruction_sets, *DISTANCES, *RULES, *REDUCTIONS, *BACKENDS]:
        assert f"``{name}``" in evaluate.__doc__, name


def test_gradient_is_that_of_the_loss():
    labels, x = batch(20, 4, 3, np.float64)
    for distance in DISTANCES:
        for rule in RULES:
            result = evaluate(labels, x, 0.7, distance, rule)
            step = np.zeros_like(x)
            for place in np.ndindex(x.shape):
                step[place] = 1e-6
                up, down = (
                    evaluate(labels, x + s * step, 0.7, distance, rule, gradient=False).loss for s in (1, -1)
                )
                # Central differences of f64: 1e-16 / 1e-6 of rounding, and h^2 of curvature.
                assert abs((up - down) / 2e-6 - result.gradient[place]) < 1e-6, (distance, rule, place)
                step[place] = 0.0


def test_reductions_and_weights_agree():
    labels, x = batch(40, 8, 4, np.float64)
    weights = np.linspace(0, 2, 40)
    rows = evaluate(labels, x, sample_weight=weights, reduction="none")
    total = evaluate(labels, x, sample_weight=weights[:, None], reduction="sum")
    mean = evaluate(labels, x, sample_weight=weights)
    assert rows.loss.shape == (40,)
    # Sums of 40 numbers near 1 in another order: 40 eps.
    assert abs(rows.loss.sum() - total.loss) < 1e-13 * 40 * total.loss
    assert abs(total.loss / 40 - mean.loss) < 1e-14 * mean.loss
    assert np.allclose(rows.gradient, total.gradient, rtol=0, atol=1e-14 * np.abs(total.gradient).max())
    assert evaluate(labels, x, sample_weight=0.5).loss == evaluate(labels, x).loss / 2
    unaligned = np.frombuffer(b"\0" + weights.tobytes(), np.uint8)[1:].view(np.float64)
    for other in (unaligned, weights.astype(">f8"), weights.tolist(), np.repeat(weights, 2)[::2]):
        assert same_bits(evaluate(labels, x, sample_weight=other).gradient, mean.gradient)


def test_contiguous_input_is_not_copied(monkeypatch):
    labels, x = batch(64, 8)
    seen = []

    class Spy:
        def __init__(self, engine):
            self.engine = engine

        def evaluate(self, plan, labels, embeddings, *rest):
            seen.append((labels, embeddings))
            return self.engine.evaluate(plan, labels, embeddings, *rest)

    from triplet_loss import _engine

    monkeypatch.setattr(_engine, "engine", Spy(_engine.engine))
    evaluate(labels, x)
    assert seen[0][0] is labels
    assert seen[0][1] is x
    evaluate(labels, memoryview(x))
    assert np.shares_memory(seen[1][1], x)
    readonly = x.view()
    readonly.flags.writeable = False
    evaluate(labels, readonly)
    assert seen[2][1] is readonly


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_halves_are_computed_in_f32_and_answered_in_kind(dtype):
    labels, x = batch(48, 16)
    half = x.astype(dtype)
    result = evaluate(labels, half, reduction="mean")
    wide = evaluate(labels, half.astype(np.float32))
    assert result.loss.dtype == result.gradient.dtype == dtype
    assert result.loss == wide.loss.astype(dtype)
    assert same_bits(result.gradient.view(np.uint16), wide.gradient.astype(dtype).view(np.uint16))


def test_layouts_byte_orders_and_containers_give_the_same_bits():
    labels, x = batch(30, 7)
    expected = evaluate(labels, x)
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape)
    for other in (np.asfortranarray(x), x[::1, ::-1][:, ::-1], x.astype(">f4"), unaligned, memoryview(x)):
        result = evaluate(labels, other)
        assert same_bits(result.loss, expected.loss)
        assert same_bits(result.gradient, expected.gradient)
    for names in (
        labels.tolist(),
        labels[:, None],
        labels.astype(np.int8),
        labels.astype(np.uint64),
        labels.astype(np.float32),
        labels.astype(">i4"),
        np.repeat(labels, 2)[::2],
        array.array("q", labels.tolist()),
        labels + 2**62,
    ):
        assert same_bits(evaluate(names, x).gradient, expected.gradient)
    assert evaluate([True, True, False], x[:3]).statistics.positive_pairs == 2


def test_integers_that_float32_holds_are_embeddings_as_for_the_command_line():
    expected = evaluate(LABELS, LINE * 2)
    for rows in ((LINE * 2).astype(int).tolist(), (LINE * 2).astype(np.uint8), (LINE * 2).astype(">i2")):
        result = evaluate(LABELS, rows)
        assert result.loss.dtype == result.gradient.dtype == np.float32
        assert same_bits(result.gradient, expected.gradient)
    assert evaluate([0, 0, 1], [[2**24], [-(2**60)], [2**61]]).loss == 0


def tables():
    """The same rows in every table and column that is read, by library."""
    x = np.arange(8, dtype=np.float32).reshape(4, 2) ** 2
    columns = {"a": x[:, 0], "b": x[:, 1]}

    def pandas(pd):
        frame = pd.DataFrame(columns)
        wide = pd.Series(list(x))
        return frame, frame.astype("Float32"), frame.astype({"a": "Int64"}).astype("Float32"), wide

    def polars(pl):
        rows = pl.Series(x.tolist(), dtype=pl.Array(pl.Float32, 2))
        return pl.DataFrame(columns), rows, pl.Series(x.tolist(), dtype=pl.List(pl.Float32))

    def pyarrow(pa):
        flat = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 2)
        more = pa.FixedSizeListArray.from_arrays(pa.array(np.append(x[:1], x).ravel()), 2)
        lists = pa.array(x.tolist(), pa.list_(pa.float32()))
        return pa.table(columns), flat, more[1:], pa.chunked_array([flat[:3], flat[3:]]), lists

    return x, {"pandas": pandas, "polars": polars, "pyarrow": pyarrow}


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow"])
def test_tables_are_embeddings(name):
    library = pytest.importorskip(name, exc_type=ImportError)
    x, make = tables()
    expected = evaluate(LABELS, x)
    for number, table in enumerate(make[name](library)):
        result = evaluate(LABELS, table)
        assert same_bits(result.gradient, expected.gradient), number
    if name != "pyarrow":
        frame = library.DataFrame({"a": [0.0, 1.0], "who": ["x", "y"]})
        flags = library.DataFrame({"a": [0.0, 1.0], "who": [True, False]})
    else:
        frame = library.table({"a": [0.0, 1.0], "who": ["x", "y"]})
        flags = library.table({"a": [0.0, 1.0], "who": [True, False]})
        with pytest.raises(ValueError, match=r"embeddings\[1\] is None: every row must be there"):
            evaluate([0, 1], library.array([[1.0, 2.0], None]))
    for wrong in (frame, flags):
        with pytest.raises(TypeError, match=r"embeddings: column 'who' has dtype .*: expected numbers"):
            evaluate([0, 1], wrong)
    gap = {"a": [0.0, None], "b": [1.0, 2.0]}
    gap = library.table(gap) if name == "pyarrow" else library.DataFrame(gap)
    with pytest.raises(ValueError, match=r"embeddings\[1, 0\] is NaN"):
        evaluate([0, 1], gap)


def test_degenerate_batches_are_results():
    for rows, labels in ((0, []), (1, [3]), (3, [1, 2, 3])):
        result = evaluate(labels, np.ones((rows, 2), np.float32), triplets=True)
        assert result.loss == 0
        assert result.gradient.shape == (rows, 2)
        assert not result.gradient.any()
        assert result.statistics.positive_pairs == 0
    alone = evaluate([5, 5], LINE[:2], rule="hard", triplets=True)
    assert alone.triplets.negative.tolist() == [-1, -1]
    with pytest.raises(ValueError, match="no two of the 3 rows share a label"):
        evaluate([1, 2, 3], LINE[:3], require_positives=True)


def test_bfloat16_of_torch_is_read():
    torch = pytest.importorskip("torch")
    labels, x = batch(24, 8)
    rows = torch.tensor(x, requires_grad=True).bfloat16()
    expected = evaluate(labels, rows.detach().float().numpy())
    result = evaluate(torch.tensor(labels), rows)
    assert result.gradient.dtype == ml_dtypes.bfloat16
    assert same_bits(
        result.gradient.view(np.uint16), expected.gradient.astype(ml_dtypes.bfloat16).view(np.uint16)
    )


def test_a_matrix_is_an_array():
    labels, x = batch(24, 8)
    expected = evaluate(labels, x)
    for names in (np.asmatrix(labels).T, np.asmatrix(labels[:, None])):
        assert same_bits(evaluate(names, np.asmatrix(x)).gradient, expected.gradient)


def test_no_more_threads_are_started_than_help():
    labels, x = batch(300, 200)
    many = evaluate(labels, x, threads=4000, backend="par")
    assert many.threads <= max(16, 4 * (os.cpu_count() or 1))
    assert same_bits(many.gradient, evaluate(labels, x, threads=np.int64(1)).gradient)


BAD = LINE.copy()
BAD[2, 0] = np.nan


class Holder:
    """An object of a library that gives its values as an array."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values


class Elsewhere(Holder):
    """A tensor whose place is not known, which it says in two lines."""

    dtype = np.dtype(np.float32)

    def __dlpack__(self, **options):
        raise AssertionError("not asked for")

    def __dlpack_device__(self):
        raise TypeError("first\nsecond")


MISTAKES = [
    (ValueError, r"embeddings\[2, 0\] is NaN", {"embeddings": BAD}),
    (ValueError, r"embeddings have shape \[4\]: expected two dimensions", {"embeddings": LINE[:, 0]}),
    (ValueError, r"embeddings have shape \[4, 0\]", {"embeddings": LINE[:, :0]}),
    (TypeError, "embeddings have dtype bool", {"embeddings": np.ones((4, 1), bool)}),
    (ValueError, r"embeddings\[2, 0\] is 16777217: an integer that float32 cannot hold", {
        "embeddings": [[0], [1], [2**24 + 1], [3]]}),
    (ValueError, r"embeddings\[0, 0\] is 9223372036854775807: an int", {"embeddings": [[2**63 - 1]] * 4}),
    (ValueError, r"embeddings\[0, 0\] is 18446744073709551615: an int", {"embeddings": [[2**64 - 1]] * 4}),
    (TypeError, "embeddings have dtype complex64", {"embeddings": LINE.astype(np.complex64)}),
    (TypeError, "embeddings have dtype object", {"embeddings": np.array([[None]] * 4)}),
    (TypeError, "embeddings cannot be read as an array", {"embeddings": [[1.0], [1.0, 2.0]] * 2}),
    (ValueError, r"labels have shape \[3\] but embeddings have shape \[4, 1\]", {"labels": [0, 0, 1]}),
    (ValueError, r"labels have shape \[2, 2\]", {"labels": [[0, 0], [1, 2]]}),
    (ValueError, r"labels\[1\] is 0.5", {"labels": [0.0, 0.5, 1.0, 1.0]}),
    (ValueError, r"labels\[0\] is nan", {"labels": [np.nan, 0.5, 1.0, 1.0]}),
    (ValueError, r"below 2\*\*24, .*; pass integers", {"labels": np.array([2**25, 0, 0, 0], np.float32)}),
    (ValueError, r"labels\[2\] is 18446744073709551615", {"labels": np.array([0, 0, 2**64 - 1], np.uint64)}),
    (TypeError, "labels mix text and integers", {"labels": ["a", "a", "b", 2]}),
    (ValueError, r"sample_weight has shape \[3\] but the batch has shape \[4\]", {"sample_weight": [1] * 3}),
    (ValueError, r"sample_weight\[1\] is -1", {"sample_weight": [1, -1, 1, 1]}),
    (TypeError, "sample_weight has dtype str", {"sample_weight": "heavy"}),
    (ValueError, "margin is inf", {"margin": float("inf")}),
    (TypeError, "margin is a str: expected a number", {"margin": "1"}),
    (ValueError, r"margin is 1e300: it must", {"margin": 1e300}),
    (ValueError, 'unknown distance "cosine": choose one of squared-l2, l2, angular', {"distance": "cosine"}),
    (ValueError, 'unknown rule "easy"', {"rule": "easy"}),
    (ValueError, 'unknown reduction "avg"', {"reduction": "avg"}),
    (ValueError, 'unknown backend "gpu"', {"backend": "gpu"}),
    (ValueError, 'unknown instruction set "sse9"', {"isa": "sse9"}),
    (ValueError, "threads", {"threads": 0}),
    (ValueError, "threads", {"threads": 100_000}),
    (ValueError, "threads is -1: at least one is needed", {"threads": -1}),
    (TypeError, "threads is a str: expected an integer", {"threads": "two"}),
    (TypeError, "threads is a float: expected an integer", {"threads": 2.0}),
    (ValueError, "threads is 9223372036854775807: give at most", {"threads": 2**70}),
    (TypeError, "labels are a masked array", {"labels": np.ma.masked_array(LABELS, [0, 0, 0, 1])}),
    (TypeError, "embeddings are a masked array", {"embeddings": np.ma.masked_array(LINE)}),
    (TypeError, "embeddings are a masked array", {"embeddings": list(np.ma.masked_array(LINE, LINE > 2))}),
    (TypeError, "embeddings are a masked array", {"embeddings": [[0.0], (1.0,), [2.0], [np.ma.masked]]}),
    (TypeError, "sample_weight are a masked array", {"sample_weight": np.ma.masked_array([1.0] * 4)}),
    (TypeError, "sample_weight are a masked array", {"sample_weight": [1, 1, np.ma.masked, 1]}),
    (TypeError, "embeddings are a masked array", {"embeddings": Holder(np.ma.masked_array(LINE))}),
    (TypeError, "embeddings are a masked array", {"embeddings": list(map(Holder, np.ma.masked_array(LINE)))}),
    (TypeError, "sample_weight are a masked array", {"sample_weight": Holder(np.ma.masked_array([1.0] * 4))}),
    (TypeError, "embeddings cannot be read as an array: first second$", {"embeddings": Elsewhere(LINE)}),
    (ValueError, r"sample_weight\[0\] is 1180591620717411303424: .*64 bits", {"sample_weight": 2**70}),
    (ValueError, r"sample_weight\[1\] is 1180591620717411303424", {"sample_weight": [1, 2**70, 1, 1]}),
    (TypeError, r"sample_weight\[2\] is of type NoneType", {"sample_weight": [1, 1, None, 1]}),
    (TypeError, "embeddings: a NoneType is neither an array nor a list", {"embeddings": None}),
    (ValueError, "squared norm", {"embeddings": LINE * 1e30}),
    (ValueError, "the loss leaves the range of float16", {
        "embeddings": LINE.astype(np.float16), "margin": 1e5}),
    (ValueError, r"the gradient\[1, 0\] leaves the range of float16", {
        "embeddings": np.array([[0.0], [300.0], [301.0], [1000.0]], np.float16),
        "sample_weight": [800, 0, 0, 0], "margin": 602.0}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "message", "change"), MISTAKES, ids=lambda value: str(value)[:40])
def test_mistakes_are_pythons_errors(kind, message, change):
    arguments = {"labels": LABELS, "embeddings": LINE} | change
    with pytest.raises(kind, match=message):
        evaluate(**arguments)


def test_a_panic_would_be_a_runtime_error():
    with pytest.raises(RuntimeError, match="a defect of triplet_loss, please report it: on purpose"):
        _native.panic_on_purpose()


def test_large_numbers_of_threads_and_other_backends_are_forgotten_again():
    labels, x = batch(16, 4)
    for threads in range(1, 20):
        evaluate(labels, x, threads=threads, backend="par")
    triplet_loss.clear_cache()
    assert evaluate(labels, x).statistics.triplets > 0


def test_batches_without_positives_can_be_told_from_trained_ones():
    batches = [([0, 0, 1], LINE[:3]), ([0, 1, 2], LINE[:3]), ([0, 1, 1], LINE[1:])]
    results = [evaluate(y, x, gradient=False) for y, x in batches]
    assert [result.statistics.positive_pairs for result in results] == [2, 0, 2]
    assert results[1].loss == 0
    losses = [float(result.loss) for result in results if result.statistics.positive_pairs]
    assert len(losses) == 2


def test_a_gradient_is_written_to_the_last_value_whatever_was_in_its_memory():
    for labels in ([0] * 300, list(range(300)), [0, 0, *range(2, 300)]):
        for distance in DISTANCES:
            for way in ({"backend": "scalar"}, {"backend": "simd"}, {"backend": "par", "threads": 2}):
                x = np.full((300, 7), 0.5, np.float32)
                # Freed at once: likely what the gradient's memory holds.
                np.full((300, 7), np.nan, np.float32)
                gradient = evaluate(labels, x, 0.0, distance, **way).gradient
                assert np.abs(gradient).max() < 1e-6, (distance, way)


def test_without_positives_the_hard_rules_count_their_distance_as_0():
    result = evaluate([0, 1, 2], LINE[:3], 1.5, "l2", "hard")
    # Nearest negatives are at 1, 0.5 and 0.5.
    assert result.loss == pytest.approx((0.5 + 1 + 1) / 3)
    assert result.statistics.positive_pairs == 0
    assert np.abs(result.gradient).max() > 0
    with pytest.raises(ValueError, match="no two of the 3 rows share a label"):
        evaluate([0, 1, 2], LINE[:3], 1.5, "l2", "hard", require_positives=True)


def test_views_of_torch_with_another_sign_are_read_with_it():
    torch = pytest.importorskip("torch")
    z = torch.complex(torch.zeros(4, 1), torch.tensor([[0.0], [1.0], [1.5], [3.0]]))
    view, weights = z.conj().imag, (-z - 1j).conj().imag[:, 0]
    assert view.is_neg()
    assert weights.is_neg()
    result = evaluate(LABELS, view, distance="l2", sample_weight=weights)
    right = evaluate(LABELS, -LINE, distance="l2", sample_weight=LINE[:, 0] + 1)
    assert result.loss == right.loss != 0
    assert np.array_equal(result.gradient, right.gradient)


def frames(columns):
    """As data frames of pandas and Polars, and as an Arrow table."""
    for name, table in (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "table")):
        if importlib.util.find_spec(name):
            yield getattr(importlib.import_module(name), table)(columns)


@pytest.mark.parametrize(
    ("integers", "floats"),
    [
        (np.array([2**53 + 1, 0, 1, 2]), np.float32),
        (np.array([2**63 - 1, 0, 1, 2]), np.float64),
        (np.array([2**64 - 1, 0, 1, 2], np.uint64), np.float32),
        (np.array([2**64 - 1, 0, 1, 2], np.uint64), np.int64),
    ],
)
def test_integers_that_a_frames_common_type_rounds_are_refused(integers, floats):
    for frame in frames({"whole": integers, "x": np.arange(4).astype(floats)}):
        with pytest.raises(ValueError, match=rf"column 'whole' is {integers[0]} in row 0: .*float64"):
            evaluate(LABELS, frame)
    exact = {"whole": np.array([2**20 + 1, 0, 1, 2]), "x": np.arange(4).astype(np.float32)}
    right = evaluate(LABELS, np.stack([exact["whole"], exact["x"]], axis=1))
    for frame in frames(exact):
        assert evaluate(LABELS, frame).loss == right.loss


def test_a_frame_may_have_one_column_of_rows():
    for frame in frames({"rows": LINE.tolist()}):
        assert evaluate(LABELS, frame, distance="l2").loss == np.float32(0.25)
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"rows": arrow.FixedSizeListArray.from_arrays(arrow.array(LINE[:, 0]), 1)})
    assert evaluate(LABELS, table, distance="l2").loss == np.float32(0.25)
    assert evaluate(LABELS, arrow.Tensor.from_numpy(LINE), distance="l2").loss == np.float32(0.25)


def test_memory_may_be_limited_to_the_same_bits():
    labels = np.arange(500) % 2
    x = np.random.default_rng(5).normal(size=(500, 3)).astype(np.float32)
    whole = evaluate(labels, x, threads=1)
    needs = "of memory at least"
    try:
        # 124,500 triplets of four bytes, or of two.
        triplet_loss.limit_memory(1_000_000)
        parts = evaluate(labels, x, threads=1)
        assert (parts.loss, parts.statistics) == (whole.loss, whole.statistics)
        assert np.array_equal(parts.gradient, whole.gradient)
        with pytest.raises(MemoryError, match=needs):
            evaluate(labels, x, threads=1, triplets=True)
        triplet_loss.limit_memory(1000)
        with pytest.raises(MemoryError, match=needs):
            evaluate(labels, x, threads=1)
        for wrong in (0, -1):
            with pytest.raises(ValueError, match="bytes is"):
                triplet_loss.limit_memory(wrong)
        with pytest.raises(TypeError, match="bytes is a str"):
            triplet_loss.limit_memory("2G")
    finally:
        triplet_loss.limit_memory(None)
    assert evaluate(labels, x, threads=1, triplets=True).triplets is not None
