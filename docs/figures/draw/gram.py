"""Register tiles, keys and masks, thresholds, and the walk over the triangle."""

from canvas import Figure
from example_batch import COLOURS, LABELS, ORDER, TRIPLETS, distance


def tile():
    f = Figure(358, "A register tile", "One step of k of a tile of 8 rows by 3 vectors, and a chain cut in two parts.")
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
    f.lines(24, 324, ["g[r][v] = fma(r_r, c_v, g[r][v]): a lane is the chain of one pair of rows.",
                      "AVX2: 6 rows × 2 vectors of 8. Portable: 4 × 3 vectors of 4. The tile stays in registers for all k of a part."],
            "small", "start", 18)
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
    f = Figure(390, "Distances as integer keys", "Where the keys of distances and the special keys lie among the 32-bit integers.")
    f.text(24, 28, "32-bit keys as unsigned integers (f64 has the same picture with 64 bits)", "b")
    left, width, y = 40, 780, 92
    at = lambda key: left + width * key / 2**32
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
    f.lines(24, 168, ["unsigned minimum: MASKED loses against every distance.     signed maximum: MASKED is -1 and loses again."], "small")
    # Mask of the example.
    f.text(24, 200, "a block of the example before it is searched: panel 0 against both panels, of 6 rows each", "b")
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
    f.lines(500, top + 14, ["✕ MASKED: pairs of one class (a run of", "positions a row, as classes are contiguous;", "the row itself is among them) and the padding",
                            "after the last row. Other cells: squared", "distances, stored as their bits. Rows and", "columns carry original row numbers."], "small", "start", 19)
    return f


def thresholds():
    f = Figure(322, "Thresholds", "Panels computed for the distances of positives, and the layout of thresholds.")
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
        f.box(left + first * panel * cell, top + p * panel * cell, (last + 1 - first) * panel * cell, panel * cell, "blue", None)
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
    f.lines(310, 190, ["> d is the key of the next float after d.", "U is UNREACHABLE: a row with fewer positives than the panel's most,",
                       "or padding.", "Rows search: one threshold in all lanes, against 16 candidates.",
                       "Columns search: a vector of 16 neighbouring cells (16 anchors), against", "one candidate in all lanes."], "small", "start", 19)
    return f


def triangle():
    f = Figure(420, "The triangle, walked once and searched twice", "Tasks of 96 by 96 pairs over the upper triangle, and the two searches of one block of keys.")
    f.text(24, 28, "B × B pairs, upper triangle", "b")
    left, top, cell = 40, 66, 26
    n = 10
    for r in range(n):
        for c in range(r, n):
            own = r == c
            f.box(left + c * cell, top + r * cell, cell, cell, "purple" if own else "plain", "soft")
    for t in range(0, n, 2):
        f.curve(f"M{left + t * cell} {top + t * cell}H{left + n * cell}V{top + (t + 2) * cell}H{left + t * cell}Z", "ink", "w")
        f.line(left + t * cell, top, left + t * cell, top + t * cell, "ink", "w")
    f.box(left + 6 * cell, top + 2 * cell, 2 * cell, cell, "orange", "orange", 0, "w")
    for t in range(5):
        f.text(left + t * 2 * cell + cell, top - 8, f"{t * 96}…", "small t-quiet", "middle")
    f.lines(24, top + n * cell + 24, ["small square: one panel against one, 48 × 48", "thick square: a task, handed to the next free worker",
                                      "violet: both orders of every pair; rows search only"], "small", "start", 18)
    # One block.
    bx, by, bw, bh = 470, 96, 290, 150
    f.text(350, 28, "one row panel against the panels of a task: 48 × 96 keys in L1", "b")
    f.box(bx, by, bw, bh, "orange", "orange", 0, "w")
    f.line(bx + bw / 2, by, bx + bw / 2, by + bh, "orange")
    f.text(bx + bw / 4, by - 26, "column panel 6", "small t-quiet", "middle")
    f.text(bx + 3 * bw / 4, by - 26, "column panel 7", "small t-quiet", "middle")
    f.text(bx - 10, by + 20, "row panel 2", "small t-quiet", "end")
    f.curve(f"M{left + 8 * cell} {top + 2.5 * cell}C370 130 390 {by + 60} {bx - 6} {by + 60}", "orange", "dash", True)
    y = by + 50
    f.box(bx, y, bw, 14, "blue", "blue", 0)
    f.arrow(bx, y + 7, bx + bw - 3, y + 7, "blue", "w")
    x = bx + bw / 2 + 60
    f.box(x, by, 34, bh, "green", "green", 0)
    f.arrow(x + 17, by, x + 17, by + bh - 3, "green", "w")
    f.line(bx + bw / 2, by, bx + bw / 2, by + bh, "orange")
    f.text(bx + bw + 10, y + 12, "one anchor", "small t-blue")
    f.text(x + 17, by - 8, "16 anchors", "small t-green", "middle")
    f.lines(370, by + bh + 26, ["rows search: anchor is the row; lanes are 16 candidates (columns).", "Thresholds of the row panel, one in all lanes."], "small t-blue", "start", 18)
    f.lines(370, by + bh + 68, ["columns search: lanes are 16 anchors (columns); candidates are", "the rows, one after the other. Thresholds of the column panel."], "small t-green", "start", 18)
    f.lines(370, by + bh + 112, ["Every distance off the diagonal is computed once and serves both.", "Then the buffer is overwritten by the next block."], "small", "start", 18)
    return f


FIGURES = {"tile": tile, "keys": keys, "thresholds": thresholds, "triangle": triangle}
