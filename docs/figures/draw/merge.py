"""The bests of several workers, and the hard rules."""

from canvas import Figure
from example_batch import COLOURS, COORDINATES, LABELS, ROWS, distance


def merge():
    f = Figure(
        300, "The merge over workers", "Three workers' bests for four thresholds, and the merged result."
    )
    f.text(24, 28, "each worker's table: (excess, row) for every threshold", "b")
    tables = [
        [(7, 12), (3, 40), None, (9, 31)],
        [(7, 5), (8, 2), None, None],
        [(11, 3), None, None, (4, 77)],
    ]
    merged = [min((t[i] for t in tables if t[i]), default=None) for i in range(4)]
    assert merged == [(7, 5), (3, 40), None, (4, 77)]
    for i in range(4):
        f.text(150 + i * 100, 58, f"threshold {i}", "small t-quiet", "middle")
    for w, table in enumerate([*tables, merged]):
        y = 68 + w * 36 + (18 if w == 3 else 0)
        f.text(36, y + 20, "merged" if w == 3 else f"worker {w}", "b" if w == 3 else "")
        for i, best in enumerate(table):
            won = w < 3 and best == merged[i] and best is not None
            fill = "green" if w == 3 and best else "blue" if won else "plain"
            f.cell(
                104 + i * 100,
                y,
                94,
                30,
                f"({best[0]}, {best[1]})" if best else "none",
                fill,
                "green" if w == 3 else "soft",
            )
    f.text(
        36,
        272,
        "smallest excess, then lowest original row: a total order, so the minimum does not depend on which",
        "small",
    )
    f.text(36, 288, "worker saw a candidate, nor in which order.", "small")
    x = 540
    f.lines(x, 72, ["0: equal excess: row 5 before row 12"], "small")
    f.lines(x, 92, ["1: one worker's candidate stands"], "small")
    f.lines(
        x,
        112,
        [
            "2: none: no negative reaches the threshold;",
            "   the farthest candidate of all workers is taken,",
            "   largest key, then lowest row",
        ],
        "small",
        "start",
        17,
    )
    f.lines(x, 168, ["3: excess 4 before 9"], "small")
    f.text(x, 212, "key = threshold + excess", "m")
    return f


def hard():
    f = Figure(
        200,
        "The hard rules",
        "One triplet an anchor: farthest positive and nearest negative of anchor 2 of the example.",
    )
    anchor, unit, left, y = 2, 26.0, 60, 106
    f.text(24, 28, f"anchor {anchor}", "b")
    f.text(
        98,
        28,
        f"(x = {COORDINATES[anchor]}, class {LABELS[anchor]}): one slot; "
        "its threshold 0 is reached by every negative",
        "t-quiet",
    )
    f.text(836, 28, "squared distances from the anchor", "small t-quiet", "end")
    f.arrow(left, y, 760, y, "soft")
    stacked = {}
    for row in ROWS:
        if row != anchor:
            d = distance(anchor, row)
            stacked[d] = stacked.get(d, -1) + 1
            own = LABELS[row] == LABELS[anchor]
            f.dot(
                left + d * unit,
                y - 13 - 22 * stacked[d],
                9,
                COLOURS[LABELS[row]],
                COLOURS[LABELS[row]],
                "w" if own else "",
            )
            f.text(left + d * unit, y - 9 - 22 * stacked[d], row, "small b" if own else "small", "middle")
    for tick in (0, 1, 4, 9, 16, 25):
        f.line(left + tick * unit, y - 3, left + tick * unit, y + 3)
        f.text(left + tick * unit, y + 18, tick, "small t-quiet", "middle")
    own = [(distance(anchor, k), -k) for k in ROWS if LABELS[k] == LABELS[anchor] and k != anchor]
    others = [(distance(anchor, k), k) for k in ROWS if LABELS[k] != LABELS[anchor]]
    far, near = max(own), min(others)
    assert (far, near) == ((4, 0), (1, 1))
    f.text(
        24,
        y + 50,
        f"positive: the farthest, row {-far[1]} at {far[0]} (row 5 is at "
        f"1).   negative: the nearest of all, row {near[1]} at {near[0]}.",
        "",
    )
    f.text(
        24,
        y + 74,
        f"hinge with margin m: max(m + {far[0]} − {near[0]}, 0). "
        f"  soft: log1p(exp({far[0]} − {near[0]})). Equal distances: lowest original row.",
        "",
    )
    return f


FIGURES = {"merge": merge, "hard": hard}
