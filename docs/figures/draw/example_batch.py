"""Eight rows of width 1 whose every distance is a whole number: the example of the page.

Mined and summed in the plainest way; what the page and its pictures print is asserted here.
"""

COORDINATES = [3, 6, 5, 0, 9, 4, 1, 7]
LABELS = ["a", "b", "a", "b", "c", "a", "c", "b"]
MARGIN = 4
ROWS = range(len(LABELS))
COLOURS = {"a": "blue", "b": "orange", "c": "green"}


def distance(i, k):
    """Squared distance."""
    return (COORDINATES[i] - COORDINATES[k]) ** 2


# Classes in order of first appearance, rows ascending within each.
CLASSES = list(dict.fromkeys(LABELS))
ORDER = [row for label in CLASSES for row in ROWS if LABELS[row] == label]


class Triplet:
    """One slot: anchor, positive, chosen negative, and what the hinge makes of them."""

    def __init__(self, anchor, positive):
        self.anchor, self.positive = anchor, positive
        self.near = distance(anchor, positive)
        negatives = [(distance(anchor, k), k) for k in ROWS if LABELS[k] != LABELS[anchor]]
        reached = [candidate for candidate in negatives if candidate[0] > self.near]
        self.fallback = not reached
        if reached:
            self.far, self.negative = min(reached)
        else:
            far, self.negative = min((-far, row) for far, row in negatives)
            self.far = -far
        self.term = MARGIN + self.near - self.far
        self.has_gradient = self.term >= 0


# In order of slots: anchors by position, positives ascending.
TRIPLETS = [
    Triplet(anchor, positive)
    for anchor in ORDER
    for positive in ORDER
    if positive != anchor and LABELS[positive] == LABELS[anchor]
]


def coefficients():
    """The symmetric matrix of pair coefficients: whole numbers, as there are no weights."""
    matrix = [[0] * len(LABELS) for _ in ROWS]
    for triplet in TRIPLETS:
        if triplet.has_gradient:
            for other, sign in ((triplet.positive, 1), (triplet.negative, -1)):
                matrix[triplet.anchor][other] += sign
                matrix[other][triplet.anchor] += sign
    return matrix


def chosen_by(row):
    """The anchors of triplets with a gradient that chose a row, by position."""
    return [t.anchor for t in TRIPLETS if t.has_gradient and t.negative == row]


# What the page says about it.
assert ORDER == [0, 2, 5, 1, 3, 7, 4, 6]
assert [t.negative for t in TRIPLETS] == [1, 6, 4, 7, 1, 1, 6, 5, 4, 4, 2, 6, 3, 7]
assert sum(max(t.term, 0) for t in TRIPLETS) == 70 and len(TRIPLETS) == 14  # The loss is 5.
assert [t.fallback for t in TRIPLETS].count(True) == 3
assert [chosen_by(row) for row in ROWS] == [[], [5, 5], [7], [], [], [1], [0, 1, 7], [2, 6]]
assert coefficients()[5] == [2, -3, 2, 0, 0, 0, 0, 0] and coefficients()[1] == [0, 0, 0, 1, 0, -3, -1, 2]
SUMS = [sum(c * (COORDINATES[r] - COORDINATES[m]) for m, c in zip(ROWS, coefficients()[r])) for r in ROWS]
assert SUMS == [-4, -7, 6, -13, 8, 6, 11, -7] and sum(SUMS) == 0
