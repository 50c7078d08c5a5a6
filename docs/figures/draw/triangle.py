"""Thresholds of the positives, and the walk over the triangle."""

from canvas import Figure
from example_batch import COLOURS, LABELS, ORDER, TRIPLETS


def products(rows):
    """Products of the triangle on panels of 48, and of those the squares on the diagonal."""
    panels = -(-rows // 48)
    return panels * (panels + 1) // 2 * 48**2, panels * 48**2


# What the page says about them.
assert [round(products(rows)[0] / (rows * rows / 2), 2) for rows in (64, 1024, 8192)] == [3.38, 1.11, 1.01]
assert [round(100 * products(rows)[1] / products(rows)[0]) for rows in (1024, 8192)] == [9, 1]
assert round(products(1024)[0] * 128 / 1e6) == 75 and round(1024 * 3 * 7 * 128 / 1e5) == 28


def thresholds():
    f = Figure(
        322, "Thresholds", "Panels computed for the distances of positives, and the layout of thresholds."
    )
    f.text(24, 28, "distances of positives", "b")
    f.text(24, 46, "only panels that hold a class of the row panel", "small t-quiet")
    left, top, cell, panel = 40, 64, 9, 4
    sizes = [3, 3, 5, 2, 4, 3, 4]
    spans, start = [], 0
    for size in sizes:
        spans.append((start, start + size))
        start += size
    panels = start // panel
    for p in range(panels):
        inside = [span for span in spans if span[0] < (p + 1) * panel and span[1] > p * panel]
        first, last = inside[0][0] // panel, (inside[-1][1] - 1) // panel
        f.box(
            left + first * panel * cell,
            top + p * panel * cell,
            (last + 1 - first) * panel * cell,
            panel * cell,
            "blue",
            None,
        )
    for a, b in spans:
        f.box(left + a * cell, top + a * cell, (b - a) * cell, (b - a) * cell, "orange", "orange")
    for p in range(panels + 1):
        f.line(left, top + p * panel * cell, left + start * cell, top + p * panel * cell)
        f.line(left + p * panel * cell, top, left + p * panel * cell, top + start * cell)
    f.text(left, top + start * cell + 20, "orange: classes; blue: products computed", "small t-quiet")
    f.text(310, 28, "stored as [panel][slot][row in panel]: the example, panels of 4", "b")
    f.text(310, 46, "slot: which of its positives, ascending", "small t-quiet")
    for p in range(2):
        x = 390 + p * 236
        f.text(x + 88, 72, f"panel {p}", "", "middle")
        for r in range(4):
            row = ORDER[p * 4 + r]
            f.text(x + r * 44 + 22, 92, f"row {row}", "small t-quiet", "middle")
            mine = [t for t in TRIPLETS if t.anchor == row]
            for slot in range(2):
                y = 100 + slot * 32
                if slot < len(mine):
                    f.cell(x + r * 44, y, 44, 32, f"> {mine[slot].near}", COLOURS[LABELS[row]])
                else:
                    f.cell(x + r * 44, y, 44, 32, "U", "grey")
    for slot in range(2):
        f.text(380, 100 + slot * 32 + 20, f"slot {slot}", "small t-quiet", "end")
    f.lines(
        310,
        190,
        [
            "> d is the key of the next float after d.",
            "U is UNREACHABLE: a row with fewer positives than the panel's most,",
            "or padding.",
            "Rows search: one threshold in all lanes, against 16 candidates.",
            "Columns search: a vector of 16 neighbouring cells (16 anchors), against",
            "one candidate in all lanes.",
        ],
        "small",
        "start",
        19,
    )
    return f


def triangle():
    f = Figure(
        436,
        "The triangle, walked once and searched twice",
        "Tasks over the upper triangle, and the two searches of one block of keys.",
    )
    f.text(24, 28, "B × B pairs, upper triangle", "b")
    left, top, cell = 40, 66, 26
    n = 10
    for r in range(n):
        for c in range(r, n):
            own = r == c
            f.box(left + c * cell, top + r * cell, cell, cell, "purple" if own else "plain", "soft")
    for t in range(n):
        x, y = left + t * cell, top + t * cell
        f.curve(f"M{x} {y}H{left + n * cell}V{y + cell}H{x}Z", "ink", "w")
    f.box(left + 6 * cell, top + 2 * cell, cell, cell, "orange", "orange", 0, "w")
    f.box(left + 7 * cell, top + 2 * cell, cell, cell, "blue", "blue", 0, "w")
    for t in range(0, n, 2):
        f.text(left + t * cell + cell / 2, top - 8, f"{t * 48}…", "small t-quiet", "middle")
    f.lines(
        24,
        top + n * cell + 24,
        [
            "square: a block, one panel against one, 48 × 48",
            "framed: a task; long rows are cut for several workers",
            "violet: both orders of every pair; rows search only",
            "orange is searched while blue is computed",
        ],
        "small",
        "start",
        18,
    )
    # One block.
    bx, by, bw, bh = 470, 96, 290, 150
    f.text(350, 28, "one row panel against one column panel: 48 × 48 keys in L1", "b")
    f.box(bx, by, bw, bh, "orange", "orange", 0, "w")
    f.text(bx + bw / 4, by - 26, "column panel 6", "small t-quiet", "middle")
    f.text(bx - 10, by + 20, "row panel 2", "small t-quiet", "end")
    f.curve(
        f"M{left + 7 * cell} {top + 2.5 * cell}C370 130 390 {by + 60} {bx - 6} {by + 60}",
        "orange",
        "dash",
        True,
    )
    y = by + 50
    f.box(bx, y, bw, 14, "blue", "blue", 0)
    f.arrow(bx, y + 7, bx + bw - 3, y + 7, "blue", "w")
    x = bx + bw / 2 + 60
    f.box(x, by, 34, bh, "green", "green", 0)
    f.arrow(x + 17, by, x + 17, by + bh - 3, "green", "w")
    f.text(bx + bw + 10, y + 12, "one anchor", "small t-blue")
    f.text(x + 17, by - 8, "16 anchors", "small t-green", "middle")
    f.lines(
        370,
        by + bh + 26,
        [
            "rows search: anchor is the row; lanes are 16 candidates (columns).",
            "Thresholds of the row panel, one in all lanes.",
        ],
        "small t-blue",
        "start",
        18,
    )
    f.lines(
        370,
        by + bh + 68,
        [
            "columns search: lanes are 16 anchors (columns); candidates are",
            "the rows, one after the other. Thresholds of the column panel.",
        ],
        "small t-green",
        "start",
        18,
    )
    f.lines(
        370,
        by + bh + 112,
        [
            "Every distance off the diagonal is computed once and serves both.",
            "Meanwhile the other buffer takes the next block.",
        ],
        "small",
        "start",
        18,
    )
    return f


FIGURES = {"thresholds": thresholds, "triangle": triangle}
