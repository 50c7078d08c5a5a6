"""The search of a large class: candidates in order of bucket, windows, and what they settle."""

import example_buckets as e
from canvas import Figure

PANEL, TILE_ROWS = 48, 8


def products(rows, size):
    """Inner products of the pass on AVX-512, for classes of so many rows: each tile of anchors with
    the panels that its classes reach, then with all but those that hold its class alone."""
    total, panels = 0, -(-rows // PANEL)
    for panel in range(0, rows, PANEL):
        for first in range(panel, min(panel + PANEL, rows), TILE_ROWS):
            last = min(first + TILE_ROWS, panel + PANEL, rows) - 1
            start, end = first // size * size, min((last // size + 1) * size, rows)
            reach = -(-end // PANEL) - start // PANEL
            own = end // PANEL - -(-start // PANEL) if first // size == last // size else 0
            total += TILE_ROWS * PANEL * (reach + panels - max(own, 0))
    return total


# What the page says about it.
assert round(products(1020, 102) / 1020**2, 2) == 1.13


def buckets():
    f = Figure(
        470,
        "Buckets, windows and ends",
        "Twenty candidates in eight buckets, and where each of six thresholds is looked up.",
    )
    f.text(24, 28, "the range of the thresholds is cut into buckets of equal width", "b")
    left, scale, y = 40, 7.8, 92

    def at(d):
        return left + d * scale

    edges = [0] + [e.BASE + (b - 0.5) * e.WIDTH for b in range(1, e.COUNT)] + [100]
    for b in range(e.COUNT):
        f.box(at(edges[b]), y, at(edges[b + 1]) - at(edges[b]), 30, "orange" if b % 2 else "plain", "soft", 0)
        f.text((at(edges[b]) + at(edges[b + 1])) / 2, y + 46, b, "b small", "middle")
    for d in e.KNOWN:
        f.dot(at(d), y + 15, 4.5, "blue", "blue")
    for t in e.THRESHOLDS:
        f.line(at(t), y - 12, at(t), y + 30, "red", "w")
        f.text(at(t), y - 17, t, "small t-red", "middle")
    f.text(24, y - 38, "thresholds", "small t-red")
    f.text(
        100,
        y - 38,
        "and candidates (dots) by distance; bucket = min(round(max0(d "
        "− base) · scale), last): base 0, width 10",
        "small t-quiet",
    )
    f.text(24, y + 64, "0: below all thresholds, and masked", "small t-quiet")
    f.text(820, y + 64, "7, the last: above all thresholds", "small t-quiet", "end")
    # Sorted array.
    y = 206
    f.text(24, y - 14, "candidates after the counting sort: by bucket, in order of arrival within one", "b")
    w = 40
    for i, d in enumerate(e.SORTED):
        b = e.bucket(d)
        f.cell(left + i * w - 10, y, w, 28, "✕" if d is None else d, "orange" if b % 2 else "plain", "soft")
    for b in range(e.COUNT):
        if e.COUNTS[b]:
            middle = left - 10 + (e.STARTS[b] + e.COUNTS[b] / 2) * w
            f.text(middle, y + 44, b, "b small", "middle")
    # Look-ups.
    f.text(
        24,
        278,
        "each threshold: the window from the start of its bucket on (4 candidates here, 16 in the engine)",
        "b",
    )
    for i, t in enumerate(e.THRESHOLDS):
        start, found, _, answer, how = e.lookup(t)
        yy = 290 + i * 27
        x = left - 10 + start * w
        width = min(e.WINDOW, len(e.SORTED) - start) * w
        f.box(
            x, yy, width, 19, "green" if how == "window" else "red", "green" if how == "window" else "red", 0
        )
        words = f"{found} in the window, its bucket {e.bucket(found)} too"
        if how != "window":
            words = f"{found} found, but bucket {e.bucket(found)} goes on:"
        f.text(x + 6, yy + 14, f"≥ {t}", "small b")
        tail = {
            "window": "",
            "top": f" the least of all ≥ 60, {answer}",
            "rest of the bucket": f" its rest holds {answer}",
        }[how]
        where = x + width + 8 if x + width < 480 else x - 8
        f.text(where, yy + 14, f"{words}{tail}", "small", "start" if x + width < 480 else "end")
    f.text(
        24,
        460,
        "Known without sorting: a threshold ≤ 4, the least candidate, takes "
        "that one; a threshold > 97, the greatest, has none here.",
        "small",
    )
    return f


FIGURES = {"buckets": buckets}
