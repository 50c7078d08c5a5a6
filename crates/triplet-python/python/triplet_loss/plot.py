"""Plots of a training: loss, distances and embeddings.

Needs matplotlib (``pip install "triplet-loss[plot]"``). Every function draws into ``ax``,
or into a figure of its own, and returns the axes; ``ax.figure.savefig(...)`` keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from ._arrays import as_array
from ._labels import classes as as_classes

__all__ = ["distance_histogram", "embedding_map", "training_curve"]

# The palette of Okabe and Ito, which is safe for colour blindness.
_LOSS, _VIOLATING, _POSITIVE, _NEGATIVE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"


def training_curve(
    loss: Sequence[float],
    violating: Sequence[float] | None = None,
    *,
    window: int | None = None,
    ax: Any = None,
) -> Any:
    """Loss by step, and on a second scale the share of violating triplets.

    Args:
        loss: One value a step.
        violating: ``statistics.violating_fraction`` of each step.
        window: Steps to average over for the line; None for a fiftieth of them. The values
            themselves are drawn behind it in a lighter colour.
    """
    ax = _axes(ax)
    lines = _line(ax, loss, _LOSS, "loss", window)
    ax.set(xlabel="step", ylabel="loss")
    ax.set_ylim(bottom=0)
    if violating is not None:
        right = ax.twinx()
        lines += _line(right, 100 * np.asarray(violating, float), _VIOLATING, "violating triplets", window)
        right.set(ylabel="violating triplets, %", ylim=(0, 102))
        right.spines["top"].set_visible(False)
    ax.legend(handles=lines, frameon=False, loc="upper right")
    return ax


def distance_histogram(
    positive: Any, negative: Any, *, margin: float | None = None, bins: int = 60, ax: Any = None
) -> Any:
    """Distances of positives and of chosen negatives: ``distance_histogram(*loss.distances)``.

    Training separates the two, ideally by the margin.
    """
    ax = _axes(ax)
    near, far = (_finite(values, "distances").ravel() for values in (positive, negative))
    both = np.concatenate([near, far])
    edges = np.linspace(0, both.max() if both.size else 1, bins + 1)
    for values, colour, name in ((near, _POSITIVE, "positives"), (far, _NEGATIVE, "chosen negatives")):
        ax.hist(values, edges, color=colour, alpha=0.6, label=f"{name} ({values.size:,})")
        if values.size:
            ax.axvline(np.median(values), color=colour, linestyle="--", linewidth=1)
    if margin is not None and near.size:
        start = float(np.median(near))
        ax.annotate(
            "margin", (start + margin / 2, 0.8), xycoords=("data", "axes fraction"), ha="center", va="top"
        )
        ax.axvspan(start, start + margin, 0, 1 / 1.3, color="0.5", alpha=0.12, linewidth=0)
    ax.set(xlabel="distance (dashed: median)", ylabel="pairs")
    # Headroom for legend and annotation, above bars and lines.
    _, top = ax.get_ylim()
    ax.set_ylim(0, 1.3 * top)
    for line in ax.lines:
        line.set_data(line.get_xdata(), (0, 1 / 1.3))
    ax.legend(frameon=False, loc="upper right", ncols=2)
    return ax


def embedding_map(
    labels: Any, embeddings: Any, *, names: Sequence[str] | None = None, most: int = 5000, ax: Any = None
) -> Any:
    """Embeddings on their two principal components, a colour a class.

    Args:
        labels: One a row: integers, or text or dates, which name their classes in the legend.
        embeddings: `[B, D]`.
        names: Names of the classes for the legend: by ascending label, or by first appearance of text.
        most: The largest number of rows to draw; with more rows, every k-th is drawn.
    """
    if most < 1:
        raise ValueError(f"most is {most}: at least one row is drawn")
    numbers, own_names = as_classes(labels)
    classes, members = np.unique(numbers, return_inverse=True)
    points = _finite(embeddings, "embeddings")
    if names is not None and len(names) != classes.size:
        raise ValueError(
            f"names has {len(names)} entries but the labels have {classes.size} different values"
        )
    names = own_names if names is None else names
    if points.ndim != 2 or len(points) != members.size:
        raise ValueError(
            f"embeddings have shape {list(points.shape)} but there are {members.size} labels: "
            "expected [batch_size, embedding_width]"
        )
    centred = points - points.mean(0)
    _, scale, components = np.linalg.svd(centred, full_matrices=False)
    flat = centred @ components[:2].T
    if flat.shape[1] == 1:
        flat = np.column_stack([flat, np.zeros(len(flat))])
    step = -(-len(flat) // most) or 1
    flat, members = flat[::step], members[::step]
    ax = _axes(ax)
    colours = plt.get_cmap("tab10" if classes.size <= 10 else "turbo", max(classes.size, 1))
    for number, label in enumerate(classes):
        own = flat[members == number]
        name = str(label) if names is None else names[number]
        ax.scatter(*own.T, s=9, color=colours(number), label=name, linewidths=0)
    variance = scale**2 / max(float((scale**2).sum()), np.finfo(float).tiny)
    for axis, rank, share in zip("xy", ("first", "second"), variance, strict=False):
        ax.set(**{f"{axis}label": f"{rank} principal component ({100 * share:.0f} % of the variance)"})
    ax.set_aspect("equal", "datalim")
    if classes.size <= 20:
        ax.legend(frameon=False, markerscale=2, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _axes(ax: Any) -> Any:
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _finite(values: Any, what: str) -> Any:
    array = np.asarray(as_array(values, what), float)
    bad = ~np.isfinite(array)
    if bad.any():
        place = [int(i) for i in np.argwhere(bad)[0]]
        raise ValueError(f"{what}{place} is {array[tuple(place)]}: there is no place to draw it")
    return array


def _line(ax: Any, values: Any, colour: str, name: str, window: int | None) -> list[Any]:
    values = np.asarray(values, float)
    width = max(1, values.size // 50) if window is None else index(window)
    if width < 1:
        raise ValueError(f"window is {width}: the mean is of at least one step")
    ax.plot(values, color=colour, alpha=0.2, linewidth=0.8)
    # A value that is not finite is a gap in the curve and is left out of the means.
    there = np.isfinite(values)
    sums, counts = (np.cumsum(np.concatenate([[0.0], v])) for v in (np.where(there, values, 0), there))
    steps = np.arange(values.size)
    first = np.maximum(steps - width + 1, 0)
    with np.errstate(invalid="ignore"):
        means = (sums[steps + 1] - sums[first]) / (counts[steps + 1] - counts[first])
    return list(ax.plot(means, color=colour, label=name))
