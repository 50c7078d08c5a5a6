"""The arithmetic of docs/numerics.md in NumPy and plain Python: slow, and to the last bit."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

# Bits of a float, and the exponent of the smallest.
PRECISION = {np.float32: (24, -149), np.float64: (53, -1074)}
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10


def rounded(value: Fraction, dtype: Any) -> float:
    """An exact number rounded once, to nearest even, subnormals kept."""
    bits, smallest = PRECISION[dtype]
    size = abs(value)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if Fraction(2) ** exponent > size:
        exponent -= 1
    quantum = max(exponent - bits + 1, smallest)
    return math.copysign(math.ldexp(round(size / Fraction(2) ** quantum), quantum), value)


def fma_exact(a: float, b: float, c: float, dtype: Any) -> float:
    """`fma(a, b, c)` by fractions; an exact zero has the sign that IEEE-754 gives it."""
    if a == 0 or b == 0:
        return a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return rounded(exact, dtype) if exact else 0.0


def two_sum(a: Any, b: Any) -> Any:
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def sum_to_odd(a: Any, b: Any) -> Any:
    """`a + b` in f64, rounded to odd."""
    total, error = two_sum(a, b)
    even = total.view(np.uint64) & 1 == 0
    return np.where((error != 0) & even, np.nextafter(total, np.copysign(np.inf, error)), total)


def two_product(a: Any, b: Any) -> Any:
    split = [(f * 134217729.0) - ((f * 134217729.0) - f) for f in (a, b)]
    (a1, b1), product = split, a * b
    a2, b2 = a - a1, b - b1
    return product, a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2)


def fma(a: Any, b: Any, c: Any, dtype: Any) -> Any:
    """`fma` of arrays (Boldo and Melquiond, 2008); by fractions where f64 may lose a part."""
    shape = np.broadcast_shapes(*map(np.shape, (a, b, c)))
    a, b, c = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, np.float64)) for v in (a, b, c)))
    if dtype == np.float32:
        return sum_to_odd(a * b, c).astype(np.float32).reshape(shape)
    with np.errstate(all="ignore"):
        high, low = two_product(a, b)
        upper, rest = two_sum(c, low)
        upper, lower = two_sum(high, upper)
        found = upper + sum_to_odd(rest, lower)
        zero = (a == 0) | (b == 0)
        found = np.where(zero, a * b + c, found)
        usual = [(abs(v) > 1e-240) & (abs(v) < 1e280) for v in (a, b, high, np.where(c == 0, 1, c))]
    for at in zip(*np.nonzero(~zero & ~np.logical_and.reduce(usual))):
        found[at] = fma_exact(float(a[at]), float(b[at]), float(c[at]), dtype)
    return found.reshape(shape)


def chain(a: Any, b: Any, dtype: Any) -> Any:
    """Inner products along the last axis: one chain each, by ascending component."""
    total = np.zeros(np.broadcast_shapes(a.shape, b.shape)[:-1], dtype)
    for k in range(a.shape[-1]):
        total = fma(a[..., k], b[..., k], total, dtype)
    return total


def max0(v: Any) -> Any:
    return np.where(v > 0, v, np.zeros_like(v))


def exp(x: float) -> float:
    """`e_exp.c` of FreeBSD, which `libm` follows, for `x <= 0`; `math.exp` may differ in the last bit."""
    if x < -745.13321910194110842:
        return 0.0
    high, low, k = x, 0.0, 0
    if -x >= float.fromhex("0x1.62e43p-2"):
        k = int(1.44269504088896338700 * x - 0.5) if -x >= float.fromhex("0x1.0a2b2p+0") else -1
        high, low = x - k * LN2_HIGH, k * LN2_LOW
    elif -x < float.fromhex("0x1.00001p-28"):
        return 1 + x
    x = high - low
    s = x * x
    p = -1.65339022054652515390e-06 + s * 4.13813679705723846039e-08
    p = -2.77777777770155933842e-03 + s * (6.61375632143793436117e-05 + s * p)
    c = x - s * (1.66666666666666019037e-01 + s * p)
    return math.ldexp(1 + (x * c / (2 - c) - low + high), k)


def log1p(x: float) -> float:
    """`s_log1p.c` of FreeBSD, which `libm` follows, for `0 <= x <= 1`."""
    if x < 2.0**-53:
        return x
    k, c, f = 0, 0.0, x
    if x >= float.fromhex("0x1.a827ap-2"):
        k, u = 1, 1 + x
        c, f = (x - (u - 1)) / u, u / 2 - 1
    half = 0.5 * f * f
    s = f / (2 + f)
    z = s * s
    w = z * z
    t1 = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    t2 = 1.818357216161805012e-01 + w * 1.479819860510658591e-01
    t2 = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * t2))
    return s * (half + (t2 + t1)) + (k * LN2_LOW + c) - half + f + k * LN2_HIGH


def softplus(v: float) -> tuple[float, float]:
    """The term of the soft margin, and its derivative."""
    tail = exp(-abs(v))
    return max(v, 0.0) + log1p(tail), (1 if v >= 0 else tail) / (1 + tail)


class Rows:
    """Embeddings as the distance takes them."""

    def __init__(self, labels: Any, x: Any, distance: str) -> None:
        self.labels, self.x, self.dtype = np.asarray(labels), x, x.dtype.type
        if distance == "angular":
            wide = x.astype(np.float64)
            squared = chain(wide, wide, np.float64)
            self.projected = squared >= 1e-12
            inverse = 1 / np.sqrt(np.maximum(squared, 1e-12))
            self.x = (wide * inverse[:, None]).astype(self.dtype)
            self.inverse = inverse.astype(self.dtype)


class Page:
    """The anchors of a batch against its own rows, or against other candidates."""

    def __init__(self, labels: Any, x: Any, distance: str, candidates: Any = None) -> None:
        """`candidates` are labels and rows."""
        self.anchors = Rows(labels, x, distance)
        self.square = candidates is None
        self.candidates = self.anchors if candidates is None else Rows(*candidates, distance)
        self.distance, self.dtype = distance, self.anchors.dtype
        a, b, dtype = self.anchors.x, self.candidates.x, self.dtype
        g = chain(a[:, None], b[None], dtype)
        if distance == "angular":
            self.searched = max0(dtype(1) - g)
        else:
            self.searched = max0((chain(a, a, dtype)[:, None] + chain(b, b, dtype)[None]) - dtype(2) * g)
        self.d = np.sqrt(self.searched) if distance == "l2" else self.searched

    def nearest(self, anchor: int, allowed: Any) -> int:
        """The lowest row of the smallest distance, -1 for none."""
        found = np.flatnonzero(allowed)
        return int(found[np.argmin(self.searched[anchor, found])]) if len(found) else -1

    def farthest(self, anchor: int, allowed: Any) -> int:
        """The lowest row of the largest distance, -1 for none."""
        found = np.flatnonzero(allowed)
        return int(found[np.argmax(self.searched[anchor, found])]) if len(found) else -1

    def triplets(self, rule: str, margin: Any) -> list[tuple[int, int, int]]:
        """Anchor, positive, negative; for the hard rules a row may stand in for the negative."""
        found = []
        for i, label in enumerate(self.anchors.labels):
            negatives = self.candidates.labels != label
            positives = ~negatives
            if self.square:
                positives[i] = False
            if rule in ("hard", "hard-soft"):
                nearest = self.nearest(i, negatives) if negatives.any() else self.farthest(i, positives)
                found.append((i, self.farthest(i, positives), nearest))
                continue
            for j in np.flatnonzero(positives):
                beyond = self.searched[i] > self.searched[i, j]
                if rule == "semi-hard-literal":
                    beyond = self.d[i] > self.d[i, j] + margin
                k = self.nearest(i, negatives & beyond)
                found.append((i, int(j), k if k >= 0 else self.farthest(i, negatives)))
        return found

    def evaluate(self, margin: float, rule: str, weights: Any) -> dict[str, dict[str, Any]]:
        """For every reduction its loss, triplets and gradients, named as in `triplet_loss.evaluate`."""
        dtype, rows = self.dtype, len(self.anchors.labels)
        triplets = self.triplets(rule, dtype(margin))
        count = rows if rule in ("hard", "hard-soft") else len(triplets)
        sums, s = np.zeros(rows), np.zeros(self.d.shape)
        distances = np.zeros((2, len(triplets)), dtype)
        for at, (i, j, k) in enumerate(triplets):
            dp, dn = distances[:, at] = [self.d[i, m] if m >= 0 else dtype(0) for m in (j, k)]
            if rule == "hard-soft":
                term, slope = softplus(float(dp - dn))
            else:
                t = (dtype(margin) + dp) - dn
                term, slope = max0(t), float(t >= 0)
            sums[i] += float(dtype(term))
            for sign, m in ((1, j), (-1, k)):
                if m >= 0:
                    s[i, m] += sign * slope
        table = np.array(triplets, np.int64).reshape(-1, 3).T
        table[2, [not (self.candidates.labels != self.anchors.labels[i]).any() for i in table[0]]] = -1
        columns = dict(zip(("anchor", "positive", "negative"), table))
        columns |= dict(zip(("positive_distance", "negative_distance"), distances))

        # A scalar weight multiplies the sum and the scale; a weight of a row is one of its terms.
        each = weights is not None and np.ndim(weights) > 0
        w = weights if each else np.ones(rows)
        factor = 1.0 if each or weights is None else float(weights)
        c = s * w[:, None]
        if self.square:
            c = c + c.T
        if self.distance == "l2":
            wide = self.d.astype(np.float64)
            c = c * np.divide(1, wide, out=np.zeros_like(wide), where=wide != 0)
        c = c.astype(dtype)
        sides = {"gradient": (self.anchors, self.accumulated(c, self.anchors, self.candidates))}
        if not self.square:
            by_candidates = self.accumulated(c.T, self.candidates, self.anchors)
            sides["candidate_gradient"] = (self.candidates, by_candidates)

        total = 0.0
        for product in w * sums:
            total += float(product)
        total *= factor
        derivative = 2.0 if self.distance == "squared-l2" else 1.0
        # Without triplets all is 0.
        per_row, count = (rows / count, count) if count else (0.0, math.inf)
        found = {}
        for reduction, loss, divisor in (
            ("mean", dtype(total / count), count),
            ("sum", dtype(total * per_row), count / max(rows, 1)),
            ("none", (factor * w * sums * per_row).astype(dtype), count / max(rows, 1)),
        ):
            scale = dtype(derivative / divisor * factor)
            gradients = {name: self.scaled(acc, scale, own) for name, (own, acc) in sides.items()}
            found[reduction] = {"loss": loss, "candidate_gradient": None, **columns, **gradients}
        return found

    def accumulated(self, c: Any, own: Rows, others: Rows) -> Any:
        """The sums of the rows of a gradient."""
        acc = np.zeros_like(own.x)
        for m, other in enumerate(others.x):
            of_m, step = c[:, m, None], other if self.distance == "angular" else own.x - other
            acc = np.where(of_m != 0, fma(of_m, step, acc, self.dtype), acc)
        return acc

    def scaled(self, acc: Any, scale: Any, own: Rows) -> Any:
        """The rows of a gradient."""
        if self.distance != "angular":
            return acc * scale
        v = -acc * scale
        product = np.where(own.projected, chain(own.x, v, self.dtype), self.dtype(0))
        return fma(-product[:, None], own.x, v, self.dtype) * own.inverse[:, None]
