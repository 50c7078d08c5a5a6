"""Choices by chosen row, coefficients, and the chains of a gradient row."""

from canvas import Figure
from example_batch import COLOURS, COORDINATES, LABELS, ORDER, ROWS, SUMS, TRIPLETS, chosen_by, coefficients

# The two parts of the example: positions 0 to 3 and 4 to 7, about half of the slots each.
PARTS = [ORDER[:4], ORDER[4:]]


def chosen():
    f = Figure(
        430,
        "For each row, the anchors that chose it",
        "A counting sort of the choices of the example, in two parts and two windows.",
    )
    f.text(24, 28, "chosen negatives by slot; crossed out: no gradient (term below 0)", "b")
    left, w = 74, 52
    f.text(24, 60, "anchor", "small")
    f.text(24, 84, "chosen", "small")
    for i, t in enumerate(TRIPLETS):
        x = left + i * w
        f.cell(x, 44, w, 24, t.anchor, COLOURS[LABELS[t.anchor]])
        f.cell(
            x,
            68,
            w,
            24,
            t.negative if t.has_gradient else f"({t.negative})",
            "plain" if t.has_gradient else "grey",
            "soft",
            "m" if t.has_gradient else "m t-quiet",
        )
        if not t.has_gradient:
            f.line(x + 8, 88, x + w - 8, 72, "red")
    half = left + sum(t.anchor in PARTS[0] for t in TRIPLETS) * w
    f.line(half, 38, half, 98, "ink", "w")
    f.text((left + half) / 2, 110, "part 0", "small t-quiet", "middle")
    f.text((half + left + 14 * w) / 2, 110, "part 1", "small t-quiet", "middle")
    # Counts.
    f.text(24, 146, "1. count: how often each part chose each row", "b")
    x0, cw = 150, 60
    for row in ROWS:
        f.text(x0 + row * cw + cw / 2, 166, f"row {row}", "small t-quiet", "middle")
    counts = [
        [sum(t.has_gradient and t.negative == row and t.anchor in part for t in TRIPLETS) for row in ROWS]
        for part in PARTS
    ]
    for p in range(2):
        f.text(24, 190 + p * 26, f"part {p}", "small")
        for row in ROWS:
            f.cell(x0 + row * cw, 173 + p * 26, cw, 26, counts[p][row], "blue" if counts[p][row] else "plain")
    # Starts.
    f.text(24, 256, "2. add up, row by row and part by part: where each part's next choice goes", "b")
    place, starts = 0, [[], []]
    for row in ROWS:
        for p in range(2):
            starts[p].append(place)
            place += counts[p][row]
    for p in range(2):
        f.text(24, 286 + p * 26, f"part {p}", "small")
        for row in ROWS:
            f.cell(
                x0 + row * cw,
                269 + p * 26,
                cw,
                26,
                starts[p][row] if counts[p][row] else "·",
                "orange" if counts[p][row] else "plain",
            )
    # List.
    f.text(24, 352, "3. place: every part walks its slots again", "b")
    listed = [anchor for row in ROWS for anchor in chosen_by(row)]
    assert listed == [5, 5, 7, 1, 0, 1, 7, 2, 6] and place == 9
    at = 0
    for row in ROWS:
        mine = chosen_by(row)
        for anchor in mine:
            f.cell(x0 + at * 48, 364, 48, 26, anchor, COLOURS[LABELS[anchor]])
            at += 1
        if mine:
            f.text(x0 + (at - len(mine) / 2) * 48, 404, f"row {row}", "small t-quiet", "middle")
            f.line(x0 + at * 48, 360, x0 + at * 48, 394, "ink", "w")
    f.text(24, 381, "anchors", "small")
    f.lines(
        600,
        372,
        [
            "With room for 5 choices only, rows 0–5",
            "(4 choices) and 6–7 (5) are two windows:",
            "steps 2 and 3 are run for each window.",
        ],
        "small",
        "start",
        18,
    )
    return f


def gradient():
    f = Figure(
        452,
        "Coefficients to gradient",
        "The coefficient matrix of the example, the chain of row 5, and rows that share others in the cache.",
    )
    matrix = coefficients()
    f.text(24, 28, "coefficients c of the example", "b")
    f.text(24, 46, "row r, other row m: symmetric", "small t-quiet")
    left, top, w = 52, 76, 34
    for m in ROWS:
        f.text(left + m * w + w / 2, top - 8, m, "m", "middle")
    for r in ROWS:
        f.text(left - 10, top + r * 26 + 18, r, "m", "end")
        for m in ROWS:
            c = matrix[r][m]
            f.cell(
                left + m * w,
                top + r * 26,
                w,
                26,
                f"{c:+d}".replace("-", "−") if c else "",
                "blue" if c > 0 else "red" if c < 0 else "plain",
            )
    f.box(left - 2, top + 5 * 26 - 1, 8 * w + 4, 28, None, "ink", 2, "w")
    f.text(24, top + 8 * 26 + 22, "blue: pairs of one class (+); red: chosen negatives (−)", "small t-quiet")
    f.text(372, 28, "gradient of row 5: one chain a component, m ascending", "b")
    acc, y = 0, 62
    for m in ROWS:
        c = matrix[5][m]
        if c:
            step = COORDINATES[5] - COORDINATES[m]
            new = acc + c * step
            f.text(
                372,
                y,
                f"m = {m}: acc = fma({c:+d}, x5 − x{m} = {step}, {acc}) = {new}".replace("-", "−"),
                "m",
            )
            acc, y = new, y + 24
    assert acc == SUMS[5] == 6
    f.text(372, y, f"times the scale, 2/N = 2/14, rounded once: {acc * 2 / 14:.4f}", "m")
    f.lines(
        372,
        y + 36,
        [
            "c counts triplets with a gradient: 5 chose 1 twice and 1 chose 5 once: −3;",
            "the pair (5, 0) is in two triplets, of anchors 5 and 0: +2.",
            "Lanes are components: on AVX-512, 8 vectors of 16 chains at a time.",
        ],
        "small",
        "start",
        19,
    )
    # Segments.
    y = 330
    f.line(24, y - 8, 836, y - 8, "soft", "dash")
    f.text(
        24,
        y + 16,
        "where most rows use most others: 16 rows of a piece go through one segment of others together",
        "b",
    )
    for s in range(4):
        x = 110 + s * 150
        f.box(x, y + 32, 146, 66, "orange" if s == 1 else "plain", "orange" if s == 1 else "soft", 0)
        f.text(x + 73, y + 94, ["others 0–255", "256–511", "512–767", "…"][s], "small t-quiet", "middle")
        for r in range(4):
            f.line(
                x + 4,
                y + 42 + r * 12,
                x + 140,
                y + 42 + r * 12,
                "green" if s == 0 else "blue" if s == 1 else "soft",
                "" if s < 2 else "dash",
            )
    f.text(100, y + 62, "16 rows", "small", "end")
    f.lines(
        722,
        y + 44,
        ["a segment: 128 KiB", "of other rows (256", "at D = 128 in f32);", "chains are resumed"],
        "small",
        "start",
        17,
    )
    return f


FIGURES = {"chosen-by": chosen, "gradient": gradient}
