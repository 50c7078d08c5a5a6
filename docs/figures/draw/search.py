"""The excess over a threshold, and how rarely a search finds something."""

from canvas import Figure

# Keys of 8 bits stand for those of 32: distances 0 to 119, END 120, SIGNED_MAX 127, MASKED 255.
END, SIGNED_MAX, MASKED = 120, 127, 255
UNREACHABLE = 0xFF & ~(0xFF >> 2)
THRESHOLD = 41
KEYS = [37, 52, MASKED, 91, 44, 40, 12, 44]
EXCESS = [(key - THRESHOLD) % 256 for key in KEYS]

# What the page says about it, and the bounds for every threshold.
assert EXCESS == [252, 11, 214, 50, 3, 255, 227, 3] and UNREACHABLE == 192
START = SIGNED_MAX - THRESHOLD
assert START == 86
for t in range(END + 1):
    reached = [key - t for key in range(t, END)]
    lost = [(key - t) % 256 for key in [*range(t), MASKED]]
    assert max(reached, default=0) <= SIGNED_MAX - t < min(lost) and min(lost) >= 128
assert all((key - UNREACHABLE) % 256 > 0 for key in [*range(END), MASKED])


def excess():
    f = Figure(
        352,
        "The excess over a threshold",
        "Eight candidates, their keys, and their excess over threshold 41 modulo 256.",
    )
    f.text(
        24,
        28,
        "least key ≥ 41 of eight candidates, with keys of 8 bits: subtract 41 modulo 256, take the minimum",
        "b",
    )
    headings = ["row", *range(8)]
    rows = [headings, ["key", *KEYS], ["key − 41", *EXCESS]]
    for r, values in enumerate(rows):
        y = 46 + r * 28
        f.text(40, y + 18, values[0], "small")
        for c, value in enumerate(values[1:]):
            won = c == 4 and r == 2
            lost = EXCESS[c] >= 128 and r == 2
            words = "✕ 255" if r == 1 and value == MASKED else value
            f.cell(
                112 + c * 66,
                y,
                66,
                28,
                words,
                "green" if won else "red" if lost else "plain" if r else "grey",
            )
    f.lines(656, 64, ["minimum 3: key 44.", "Rows 4 and 7 have it:", "the lower row, 4."], "", "start", 20)
    left, width = 60, 740

    def at(value):
        return left + width * value / 256

    for y, name in ((176, "keys"), (280, "excess")):
        f.text(24, y - 22, name, "b small")
    y = 176
    f.box(at(0), y, at(END) - at(0), 16, "green", "green", 0)
    f.box(at(END), y, at(256) - at(END), 16, "grey", "soft", 0)
    f.line(at(THRESHOLD), y - 14, at(THRESHOLD), y + 16, "red", "w")
    f.text(at(THRESHOLD) + 4, y - 6, "threshold 41", "small t-red")
    f.text(at(END) - 6, y - 6, "distances end at 120", "small t-quiet", "end")
    f.text(at(255), y - 6, "MASKED 255", "small", "end")
    y = 280
    f.box(at(0), y, at(END - THRESHOLD) - at(0), 16, "green", "green", 0)
    f.box(at(END - THRESHOLD), y, at(214) - at(END - THRESHOLD), 16, "plain", "soft", 0)
    f.box(at(214), y, at(256) - at(214), 16, "red", "red", 0)
    for key, value in zip(KEYS, EXCESS):
        line = "red" if value >= 128 else "green"
        f.curve(f"M{at(key):g} 192 C{at(key):g} 240 {at(value):g} 232 {at(value):g} 278", line, "", True)
    f.line(at(START), y - 10, at(START), y + 22, "purple", "w")
    f.text(at(START), y + 38, "start: 127 − 41 = 86", "small t-purple", "middle")
    f.text(at(0), y + 38, "0 … 78: reached", "small")
    f.text(at(256), y + 38, "≥ 128: masked (214) or too near, wrapped", "small t-red", "end")
    f.text(24, y + 60, "Whatever the threshold: reached < start < 128 ≤ masked and wrapped.", "small")
    return f


