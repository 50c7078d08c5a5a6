"""Passes, rule, class order and packing."""

from canvas import Figure
from example_batch import COLOURS, COORDINATES, LABELS, ORDER, ROWS, TRIPLETS, distance


def passes():
    f = Figure(
        330, "The passes of one call", "From rows and labels to loss and gradient, with the arrays between."
    )
    steps = [
        ("classes", ["order, positions", "[B] each"], "2"),
        ("pack", ["panels [B, D]", "norms, rows [B]"], "2"),
        ("thresholds", ["[panel][slot][row]", "keys"], "5"),
        ("triangle", ["bests of every", "worker"], "3, 4, 6–8"),
        ("collect", ["negatives, sums,", "distances, flags"], "9"),
    ]
    f.text(24, 30, "mining", "b t-quiet")
    f.cell(24, 60, 96, 56, "x [B, D]", "grey", "soft")
    f.text(72, 132, "labels y [B]", "m", "middle")
    x = 142
    for index, (name, arrays, section) in enumerate(steps):
        f.arrow(x - 22, 88, x - 3, 88)
        f.box(x, 46, 118, 92, "blue" if index < 3 else "orange", "blue" if index < 3 else "orange", 5)
        f.text(x + 59, 68, name, "b", "middle")
        f.lines(x + 59, 91, arrays, "small", "middle", 16)
        f.text(
            x + 59,
            128,
            f"section {section}" if len(section) == 1 else f"sections {section}",
            "small t-quiet",
            "middle",
        )
        x += 141
    # Large classes leave between thresholds and triangle.
    f.curve("M342 138 V176 H400", "ink", "", True)
    f.box(403, 154, 260, 46, "purple", "purple", 5)
    f.text(413, 173, "large", "b")
    f.text(455, 173, "anchors of 64 triplets and more", "small")
    f.text(413, 191, "each sorts its own candidates · section 10", "small t-quiet")
    f.curve("M663 177 H777", "ink", "", True)
    f.text(24, 214, "gradient", "b t-quiet")
    below = [
        ("chosen by", ["for each row, the", "anchors that chose it"], "section 12", "green"),
        ("coefficients", ["c of row r and m,", "m ascending"], "section 13", "green"),
        ("chain", ["one a component,", "then the scale"], "section 13", "green"),
    ]
    x = 142
    for name, arrays, section, fill in below:
        f.box(x, 230, 150, 84, fill, "green", 5)
        f.text(x + 75, 251, name, "b", "middle")
        f.lines(x + 75, 271, arrays, "small", "middle", 16)
        f.text(x + 75, 305, section, "small t-quiet", "middle")
        f.arrow(x + 150, 272, x + 187, 272)
        x += 190
    f.cell(x, 244, 136, 56, "gradient [B, D]", "grey", "soft")
    f.curve("M780 141 V222 H60 V272 H139", "ink", "", True)
    return f


def rule():
    f = Figure(
        344,
        "Which negative is chosen",
        "Distances of anchors 0 and 1 of the example, their thresholds and choices.",
    )
    unit, left = 19.0, 60

    def axis(y, anchor, notes):
        f.text(24, y - 70, f"anchor {anchor}", "b")
        f.text(98, y - 70, f"(x = {COORDINATES[anchor]}, class {LABELS[anchor]})", "t-quiet")
        f.arrow(left, y, 830, y, "soft")
        f.text(836, y - 70, "squared distances from the anchor", "small t-quiet", "end")
        for tick in (0, 1, 4, 9, 16, 25, 36):
            f.line(left + tick * unit, y - 3, left + tick * unit, y + 3)
            f.text(left + tick * unit, y + 18, tick, "small t-quiet", "middle")
        stacked = {}
        for row in ROWS:
            if row == anchor:
                continue
            d = distance(anchor, row)
            stacked[d] = stacked.get(d, -1) + 1
            px, py = left + d * unit, y - 13 - 22 * stacked[d]
            own = LABELS[row] == LABELS[anchor]
            f.dot(px, py, 9, COLOURS[LABELS[row]], COLOURS[LABELS[row]], "w" if own else "")
            f.text(px, py + 4, row, "small b" if own else "small", "middle")
        for index, triplet in enumerate(t for t in TRIPLETS if t.anchor == anchor):
            px = left + triplet.near * unit
            f.text(24, y + 42 + index * 18, f"positive {triplet.positive} at {triplet.near}:", "")
            words = notes[triplet.positive]
            f.text(142, y + 42 + index * 18, words, "")
            f.line(px + 10, y - 62, px + 10, y, "red", "dash")
            f.text(px + 14, y - 54, f"> {triplet.near}", "small t-red")

    axis(
        96,
        0,
        {
            2: "beyond 4 the nearest are rows 1 and 3, both at 9: the lower row, 1. "
            "Row 6, at 4, is not beyond.",
            5: "beyond 1 the nearest is row 6, at 4.",
        },
    )
    axis(
        262,
        1,
        {
            3: "no negative is beyond 36: the farthest of all, row 6 at 25, is the fallback.",
            7: "beyond 1 the nearest is row 5, at 4. Row 2, at 1, is not beyond.",
        },
    )
    return f


def panels():
    f = Figure(
        330, "Rows to panels", "Rows in batch order, in class order, and as two packed panels of four rows."
    )
    f.text(24, 30, "batch order", "b")
    f.text(24, 48, "row · label · D = 3", "small t-quiet")
    top, h = 60, 26
    for row in ROWS:
        colour = COLOURS[LABELS[row]]
        f.text(24, top + row * h + 18, row, "m")
        f.text(44, top + row * h + 18, LABELS[row], "m")
        for k in range(3):
            f.cell(64 + k * 34, top + row * h, 34, h, f"{row}.{k}", colour)
    f.text(252, 30, "class order", "b")
    f.text(252, 48, "position · original row", "small t-quiet")
    for position, row in enumerate(ORDER):
        colour = COLOURS[LABELS[row]]
        f.text(252, top + position * h + 18, position, "m")
        for k in range(3):
            f.cell(278 + k * 34, top + position * h, 34, h, f"{row}.{k}", colour)
        y1, y2 = top + row * h + 13, top + position * h + 13
        f.curve(f"M168 {y1}C205 {y1} 210 {y2} 246 {y2}", colour)
    f.line(270, top + 4 * h, 392, top + 4 * h, "ink", "w")
    f.text(430, 30, "packed: [panel][k][row in panel]", "b")
    f.text(430, 48, "panels of 4 rows here; 48 in f32 on AVX2 and AVX-512", "small t-quiet")
    for panel in range(2):
        y = 66 + panel * 104
        f.text(430, y + 12, f"panel {panel}", "")
        for k in range(3):
            x = 430 + k * 132
            f.text(x + 60, y + 32, f"k = {k}", "small t-quiet", "middle")
            for r in range(4):
                row = ORDER[panel * 4 + r]
                f.cell(x + r * 32, y + 40, 32, 26, f"{row}.{k}", COLOURS[LABELS[row]])
            f.line(x, y + 72, x + 128, y + 72, "ink")
        f.text(
            430, y + 90, "one vector of four rows for each k; addresses ascend to the right", "small t-quiet"
        )
    f.lines(
        430,
        290,
        [
            "The same panel is the tile's rows (one value broadcast)",
            "and its columns (one vector loaded): no second copy.",
        ],
        "",
        "start",
        18,
    )
    f.arrow(394, 164, 424, 164)
    f.text(24, 300, "Cells are row.component.", "small t-quiet")
    return f


FIGURES = {"passes": passes, "rule": rule, "panels": panels}
