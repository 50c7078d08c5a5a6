"""Twenty candidates of one anchor of a large class, and six thresholds: the bucket search, in small.

The formulas are those of `search/buckets/`; the window has 4 candidates instead of 16.
"""

THRESHOLDS = [10, 23, 28, 39, 54, 60]
# Distances in the order in which a run of columns holds them; `None` is a masked pair.
CANDIDATES = [97, 33, 12, 51, 24, None, 27, 58, 34, 4, 66, 13, 31, 47, 7, 80, 29, 22, 26, 71]
WINDOW = 4
COUNT = 8

KNOWN = [d for d in CANDIDATES if d is not None]
LEAST, MOST = min(KNOWN), max(KNOWN)
LOW, HIGH = max(min(THRESHOLDS), LEAST), min(max(THRESHOLDS), MOST)
WIDTH = (HIGH - LOW) / (COUNT - 3)
BASE = LOW - WIDTH


def bucket(d):
    """The bucket of a distance; masked keys are NaN as floats and go to bucket 0."""
    return 0 if d is None else min(round(max(d - BASE, 0) / WIDTH), COUNT - 1)


COUNTS = [sum(bucket(d) == b for d in CANDIDATES) for b in range(COUNT)]
STARTS = [sum(COUNTS[:b]) for b in range(COUNT + 1)]
# A counting sort is stable.
SORTED = sorted(CANDIDATES, key=bucket)
TOP = min(d for d in KNOWN if d >= HIGH)


def lookup(threshold):
    """Where the window starts, its least reached candidate, where that one's bucket ends, the
    answer, and how it was settled."""
    start = STARTS[bucket(threshold)]
    window = [d for d in SORTED[start : start + WINDOW] if d is not None and d >= threshold]
    found = min(window, default=None)
    rest = STARTS[bucket(found) + 1] if found is not None else None
    if rest is not None and rest <= start + WINDOW:
        return start, found, rest, found, "window"
    later = [d for d in SORTED[start:] if d is not None and d >= threshold]
    first = min((bucket(d) for d in later), default=COUNT - 1)
    if first == COUNT - 1:
        return start, found, rest, TOP, "top"
    return start, found, rest, min(d for d in later if bucket(d) == first), "rest of the bucket"


ANSWERS = [lookup(threshold)[3] for threshold in THRESHOLDS]

# What the page says about it.
assert (LEAST, MOST, LOW, HIGH, WIDTH, BASE, TOP) == (4, 97, 10, 60, 10, 0, 66)
assert COUNTS == [2, 3, 2, 6, 0, 2, 1, 4] and STARTS == [0, 2, 5, 7, 13, 13, 15, 16, 20]
assert ANSWERS == [min(d for d in KNOWN if d >= t) for t in THRESHOLDS] == [12, 24, 29, 47, 58, 66]
assert [lookup(t)[4] for t in THRESHOLDS] == ["window"] * 2 + ["rest of the bucket"] + ["window"] * 2 + [
    "top"
]
assert lookup(28)[1] == 31
