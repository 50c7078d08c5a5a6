"""Memory of two batches, and the chains from input to output."""

from math import log10

from canvas import Figure

PANEL, TILE_ROWS, BLOCK_ROWS = 48, 8, 96


def memory(rows, width, classes, workers):
    """Bytes of what one call with gradient holds, in f32 on AVX-512; classes of equal size, every
    triplet with a gradient."""
    positives = rows // classes - 1
    pairs = rows * positives
    padded = -(-rows // PANEL) * PANEL
    large = positives >= 64
    thresholds = 0 if large else padded * positives
    keys = 4 * PANEL * BLOCK_ROWS
    anchors = 0
    if large:
        wanted = max(min(4 * positives, 32 * 1024), 288 * 1024 // 4 // TILE_ROWS)
        columns = min(wanted // PANEL * PANEL, padded)
        # A tile's keys; of one anchor buckets, sorted keys and rows, and starts.
        keys = 4 * TILE_ROWS * columns + 13 * columns
        # Distances, thresholds, buckets and candidates of a tile of anchors.
        anchors = TILE_ROWS * (4 + 4 + 4 + 8) * positives
    flags = 8 * -(-positives // 64)
    return {
        "B × B distances (not held)": 4 * rows * rows,
        "input": 4 * rows * width,
        "gradient": 4 * rows * width,
        "panels, norms, rows": 4 * padded * (width + 2),
        "thresholds": 4 * thresholds,
        "bests of the workers": workers * (8 * thresholds + 8 * padded + anchors),
        "keys at work": workers * keys,
        "triplets": pairs * (4 + (8 if pairs <= 1 << 27 else 0)) + rows * (flags + 8),
        "chosen by: the list": 4 * min(pairs, 1 << 26),
    }


def total(parts):
    """All but the matrix."""
    return sum(list(parts.values())[1:])


# What the page says about them.
SMALL, LARGE = memory(8192, 128, 1024, 2), memory(8192, 32, 2, 2)
assert round(total(SMALL) / 1e6) == 15 and round(total(LARGE) / 1e6) == 546
assert (
    round((LARGE["triplets"] + LARGE["chosen by: the list"]) / 1e6) == 541 and round(4 * 8192**2 / 1e6) == 268
)


def human(count):
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.0f} kB"


def bars():
    f = Figure(
        330,
        "Memory",
        "Bytes of each buffer for two batches, on a logarithmic scale, beside a matrix of all distances.",
    )
    batches = [("8192 × 128 in 1024 classes", SMALL), ("8192 × 32 in 2 classes", LARGE)]
    f.text(24, 28, "bytes of one call with gradient, f32 on AVX-512, two threads (logarithmic scale)", "b")
    for b, (name, parts) in enumerate(batches):
        left = 190 + b * 350
        f.text(left, 54, name, "b small")
        for i, (what, count) in enumerate(parts.items()):
            y = 66 + i * 28
            if b == 0:
                f.text(180, y + 15, what, "small", "end")
            length = max(0, (log10(count) - 4) * 42) if count else 0
            fill = "grey" if i == 0 else "orange" if what in ("triplets", "chosen by: the list") else "blue"
            f.box(left, y, max(length, 1), 20, fill, "soft", 0)
            f.text(left + length + 6, y + 15, human(count) if count else "none", "small")
    return f


def chains():
    f = Figure(
        436,
        "Where the bits come from",
        "Each chain of operations from the input to loss and gradient, and what is exact between them.",
    )
    f.text(
        24, 28, "blue: a chain with roundings, in one fixed order; green: exact (integers, comparisons)", "b"
    )

    def step(x, y, w, head, rows, fill):
        f.box(x, y, w, 24 + 17 * len(rows), fill, fill if fill != "plain" else "soft", 4)
        f.text(x + 10, y + 18, head, "b small")
        f.lines(x + 10, y + 36, rows, "small", "start", 16)

    step(
        24,
        46,
        184,
        "rows",
        ["finite, bounded norms;", "angular: f64 norm chain,", "one rounding a component"],
        "plain",
    )
    step(246, 46, 184, "inner product g, norm n", ["fma, k ascending:", "D roundings, one lane"], "blue")
    step(468, 46, 168, "distance d", ["(n + n) − 2g: 2 roundings", "angular: 1 − g: 1"], "blue")
    step(674, 46, 162, "key", ["bits of d", "order as d does"], "green")
    f.arrow(208, 80, 243, 80)
    f.arrow(430, 80, 465, 80)
    f.arrow(636, 80, 671, 80)
    step(
        674,
        164,
        162,
        "threshold",
        ["next key; literal: first", "key whose distance is", "beyond d + margin"],
        "green",
    )
    f.arrow(755, 105, 755, 161)
    step(
        468,
        164,
        168,
        "selection",
        ["least (key, row) ≥ thresh-", "old, else largest key,", "lowest row"],
        "green",
    )
    f.arrow(674, 196, 639, 196)
    step(
        246,
        164,
        184,
        "term",
        ["(m + d) − d: 2 roundings", "L2: sqrt first, 1 rounding", "soft: f64, libm, 1 to f32"],
        "blue",
    )
    f.arrow(468, 196, 433, 196)
    step(
        24, 164, 184, "loss", ["f64: positives ascending,", "anchors ascending, ÷ N,", "one rounding"], "blue"
    )
    f.arrow(246, 196, 211, 196)
    step(246, 300, 184, "flags, counts", ["triplets with a gradient:", "whole numbers"], "green")
    f.arrow(338, 239, 338, 297)
    step(468, 300, 168, "coefficient c", ["f64, one rounding", "(L2: times 1/d)"], "blue")
    f.arrow(430, 330, 465, 330)
    step(
        674,
        300,
        162,
        "gradient row",
        ["fma, m ascending,", "then one times scale;", "angular: projection"],
        "blue",
    )
    f.arrow(636, 330, 671, 330)
    f.lines(
        24,
        318,
        [
            "No sum of floats crosses threads:",
            "workers exchange keys, rows,",
            "flags and whole numbers only.",
        ],
        "small",
        "start",
        18,
    )
    f.text(
        24,
        418,
        "Block sizes, lanes, tiles, windows and threads change which "
        "chains are computed together, and none of the chains.",
        "small",
    )
    return f


FIGURES = {"memory": bars, "chains": chains}