def chance(seen, rows, lanes, thresholds):
    """That at least one of `lanes * thresholds` running minima improves within the next `rows` of
    candidates in random order, after `seen`: each stays with probability seen / (seen + rows)."""
    return 1 - (seen / (seen + rows)) ** (lanes * thresholds)


# What the page says about it.
assert [round(100 * chance(1000, rows, 16, 2)) for rows in (8, 48)] == [23, 78]
assert round(2 * sum(1 / n for n in range(1, 1001))) == 15  # 7.5 records in 1000 candidates.


def records():
    f = Figure(
        366,
        "Records and grouped checks",
        "What is reduced before a test, and how often the test of the columns search finds something.",
    )
    f.text(24, 28, "what is reduced before one test", "b")
    f.text(24, 58, "rows search: 48 keys of one anchor", "small t-blue")
    for v in range(3):
        f.cell(24 + v * 50, 66, 50, 22, "16 keys", "blue", "blue", "small")
    f.arrow(176, 77, 194, 77)
    f.cell(196, 66, 58, 22, "least", "plain", "ink", "small")
    f.text(24, 108, "any lane ≤ best of the threshold? else nothing is written", "small")
    f.text(24, 146, "columns search: 8 rows of 16 anchors", "small t-green")
    for group in range(2):
        for r in range(8):
            f.box(24, 156 + group * 78 + r * 9, 200, 9, "green", "green", 0)
        f.arrow(226, 192 + group * 78, 244, 192 + group * 78)
        f.cell(246, 181 + group * 78, 58, 22, "least", "plain", "ink", "small")
        f.text(312, 196 + group * 78, "≤ bests?", "small")
    f.lines(
        24,
        330,
        [
            "2 thresholds at a time share each load of keys:",
            "one subtraction and one minimum a threshold and vector.",
        ],
        "small",
        "start",
        18,
    )
    # The chart.
    left, right, top, bottom = 476, 826, 70, 290
    f.text(430, 28, "chance that a test of the columns search finds a record", "b small")
    f.text(430, 46, "32 minima (16 lanes × 2 thresholds), candidates in random order", "small t-quiet")

    def xs(seen):
        return left + (right - left) * seen / 8000

    def ys(p):
        return bottom - (bottom - top) * p

    for p in (0, 0.25, 0.5, 0.75, 1):
        f.line(left, ys(p), right, ys(p), "soft", "" if p == 0 else "dash")
        f.text(left - 6, ys(p) + 4, f"{p:.0%}".replace("%", " %"), "small t-quiet", "end")
    for seen in range(0, 8001, 2000):
        f.text(xs(seen), bottom + 18, f"{seen:,}", "small t-quiet", "middle")
    f.text(
        (left + right) / 2,
        bottom + 38,
        "rows that the panel's columns were compared with",
        "small t-quiet",
        "middle",
    )
    for rows, line, words, where in (
        (48, "orange", "48 rows a test", 3000),
        (8, "green", "8 rows a test", 3400),
    ):
        points = [(xs(s), ys(chance(s, rows, 16, 2))) for s in range(60, 8001, 60)]
        f.curve("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points), line, "w")
        f.text(xs(where) + 8, ys(chance(where, rows, 16, 2)) - 8, words, f"small t-{line}")
    f.line(xs(1000), top - 4, xs(1000), bottom, "purple", "dash")
    f.text(xs(1000) + 5, ys(0.92), "warm-up ends: 1000", "small t-purple")
    early, late = ([f"{chance(seen, rows, 16, 2):.0%}" for rows in (8, 48)] for seen in (1000, 8000))
    words = f"After 1000 rows: {early[0]} and {early[1]}; after 8000: {late[0]} and {late[1]}."
    f.text(436, 352, words.replace("%", " %"), "small")
    return f


FIGURES = {"excess": excess, "records": records}
