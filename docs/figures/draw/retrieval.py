"""The nearest rows of a query: cutoff and prune."""

from canvas import Figure

WANTED, SLACK, LANES = 3, 2, 4
KEYS = [52, 31, 77, 64, 45, 90, 28, 83, 31, 70, 95, 66, 40, 31, 99, 25, 58, 81, 30, 22, 87, 31, 19, 60]


def simulate():
    """For each key whether it was kept, and the prunes: (after which key, kept, new cutoff)."""
    cutoff, held, pushed, prunes = float("inf"), [], [], []
    for start in range(0, len(KEYS), LANES):
        for row in range(start, start + LANES):
            pushed.append(KEYS[row] <= cutoff)
            if KEYS[row] <= cutoff:
                held.append((KEYS[row], row))
        if len(held) >= 2 * WANTED + SLACK:
            held = sorted(held)[:WANTED]
            cutoff = held[-1][0]
            prunes.append((start + LANES, [*held], cutoff))
    return pushed, prunes, sorted(held)


PUSHED, PRUNES, HELD = simulate()
assert [key for key, _ in HELD[:WANTED]] == sorted(KEYS)[:WANTED]
assert len(PRUNES) == 2


def retrieval():
    f = Figure(
        312,
        "Retrieval: cutoff and prune",
        "Keys of one query in order of arrival, which of them are kept, and two prunes.",
    )
    f.text(
        24,
        28,
        f"{WANTED} wanted, slack {SLACK}, vectors of {LANES} (in the engine: R or k wanted, slack 256)",
        "b",
    )
    left, w = 40, 32.5
    for i, key in enumerate(KEYS):
        f.cell(left + i * w, 60, w, 28, key, "green" if PUSHED[i] else "grey")
        f.text(left + i * w + w / 2, 104, i, "small t-quiet", "middle")
    for i in range(0, len(KEYS) + 1, LANES):
        f.line(left + i * w, 56, left + i * w, 92, "ink", "w")
    f.text(24, 52, "keys", "small")
    f.text(
        24,
        124,
        "rows; green: key ≤ cutoff, pushed; grey: skipped, a whole vector at once where none is ≤",
        "small t-quiet",
    )
    # Cutoff as a line.
    y = 176
    f.text(24, y - 16, "cutoff", "b small")
    x, value = left, "none: every finite key"
    for after, held, cutoff in [*PRUNES, (len(KEYS), HELD, None)]:
        end = left + after * w
        f.line(x, y + 4, end, y + 4, "purple", "w")
        f.text(
            (x + end) / 2, y - 4, value if isinstance(value, str) else f"{value}", "small t-purple", "middle"
        )
        if cutoff is not None:
            f.arrow(end, y + 4, end, y + 30, "purple")
            rows = ", ".join(f"({key}, {row})" for key, row in held)
            f.text(end, y + 46, f"{2 * WANTED + SLACK} or more held: prune to {WANTED}", "small", "middle")
            f.text(end, y + 64, rows, "m small", "middle")
        x, value = end, cutoff
    f.text(
        24,
        272,
        "A key equal to the cutoff is pushed: its row may "
        "be lower. At the end: prune once more, sort by (key, row):",
        "small",
    )
    f.text(24, 294, "ranked: " + ", ".join(f"row {row} at {key}" for key, row in HELD[:WANTED]), "m")
    return f


FIGURES = {"retrieval": retrieval}
