"""How an epoch of P x K batches is dealt: hands a class, classes a step, rows a hand.

A hand is K rows of one class; a step, one batch of P hands on every rank; an epoch, its steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Deal:
    """What an epoch consists of, on all ranks together.

    Args:
        members: The rows of each class.
        classes: P.
        rows: K.
        ranks: Batches in a step.
        steps: In an epoch; None for as many as deal out every row.
    """

    def __init__(
        self, members: Sequence[Ints], classes: int, rows: int, ranks: int = 1, steps: int | None = None
    ):
        self.members, self.rows, self.ranks = members, rows, ranks
        self.sizes = np.array([m.size for m in members])
        # Hands without a common row that a class can give to a step: one a rank at most.
        self.at_once = np.clip(self.sizes // rows, 1, ranks)
        self.hands = classes * ranks
        if self.at_once.sum() < self.hands:
            raise ValueError(
                f"ranks is {ranks}: a step takes {ranks} x {classes} hands of {rows} rows of a class, but the"
                f" labels have {self.at_once.sum()} without a common row: use fewer ranks, classes or rows"
            )
        whole = -(-self.sizes // rows)  # hands that deal out each class
        enough = max(-(-whole.sum() // self.hands), (-(-whole // self.at_once)).max())
        self.steps = int(enough) if steps is None else steps
        if self.steps * self.hands * rows >= 2**53:
            raise ValueError(
                f"an epoch of {self.steps} batches of {classes} x {rows} rows on {ranks} ranks is too long: "
                "it must have fewer than 2**53 rows"
            )
        self.least = whole if self.steps >= enough else np.zeros_like(whole)

    def epoch(self, rng: np.random.Generator) -> Iterator[list[list[int]]]:
        """The steps, each a batch of rows for every rank."""
        piles = [_Pile(members, rng) for members in self.members]
        left = self._quotas(rng)
        for remaining in range(self.steps, 0, -1):
            batches: list[list[int]] = [[] for _ in range(self.ranks)]
            place = 0
            order = rng.permutation(left.size)
            chosen = _spread(left[order], remaining, rng)
            for number, times in zip(order[chosen > 0].tolist(), chosen[chosen > 0].tolist()):
                # In one piece, so that ranks that have the same class have other rows of it.
                dealt = piles[number].draw(times * self.rows)
                for start in range(0, len(dealt), self.rows):
                    batches[place % self.ranks] += dealt[start : start + self.rows]
                    place += 1
            left[order] -= chosen
            yield batches

    def _quotas(self, rng: np.random.Generator) -> Ints:
        """Hands of each class in the epoch, such that rows come equally often as far as possible."""
        total, most = self.steps * self.hands, self.steps * self.at_once

        def at(level: float) -> NDArray[np.float64]:
            """With each row that often, but for classes that must give more or cannot."""
            return np.clip(level * self.sizes / self.rows, self.least, most)

        low, high = 0.0, float(total * self.rows)
        while low < (level := (low + high) / 2) < high:
            low, high = (low, level) if at(level).sum() >= total else (level, high)
        exact = at(high)
        quotas = np.floor(exact).astype(np.int64)
        # One more for some, by chance: the larger what was cut off, the likelier.
        with np.errstate(divide="ignore"):
            clocks = rng.exponential(size=quotas.size) / (exact - quotas)
        quotas[np.argsort(clocks)[: total - int(quotas.sum())]] += 1
        return quotas


def _spread(left: Ints, steps: int, rng: np.random.Generator) -> Ints:
    """How many hands each class gives to the next of some steps, which share them evenly.

    Systematic sampling: a class gives its share of a step, rounded up or down by chance. So no
    class has more left over than the later steps can take.
    """
    ends = np.cumsum(left) + rng.integers(steps)
    return np.diff(ends // steps, prepend=0)


class _Pile:
    """The rows of a class in random order; a new order where one ends."""

    __slots__ = ("members", "order", "place", "rng")

    def __init__(self, members: Ints, rng: np.random.Generator):
        self.members, self.rng = members, rng
        self.order: list[int] = []
        self.place = 0

    def draw(self, count: int) -> list[int]:
        """So many rows; none twice, unless the class has fewer."""
        drawn: list[int] = []
        while len(drawn) < count:
            if self.place == len(self.order):
                fresh: list[int] = self.rng.permutation(self.members).tolist()
                if 0 < len(drawn) < len(fresh):  # those that this draw has already come last
                    had = set(drawn)
                    fresh = [row for row in fresh if row not in had] + [row for row in fresh if row in had]
                self.order, self.place = fresh, 0
            taken = self.order[self.place : self.place + count - len(drawn)]
            self.place += len(taken)
            drawn += taken
        return drawn
