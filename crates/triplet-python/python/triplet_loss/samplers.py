"""Batches that have triplets in them.

>>> from triplet_loss.samplers import PKSampler
>>> batches = PKSampler([0, 0, 0, 1, 1, 1, 2, 2], classes=2, rows=2, seed=0)
>>> len(batches)
2
>>> sorted(map(len, batches))
[4, 4]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._arrays import as_labels

__all__ = ["PKSampler"]


class PKSampler:
    """Batches of P classes with K rows each, for ``DataLoader(..., batch_sampler=...)``.

    An epoch deals every class's rows out in a fresh order, K at a time; what is left over
    at its end waits for another epoch's order. A class of fewer than K rows gives all of
    them and repeats some. Two samplers with the same arguments give the same batches;
    ``set_epoch`` starts a certain epoch, as torch's ``DistributedSampler`` does.

    Args:
        labels: One label a row of the dataset.
        classes: P, classes in a batch.
        rows: K, rows of each: at least 2, or there are no positives.
        batches: Batches in an epoch; None for as many as deal each row out about once.
        seed: Of the order.
    """

    def __init__(self, labels: Any, classes: int, rows: int, *, batches: int | None = None, seed: int = 0):
        names, members = np.unique(as_labels(labels), return_inverse=True)
        if rows < 2:
            raise ValueError(f"rows is {rows}: a class needs at least 2 rows in a batch to have positives")
        if classes < 2:
            raise ValueError(f"classes is {classes}: a batch needs at least 2 classes to have negatives")
        if classes > names.size:
            raise ValueError(f"classes is {classes} but the labels have {names.size} different values")
        if batches is not None and batches < 1:
            raise ValueError(f"batches is {batches}: an epoch needs at least 1")
        order = np.argsort(members, kind="stable")
        self._members = np.split(order, np.cumsum(np.bincount(members))[:-1])
        self.classes, self.rows, self.seed = classes, rows, seed
        self.batches = max(1, members.size // (classes * rows)) if batches is None else batches
        self.epoch = 0

    def __len__(self) -> int:
        return self.batches

    def set_epoch(self, epoch: int) -> None:
        """Starts this epoch with the next iteration."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        self.epoch += 1
        hands = [self._dealt(members, rng) for members in self._members]
        waiting: list[int] = []
        for _ in range(self.batches):
            batch: list[int] = []
            chosen: list[int] = []
            while len(chosen) < self.classes:
                if not waiting:
                    waiting = rng.permutation(len(hands)).tolist()
                # A class that the last round ended with may not come twice in a batch.
                place = next((i for i, c in enumerate(waiting) if c not in chosen), None)
                if place is None:
                    waiting = []
                    continue
                chosen.append(waiting.pop(place))
            for number in chosen:
                batch.extend(next(hands[number]))
            yield batch

    def _dealt(self, members: Any, rng: np.random.Generator) -> Iterator[list[int]]:
        while True:
            order = rng.permutation(members)
            if order.size < self.rows:
                order = np.concatenate([order, rng.choice(members, self.rows - order.size)])
            for start in range(0, order.size - self.rows + 1, self.rows):
                yield order[start : start + self.rows].tolist()
