"""Register tiles, keys and masks."""

from canvas import Figure
from example_batch import COLOURS, LABELS, ORDER, distance


def tile():
    f = Figure(
        358,
        "A register tile",
        "One step of k of a tile of 8 rows by 3 vectors, and a chain cut in two parts.",
    )
    f.text(24, 28, "one step of k on AVX-512: 24 chains of 16 lanes go on by one multiply-add", "b")
    # Column panel, one step.
    f.text(150, 58, "column panel at k: 48 rows, loaded as 3 vectors", "small t-quiet")
    for v in range(3):
        f.cell(150 + v * 96, 66, 92, 24, f"c{v}", "orange", "orange")
    # Row panel, one step.
    f.lines(24, 76, ["row panel at k:", "8 values, broadcast"], "small t-quiet", "start", 16)
    for r in range(8):
        y = 102 + r * 25
        f.cell(92, y, 44, 21, f"r{r}", "blue", "blue")
        for v in range(3):
            x = 150 + v * 96
            f.box(x, y, 92, 21, "plain", "soft")
            for lane in range(1, 16):
                f.line(x + lane * 5.75, y + 18, x + lane * 5.75, y + 21)
            f.text(x + 46, y + 13.5, f"g[{r}][{v}]", "m small", "middle")
    f.arrow(138, 112, 148, 112)
    f.lines(
        24,
        324,
        [
            "g[i][v] = fma(ri, cv, g[i][v]): a lane is the chain of one pair "
            "of rows. The tile stays in registers for all k of a part.",
            "AVX2: 6 rows × 2 vectors of 8. NEON: 8 × 3 vectors of 4. Portable: 4 × 3 vectors of 4.",
        ],
        "small",
        "start",
        18,
    )
    # The chain.
    f.line(466, 46, 466, 296, "soft", "dash")
    f.text(484, 58, "the chain of one pair, D = 300 in f32", "b")
    parts = [("k 0 … 127", 128, "blue"), ("128 … 255", 128, "blue"), ("256 … 299", 44, "blue")]
    x = 484
    for words, width, fill in parts:
        w = width * 1.1
        f.cell(x, 80, w, 30, words if width > 100 else "… 299", fill, "blue")
        x += w + 4
    f.text(484, 74, "parts of 128 steps: 24 KiB of a panel", "small t-quiet")
    ends = [(484 + 140.8, "g bits"), (484 + 285.6, "g bits")]
    for px, words in ends:
        f.curve(f"M{px - 8:g} 112 V146", "ink", "", True)
        f.curve(f"M{px + 10:g} 146 V114", "ink", "", True)
        f.cell(px - 34, 149, 74, 24, words, "grey")
    f.text(484, 192, "the key buffer holds the partial chain, as bits", "small t-quiet")
    f.curve("M820 112 V214", "ink", "", True)
    f.box(484, 217, 352, 62, "green", "green", 4)
    f.text(496, 238, "epilogue, after the last part, in registers:", "small")
    f.text(496, 257, "d = max0((n_r + n_c) - (g + g))", "m")
    f.text(496, 273, "key = bits of d → key buffer", "m")
    return f


def keys():
    f = Figure(
        390,
        "Distances as integer keys",
        "Where the keys of distances and the special keys lie among the 32-bit integers.",
    )
    f.text(24, 28, "32-bit keys as unsigned integers (f64 has the same picture with 64 bits)", "b")
    left, width, y = 40, 780, 92

    def at(key):
        return left + width * key / 2**32

    f.box(at(0), y, at(0x7F800000) - at(0), 26, "green", "green")
    f.text(at(0x3F800000) / 2 + 20, y + 18, "distances 0 … 1", "small", "middle")
    f.text(at(0x5F800000), y + 18, "distances 1 … 3.4e38", "small", "middle")
    f.box(at(0x7F800000), y, at(0xFFFFFFFF) - at(0x7F800000), 26, "grey", "soft")
    f.text(at(0xA0000000), y + 18, "top bit set", "small", "middle")
    f.text(at(0xE0000000), y + 18, "negative as signed", "small", "middle")
    marks = [
        (0, "0", "d = 0", "start", 0),
        (0x3F800000, "3F80 0000", "d = 1", "middle", 0),
        (0x7F800000, "7F80 0000", "END: infinity", "end", 0),
        (0x7FFFFFFF, "7FFF FFFF", "SIGNED_MAX", "start", 0),
        (0xC0000000, "C000 0000", "UNREACHABLE", "middle", 0),
        (0xFFFFFFFF, "FFFF FFFF", "MASKED", "end", 0),
    ]
    for key, bits, name, at_, _ in marks:
        shift = {"start": 3, "end": -3, "middle": 0}[at_]
        f.line(at(key), y - 8, at(key), y + 34, "ink")
        f.text(at(key) + shift, y - 14, name, "small b", at_)
        f.text(at(key) + shift, y + 48, bits, "m small", at_)
    f.lines(
        24,
        168,
        [
            "unsigned minimum: MASKED loses against every distance; "
            "signed maximum: MASKED is -1 and loses again."
        ],
        "small",
    )
    # Mask of the example.
    f.text(
        24,
        200,
        "a block of the example before it is searched: panel 0 against both panels, of 6 rows each",
        "b",
    )
    top, cell, height = 228, 34, 24
    for c in range(12):
        name = ORDER[c] if c < len(ORDER) else "–"
        f.text(70 + c * cell + cell / 2, top - 8, name, "m" if c < len(ORDER) else "m t-quiet", "middle")
    for r in range(6):
        f.text(60, top + r * height + 17, ORDER[r], "m", "end")
        for c in range(12):
            x, yy = 70 + c * cell, top + r * height
            if c >= len(ORDER):
                f.cell(x, yy, cell, height, "✕", "grey", "soft", "t-quiet")
            elif LABELS[ORDER[r]] == LABELS[ORDER[c]]:
                f.cell(x, yy, cell, height, "✕", COLOURS[LABELS[ORDER[r]]], "soft", "")
            else:
                f.cell(x, yy, cell, height, distance(ORDER[r], ORDER[c]), "plain")
    f.line(70 + 6 * cell, top - 4, 70 + 6 * cell, top + 6 * height + 4, "ink", "w")
    f.lines(
        500,
        top + 14,
        [
            "✕ MASKED: pairs of one class (a run of",
            "positions a row, as classes are contiguous;",
            "the row itself is among them) and the padding",
            "after the last row. Other cells: squared",
            "distances, stored as their bits. Rows and",
            "columns carry original row numbers.",
        ],
        "small",
        "start",
        19,
    )
    return f


FIGURES = {"tile": tile, "keys": keys}
