"""The pictures: that what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import batch
from triplet_loss import evaluate

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

from triplet_loss import plot  # noqa: E402


def test_training_curve(tmp_path):
    loss, violating = np.linspace(1, 0, 200), np.linspace(0.9, 0.1, 200)
    ax = plot.training_curve(loss, violating)
    values, smooth = (line.get_ydata() for line in ax.lines)
    assert np.allclose(values, loss)
    assert np.allclose(smooth[10:], loss[10:] + 1.5 * (loss[0] - loss[1]))  # the mean of 4 steps
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["loss", "violating triplets"]
    ax.figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 5000
    plot.training_curve([])
    gap = plot.training_curve([1.0, np.nan, 3.0, 4.0], window=2).lines[1].get_ydata()
    assert gap.tolist() == [1.0, 1.0, 3.0, 3.5]
    for window in (0, -5):
        with pytest.raises(ValueError, match=f"window is {window}"):
            plot.training_curve([1.0], window=window)
    plot.training_curve([1.0])


def test_distance_histogram():
    labels, x = batch(100, 8)
    triplets = evaluate(labels, x, distance="l2", triplets=True).triplets
    ax = plot.distance_histogram(triplets.positive_distance, triplets.negative_distance, margin=1.0)
    assert sum(patch.get_height() for patch in ax.patches[:60]) == len(triplets.anchor)
    assert f"positives ({len(triplets.anchor):,})" in [t.get_text() for t in ax.get_legend().get_texts()]
    plot.distance_histogram([], [])
    with pytest.raises(ValueError, match=r"distances\[1\] is nan"):
        plot.distance_histogram([1.0, np.nan], [2.0])


def test_embedding_map():
    labels, x = batch(100, 8, 4)
    ax = plot.embedding_map(labels, x, names=["a", "b", "c", "d"])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b", "c", "d"]
    assert sum(len(points.get_offsets()) for points in ax.collections) == 100
    own = plot.embedding_map(["z", "a"] * 50, x)
    assert [t.get_text() for t in own.get_legend().get_texts()] == ["z", "a"]
    assert len(plot.embedding_map(np.arange(100), x).collections) == 100
    few = plot.embedding_map(labels, x, most=25)
    assert sum(len(points.get_offsets()) for points in few.collections) <= 28
    plot.embedding_map([0, 1], [[1.0], [2.0]])
    many = plot.embedding_map(np.arange(600) // 2, np.zeros((600, 2)), most=100)
    assert sum(len(points.get_offsets()) for points in many.collections) == 100
    for wrong, message in (({"most": 0}, "most is 0"), ({"names": ["a"]}, "names has 1 entries")):
        with pytest.raises(ValueError, match=message):
            plot.embedding_map(labels, x, **wrong)
    with pytest.raises(ValueError, match=r"embeddings\[2, 1\] is inf"):
        plot.embedding_map([0, 0, 1], [[0.0, 1], [0, 1], [0, np.inf]])
    with pytest.raises(ValueError, match="there are 99 labels"):
        plot.embedding_map(labels[1:], x)
