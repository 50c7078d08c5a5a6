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
    loss, active = np.linspace(1, 0, 200), np.linspace(0.9, 0.1, 200)
    ax = plot.training_curve(loss, active)
    values, smooth = (line.get_ydata() for line in ax.lines)
    assert np.allclose(values, loss)
    assert np.allclose(smooth[10:], loss[10:] + 1.5 * (loss[0] - loss[1]))  # the mean of 4 steps
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["loss", "active triplets"]
    ax.figure.savefig(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 5000
    plot.training_curve([])
    plot.training_curve([1.0])


def test_distance_histogram():
    labels, x = batch(100, 8)
    triplets = evaluate(labels, x, distance="l2", triplets=True).triplets
    ax = plot.distance_histogram(triplets.positive_distance, triplets.negative_distance, margin=1.0)
    assert sum(patch.get_height() for patch in ax.patches[:60]) == len(triplets.anchor)
    assert f"positives ({len(triplets.anchor):,})" in [t.get_text() for t in ax.get_legend().get_texts()]
    plot.distance_histogram([], [])


def test_embedding_map():
    labels, x = batch(100, 8, 4)
    ax = plot.embedding_map(labels, x, names=["a", "b", "c", "d"])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b", "c", "d"]
    assert sum(len(points.get_offsets()) for points in ax.collections) == 100
    assert len(plot.embedding_map(np.arange(100), x).collections) == 100
    few = plot.embedding_map(labels, x, most=25)
    assert sum(len(points.get_offsets()) for points in few.collections) <= 28
    plot.embedding_map([0, 1], [[1.0], [2.0]])
    with pytest.raises(ValueError, match="there are 99 labels"):
        plot.embedding_map(labels[1:], x)
