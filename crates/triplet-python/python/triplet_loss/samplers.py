"""Batches that have triplets in them.

>>> from triplet_loss.samplers import PKSampler
>>> batches = PKSampler([0, 0, 0, 1, 1, 1, 2, 2], classes=2, rows=2, seed=0)
>>> len(batches)
3
>>> [len(rows) for rows in batches]
[4, 4, 4]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from operator import index
from typing import Any

import numpy as np

from ._arrays import as_labels
from ._dealing import Deal
from ._label_errors import shown

__all__ = ["PKSampler"]


class PKSampler:
    """Batches of P classes with K rows each, for ``DataLoader(..., batch_sampler=...)``.

    An epoch deals out every row at least once: each class's rows in a fresh order, K at a time,
    the last of them filled up with rows of the next order. Rows come equally often as far as
    batches of P different classes allow; that is about once, unless a class has more than 1/P of
    the rows: as it can be only once in a batch, the epoch is as long as its rows need, and those
    of the other classes come again meanwhile. A class of fewer than K rows gives all of them and
    repeats some. With ``batches``, an epoch is cut off, or goes on, after so many.

    In a distributed run each rank has batches of its own, as many as every other. In a step no
    row is on two ranks; a class is only if there are fewer than P x ranks of them, or if it has
    more rows than one rank alone could deal out in the epoch. All ranks must be given the same
    labels, arguments and epochs. ``rank`` and ``ranks`` are looked up in ``torch.distributed``
    when the first batch is asked for, if that is initialised by then.

    Two samplers with the same arguments give the same batches. Every iteration starts the next
    epoch at its first batch; ``set_epoch`` says which, as with torch's ``DistributedSampler``: it
    is all that resuming a training needs. A ``DataLoader`` with worker processes asks for batches
    as soon as it is iterated, so its epoch has to be set before that.

    Lightning's Trainer takes the sampler as it is, with ``use_distributed_sampler`` or without.
    With a library that shards batch samplers itself, as accelerate does, pass ``rank=0, ranks=1``.

    Args:
        labels: One label a row of the dataset.
        classes: P, classes in a batch.
        rows: K, rows of each: at least 2, or there are no positives.
        batches: Batches of a rank in an epoch; None for as many as deal out every row.
        seed: Of the order.
        rank: Which of the ranks this is; None to look it up.
        ranks: How many there are; None to look it up.
        sampler: A ``DistributedSampler``, as Lightning passes one, for its rank and number of
            ranks; nothing else of it is used, and nothing of other samplers.

    Raises:
        ValueError: Numbers or labels from which no batch can be made.
        TypeError: Numbers that are no integers, or labels of a wrong kind.
    """

    drop_last = False
    """Every batch is whole."""

    def __init__(
        self,
        labels: Any,
        classes: int,
        rows: int,
        *,
        batches: int | None = None,
        seed: int = 0,
        rank: int | None = None,
        ranks: int | None = None,
        sampler: Any = None,
    ):
        self.classes = _integer(classes, "classes", 2, "a batch needs at least 2 classes to have negatives")
        self.rows = _integer(rows, "rows", 2, "a class needs at least 2 rows in a batch to have positives")
        self.seed = _integer(seed, "seed", 0, "it must not be negative", None)
        self.epoch = 0
        if batches is not None:
            batches = _integer(batches, "batches", 1, "an epoch needs at least 1")
        self._batches = batches
        if (rank is None) != (ranks is None):
            raise ValueError(f"rank is {rank} and ranks is {ranks}: give both, or neither")
        if ranks is None and hasattr(sampler, "num_replicas"):
            rank, ranks = sampler.rank, sampler.num_replicas
        self._place = None if ranks is None else _placed(rank, ranks)
        names, numbers = np.unique(as_labels(labels), return_inverse=True)
        if names.size == 0:
            raise ValueError("labels are empty: there is no row to make batches of")
        if self.classes > names.size:
            values = "1 value" if names.size == 1 else f"{names.size} different values"
            raise ValueError(f"classes is {self.classes} but the labels have {values}")
        order = np.argsort(numbers, kind="stable")
        self._members = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
        self._deals: dict[int, Deal] = {}
        self._deal(self.place[1])  # for its errors
        if type(self).__init__ is PKSampler.__init__:  # which takes these arguments
            self._tell_lightning(numbers)

    @property
    def place(self) -> tuple[int, int]:
        """The rank and the number of ranks, as given or as ``torch.distributed`` says now."""
        return self._place or _distributed()

    @property
    def batch_size(self) -> int:
        """Rows in a batch."""
        return self.classes * self.rows

    @property
    def batches(self) -> int:
        """Batches of this rank in an epoch, the same on every rank."""
        return self._deal(self.place[1]).steps

    @property
    def sampler(self) -> PKSampler:
        """Itself: where frameworks look for ``set_epoch``."""
        return self

    def __len__(self) -> int:
        return self.batches

    def set_epoch(self, epoch: int) -> None:
        """Starts this epoch with the next iteration."""
        self.epoch = _integer(epoch, "epoch", 0, "it must not be negative", None)

    def __iter__(self) -> Iterator[list[int]]:
        # A generator: it reads the epoch at the first batch, and Lightning sets that after asking for it.
        rank, ranks = self.place
        # Every rank deals for all, by the same numbers, and takes its own.
        rng = np.random.default_rng([self.seed, self.epoch])
        self.epoch += 1
        for batches in self._deal(ranks).epoch(rng):
            yield batches[rank]

    def _deal(self, ranks: int) -> Deal:
        if ranks not in self._deals:
            self._deals[ranks] = Deal(self._members, self.classes, self.rows, ranks, self._batches)
        return self._deals[ranks]

    def _tell_lightning(self, labels: Any) -> None:
        """Leaves what Lightning makes a batch sampler anew from, with a `sampler` of its own.

        It notes this of classes that inherit from torch's, which would have to be imported.
        """
        rank, ranks = self._place or (None, None)
        arguments = {
            "labels": labels,
            "classes": self.classes,
            "rows": self.rows,
            "batches": self._batches,
            "seed": self.seed,
            "rank": rank,
            "ranks": ranks,
            "sampler": None,
        }
        saved = {"args": (), "kwargs": arguments, "default_kwargs": {}, "arg_names": ()}
        vars(self).update({f"__pl_saved_{name}": value for name, value in saved.items()})


_MOST = 2**31 - 1
"""Of classes, rows, batches and ranks."""


def _integer(value: Any, name: str, least: int, why: str, most: int | None = _MOST) -> int:
    """An integer argument, not less than the least that makes sense."""
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{name} is a {type(value).__name__}: expected an integer") from None
    if number < least:
        raise ValueError(f"{name} is {number}: {why}")
    if most is not None and number > most:
        raise ValueError(f"{name} is {shown(number)}: at most {most} can be dealt out")
    return number


def _placed(rank: Any, ranks: Any) -> tuple[int, int]:
    ranks = _integer(ranks, "ranks", 1, "there is at least 1")
    rank = _integer(rank, "rank", 0, "ranks are counted from 0")
    if rank >= ranks:
        raise ValueError(f"rank is {rank} but ranks is {ranks}: ranks are counted from 0")
    return rank, ranks


def _distributed() -> tuple[int, int]:
    """Rank and number of ranks of this process; torch is asked, not imported."""
    torch = sys.modules.get("torch")
    if torch is None:
        return 0, 1
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()
