"""Retrieval metrics: by hand, and against pytorch-metric-learning's AccuracyCalculator."""

from __future__ import annotations

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
