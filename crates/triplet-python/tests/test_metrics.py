"""Retrieval metrics: by hand, and against pytorch-metric-learning's AccuracyCalculator."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from conftest import batch
from triplet_loss import metrics


def test_worked_out_by_hand():
    # Row 2 is nearer to row 1 than to its own class.
    found = metrics.retrieval([0, 0, 1, 1, 9], [[0.0], [0.1], [1.0], [9.0], [20.0]], k=(1, 2))
    assert found == (4, {1: 0.75, 2: 0.75}, 0.75, 0.75)
    assert metrics.recall_at_k([0, 0, 1, 1], [[0.0], [0.1], [1.0], [9.0]], k=3) == 1.0
    assert metrics.precision_at_1([0, 0, 1, 1], [[0.0], [0.1], [1.0], [9.0]]) == 0.75
    assert metrics.mean_average_precision_at_r([0, 0, 1, 1], [[0.0], [0.1], [1.0], [9.0]]) == 0.75


@pytest.mark.parametrize("classes", [3, 40, 400])
@pytest.mark.parametrize("distance", ["l2", "angular"])
@pytest.mark.parametrize("separate", [False, True])
def test_agrees_with_pytorch_metric_learning(classes, distance, separate):
    torch = pytest.importorskip("torch")
    pytest.importorskip("pytorch_metric_learning")
    from pytorch_metric_learning.distances import CosineSimilarity, LpDistance
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    labels, x = batch(900, 12, classes)
    x += np.random.default_rng(0).standard_normal((classes, 12))[labels].astype(np.float32)
    theirs = LpDistance(normalize_embeddings=False) if distance == "l2" else CosineSimilarity()
    calculator = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision_at_r", "r_precision"),
        k="max_bin_count",
        knn_func=CustomKNN(theirs),
    )
    x_t, y_t = torch.tensor(x), torch.tensor(labels)
    if separate:
        expected = calculator.get_accuracy(x_t[:300], y_t[:300], x_t[300:], y_t[300:])
        found = metrics.retrieval(
            labels[:300], x[:300], reference=x[300:], reference_labels=labels[300:], distance=distance
        )
    else:
        expected = calculator.get_accuracy(x_t, y_t)
        found = metrics.retrieval(labels, x, distance=distance)
    # Ranks may swap where two distances are within f32 roundings: a few of 900 queries.
    assert abs(found.precision_at_1 - expected["precision_at_1"]) < 1e-3
    assert abs(found.map_at_r - expected["mean_average_precision_at_r"]) < 1e-3
    assert abs(found.r_precision - expected["r_precision"]) < 1e-3


def gallery(rows: int = 60, queries: int = 20):
    """Queries, and a gallery that begins with them."""
    labels, x = batch(rows, 5, 9)
    return labels[:queries], x[:queries], labels, x


def test_a_gallery_that_contains_the_queries_finds_them_unless_told():
    labels, x, all_labels, everything = gallery()
    found = metrics.retrieval(labels, x, reference=everything, reference_labels=all_labels)
    assert found.precision_at_1 == 1.0
    told = metrics.retrieval(
        labels, x, reference=everything, reference_labels=all_labels, exclude_self=True, k=(1, 5)
    )
    # As among all others: the rows of a search within, which the queries are the first of.
    distances = ((x[:, None].astype(float) - everything[None]) ** 2).sum(-1)
    distances[np.arange(len(x)), np.arange(len(x))] = np.inf
    ranked = all_labels[distances.argsort(1)] == labels[:, None]
    others = (all_labels[None] == labels[:, None]).sum(1) - 1
    asked = others > 0
    assert told.queries == asked.sum()
    assert told.precision_at_1 == ranked[asked, 0].mean()
    assert told.recall[5] == ranked[asked, :5].any(1).mean()
    right = [ranked[q, : others[q]].mean() for q in np.flatnonzero(asked)]
    assert abs(told.r_precision - np.mean(right)) < 1e-12
    # In any order, by names.
    order = np.random.default_rng(0).permutation(len(everything))
    names = [f"picture {number}" for number in range(len(everything))]
    assert told == metrics.retrieval(
        labels,
        x,
        k=(1, 5),
        reference=everything[order],
        reference_labels=all_labels[order],
        ids=names[: len(x)],
        reference_ids=[names[i] for i in order],
    )
    whole = metrics.retrieval(all_labels, everything)
    for way in ({"exclude_self": True}, {"ids": np.arange(60)}):
        assert metrics.retrieval(all_labels, everything, **way) == whole
    assert whole == metrics.retrieval(
        all_labels, everything, reference=everything, reference_labels=all_labels, exclude_self=True
    )


def test_exclude_self_is_what_pytorch_metric_learning_calls_ref_includes_query():
    torch = pytest.importorskip("torch")
    pytest.importorskip("pytorch_metric_learning")
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    labels, x, all_labels, everything = gallery(600, 200)
    calculator = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision_at_r"),
        k="max_bin_count",
        knn_func=CustomKNN(LpDistance(normalize_embeddings=False)),
    )
    tensors = [torch.tensor(array) for array in (x, labels, everything, all_labels)]
    expected = calculator.get_accuracy(*tensors, ref_includes_query=True)
    told = metrics.retrieval(labels, x, reference=everything, reference_labels=all_labels, exclude_self=True)
    assert abs(told.precision_at_1 - expected["precision_at_1"]) < 1e-3
    assert abs(told.map_at_r - expected["mean_average_precision_at_r"]) < 1e-3


def test_rows_of_one_id_do_not_find_each_other():
    # Two crops of each of three pictures; by picture, the nearest is the other class.
    labels, x = ["a", "a", "a", "a", "b", "b"], [[0.0], [0.1], [5.0], [5.1], [1.0], [1.1]]
    pictures = [1, 1, 2, 2, 3, 3]
    assert metrics.precision_at_1(labels, x) == 1.0
    found = metrics.retrieval(labels, x, ids=pictures)
    assert (found.queries, found.precision_at_1) == (4, 0.0)
    assert found == metrics.retrieval(
        labels, x, reference=x, reference_labels=labels, ids=pictures, reference_ids=pictures
    )


@pytest.mark.parametrize("backend", ["scalar", "simd", "par"])
def test_ids_give_the_same_on_every_backend(backend):
    labels, x = batch(300, 12, 20)
    ids = np.arange(300) % 11
    expected = metrics.retrieval(labels, x, k=(1, 7), ids=ids, backend="scalar")
    assert metrics.retrieval(labels, x, k=(1, 7), ids=ids, backend=backend) == expected


def test_what_a_query_may_not_find_is_said_once_and_for_both_sides():
    labels, x, all_labels, everything = gallery()

    def search(**change):
        options = {"reference": everything, "reference_labels": all_labels} | change
        return metrics.retrieval(labels, x, **options)

    for change, message in (
        ({"ids": range(20)}, "ids and reference_ids go together"),
        ({"reference_ids": range(60)}, "ids and reference_ids go together"),
        ({"ids": range(20), "reference_ids": range(60), "exclude_self": True}, "give one of them"),
        ({"ids": range(19), "reference_ids": range(60)}, "there are 19 ids for 20 rows of the queries"),
        ({"ids": range(20), "reference_ids": range(61)}, "there are 61 ids for 60 rows of the references"),
        ({"ids": [None] * 20, "reference_ids": range(60)}, r"ids\[0\] is None: a missing value"),
        ({"exclude_self": True, "reference": everything[:9], "reference_labels": all_labels[:9]},
         "the reference has 9 rows, but begins with the 20 queries"),
        ({"exclude_self": True, "reference": everything[::-1]}, "row 0 of the reference is not row 0"),
        ({"exclude_self": True, "reference_labels": np.append(labels[:3], all_labels[3:] + 1)},
         "row 3 of the reference is not row 3 of the queries, or has another label"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            search(**change)
    with pytest.raises(ValueError, match="reference_ids go with a reference"):
        metrics.retrieval(labels, x, reference_ids=range(20))
    with pytest.raises(TypeError, match="ids are integers but reference_ids are text"):
        search(ids=range(20), reference_ids=list("ab") * 30)
    with pytest.raises(TypeError, match="labels are integers but reference_labels are text"):
        search(reference_labels=list("ab") * 30)


@pytest.mark.parametrize("offset", [0, 10, 100, 1000])
def test_an_offset_that_costs_digits_is_said_and_centring_keeps_them(offset):
    labels, x = batch(400, 32, 10)
    x += 0.5 * np.random.default_rng(0).standard_normal((10, 32))[labels].astype(np.float32)
    moved = x + np.float32(offset)
    right = metrics.retrieval(labels, moved.astype(np.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        centred = metrics.retrieval(labels, moved, centre=True)
        if offset < 1000:
            metrics.retrieval(labels, moved, distance="angular")
    if offset == 1000:  # seen from there, all rows lie in one direction
        with pytest.warns(UserWarning, match="pass float64$"):
            metrics.retrieval(labels, moved, distance="angular")
    assert abs(centred.precision_at_1 - right.precision_at_1) <= 2 / 400
    assert abs(centred.map_at_r - right.map_at_r) < 2e-3
    for reference in ({}, {"reference": moved, "reference_labels": labels, "exclude_self": True}):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            plain = metrics.retrieval(labels, moved, **reference)
        if offset < 1000:
            assert not said
            assert abs(plain.precision_at_1 - right.precision_at_1) <= 4 / 400
        else:
            assert abs(plain.precision_at_1 - right.precision_at_1) > 0.02
            assert [warning.category for warning in said] == [UserWarning]
            assert "digits are lost" in str(said[0].message)
            assert "pass centre=True, or float64" in str(said[0].message)
            assert said[0].filename == __file__


def test_centring_leaves_errors_where_they_are_and_refuses_angles():
    labels, x = batch()
    with pytest.raises(ValueError, match="centring moves the origin, which angles are measured from"):
        metrics.retrieval(labels, x, distance="angular", centre=True)
    x[5, 2] = np.nan
    with pytest.raises(ValueError, match=r"embeddings\[5, 2\] is NaN"):
        metrics.retrieval(labels, x, centre=True)


def test_recall_grows_with_k_and_agrees_with_a_sort():
    labels, x = batch(300, 6, 30)
    found = metrics.retrieval(labels, x, k=[1, 2, 5, 10])
    distances = ((x[:, None].astype(float) - x[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    ranked = labels[distances.argsort(1)] == labels[:, None]
    queries = np.bincount(labels)[labels] > 1
    for k, share in found.recall.items():
        assert abs(share - ranked[queries, :k].any(1).mean()) < 0.01
    assert list(found.recall.values()) == sorted(found.recall.values())


def test_depths_may_be_numpys_integers_and_deeper_than_there_are_rows():
    labels, x = batch(40, 6, 4)
    found = metrics.retrieval(labels, x, k=np.int64(3))
    assert metrics.recall_at_k(labels, x, np.int64(3)) == found.recall[3]
    assert metrics.retrieval(labels, x, k=(2**62, 3)).recall == {
        1: found.recall[1],
        2**62: 1.0,
        3: found.recall[3],
    }
    for k in (2**70, -1, (1, 0)):
        with pytest.raises(ValueError, match="depths start at 1, and end"):
            metrics.retrieval(labels, x, k=k)
    for k in ("one", 1.5, None, [1]):
        with pytest.raises(TypeError):
            metrics.recall_at_k(labels, x, k)


def test_mistakes():
    labels, x = batch()
    far = x.copy()
    far[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"in reference and reference_labels: embeddings\[3, 1\] is NaN"):
        metrics.retrieval(labels, x, reference=far, reference_labels=labels)
    with pytest.raises(ValueError, match=r"in reference and reference_labels: labels have shape \[31\]"):
        metrics.retrieval(labels, x, reference=x, reference_labels=labels[1:])
    with pytest.raises(ValueError, match="reference and reference_labels go together"):
        metrics.retrieval(labels, x, reference=x)
    with pytest.raises(ValueError, match="depths start at 1"):
        metrics.retrieval(labels, x, k=0)
    with pytest.raises(ValueError, match="the queries have width 16 but the references have width 3"):
        metrics.retrieval(labels, x, reference=np.ascontiguousarray(x[:, :3]), reference_labels=labels)
    with pytest.raises(TypeError, match="one is float64"):
        metrics.retrieval(labels, x, reference=x.astype(float), reference_labels=labels)
    x[0, 1] = np.inf
    with pytest.raises(ValueError, match=r"embeddings\[0, 1\] is inf"):
        metrics.retrieval(labels, x)


def test_the_way_out_of_lost_digits_is_one_that_is_still_open():
    labels, x = batch(40, 4, 4, np.float64)
    for values, centre, way in (
        (x + 1e9, False, "pass centre=True$"),
        (np.concatenate([x + 1e9, x - 1e9]), True, "scale the rows or remove what they have in common$"),
        (np.concatenate([x + 1e5, x - 1e5]).astype(np.float32), True, "pass float64$"),
    ):
        rows = np.resize(labels, len(values))
        with pytest.warns(UserWarning, match=way):
            metrics.retrieval(rows, values, centre=centre)
