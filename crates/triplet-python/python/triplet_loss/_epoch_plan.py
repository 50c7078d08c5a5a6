"""The batches of an epoch of P x K sampling: groups of K rows of one class, P groups a rank and step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class EpochPlan:
    """The numbers of groups and steps of an epoch, over all ranks.

    A group is K rows of one class; a step is one batch of P groups on every rank.

    Args:
        members: The rows of each class.
        classes: P.
        rows: K.
        ranks: Batches in a step.
        steps: Steps in an epoch; None for as many as use every row.
    """

    def __init__(
        self, members: Sequence[Ints], classes: int, rows: int, ranks: int = 1, steps: int | None = None
    ):
        self.members, self.rows, self.ranks = members, rows, ranks
        self.sizes = np.array([m.size for m in members])
        # The largest number of groups of a class in a step: disjoint ones, and one a rank.
        self.groups_per_step = np.clip(self.sizes // rows, 1, ranks)
        self.step_groups = classes * ranks
        if self.groups_per_step.sum() < self.step_groups:
            raise ValueError(
                f"ranks is {ranks}: a step takes {ranks} x {classes} groups of {rows} rows of a class, but"
                f" the labels have {self.groups_per_step.sum()} without a common row: use fewer ranks, "
                "classes or rows"
            )
        complete = -(-self.sizes // rows)  # groups of each class that use all of its rows
        enough = max(-(-complete.sum() // self.step_groups), (-(-complete // self.groups_per_step)).max())
        self.steps = int(enough) if steps is None else steps
        if self.steps * self.step_groups * rows >= 2**53:
            raise ValueError(
                f"an epoch of {self.steps} batches of {classes} x {rows} rows on {ranks} ranks is too long: "
                "it must have fewer than 2**53 rows"
            )
        self.min_groups = complete if self.steps >= enough else np.zeros_like(complete)

    def epoch(self, rng: np.random.Generator) -> Iterator[list[list[int]]]:
        """The steps, each a batch of rows for every rank."""
        shuffled = [_ShuffledRows(members, rng) for members in self.members]
        remaining = self._quotas(rng)
        for steps in range(self.steps, 0, -1):
            batches: list[list[int]] = [[] for _ in range(self.ranks)]
            place = 0
            order = rng.permutation(remaining.size)
            groups = _groups_of_next_step(remaining[order], steps, rng)
            for number, times in zip(order[groups > 0].tolist(), groups[groups > 0].tolist()):
                # A single draw for all ranks, so that no row of the class is on two of them.
                drawn = shuffled[number].draw(times * self.rows)
                for start in range(0, len(drawn), self.rows):
                    batches[place % self.ranks] += drawn[start : start + self.rows]
                    place += 1
            remaining[order] -= groups
            yield batches

    def _quotas(self, rng: np.random.Generator) -> Ints:
        """Groups of each class in the epoch, such that rows occur equally often as far as possible."""
        total, most = self.steps * self.step_groups, self.steps * self.groups_per_step

        def at(level: float) -> NDArray[np.float64]:
            """Groups with which every row occurs `level` times, within the bounds of each class."""
            return np.clip(level * self.sizes / self.rows, self.min_groups, most)

        # Bisection for the level at which the groups add up to those of all steps.
        low, high = 0.0, float(total * self.rows)
        while low < (level := (low + high) / 2) < high:
            low, high = (low, level) if at(level).sum() >= total else (level, high)
        exact = at(high)
        quotas = np.floor(exact).astype(np.int64)
        # One more group for some classes at random, weighted by the fraction that was rounded off:
        # those whose exponential clocks, with the fraction as the rate, ring first.
        with np.errstate(divide="ignore"):
            clocks = rng.exponential(size=quotas.size) / (exact - quotas)
        quotas[np.argsort(clocks)[: total - int(quotas.sum())]] += 1
        return quotas


def _groups_of_next_step(remaining: Ints, steps: int, rng: np.random.Generator) -> Ints:
    """The numbers of groups of each class in the next of `steps` steps.

    Systematic sampling: `remaining / steps` of each class, rounded up or down at random with the
    right total. No class keeps more groups than the later steps can take.
    """
    ends = np.cumsum(remaining) + rng.integers(steps)
    return np.diff(ends // steps, prepend=0)


class _ShuffledRows:
    """The rows of a class in random order, shuffled again whenever all have been drawn."""

    __slots__ = ("members", "order", "place", "rng")

    def __init__(self, members: Ints, rng: np.random.Generator):
        self.members, self.rng = members, rng
        self.order: list[int] = []
        self.place = 0

    def draw(self, count: int) -> list[int]:
        """The next `count` rows; no row twice, unless the class has fewer."""
        drawn: list[int] = []
        while len(drawn) < count:
            if self.place == len(self.order):
                fresh: list[int] = self.rng.permutation(self.members).tolist()
                if 0 < len(drawn) < len(fresh):  # rows of this draw go to the end of the new order
                    had = set(drawn)
                    fresh = [row for row in fresh if row not in had] + [row for row in fresh if row in had]
                self.order, self.place = fresh, 0
            taken = self.order[self.place : self.place + count - len(drawn)]
            self.place += len(taken)
            drawn += taken
        return drawn
