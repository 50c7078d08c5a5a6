"""Batches in which every class has several rows, so that there are triplets to mine.

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
from typing import Any

import numpy as np

from ._arguments import integer
from ._arrays import as_labels
from ._epoch_plan import EpochPlan

__all__ = ["PKSampler"]


class PKSampler:
    """Batches of P classes with K rows each, for ``DataLoader(..., batch_sampler=...)``.

    An epoch contains every row at least once: the rows of each class in a new random order, K at a
    time, the last K completed with rows of the next random order. Rows occur equally often as far as
    batches of P different classes allow: about once, unless a class has more than 1/P of the rows.
    As a class occurs only once in a batch, the epoch then has as many batches as that class needs,
    and the rows of the other classes occur repeatedly. A class of fewer than K rows contributes all
    of them, some repeatedly. With ``batches``, an epoch has that many batches instead.

    In a distributed run every rank has its own batches, the same number on each. In a step no row
    is on two ranks. A class is on two ranks only if there are fewer than P x ranks classes, or if it
    has more rows than one rank alone could use in the epoch. All ranks must be given the same
    labels, arguments and epochs. ``rank`` and ``ranks`` are read from ``torch.distributed`` when
    the first batch is drawn, if that is initialised by then.

    Two samplers with the same arguments give the same batches. Every iteration starts the next
    epoch at its first batch; ``set_epoch`` sets its number, as with torch's ``DistributedSampler``:
    resuming a training needs nothing else. A ``DataLoader`` with worker processes draws batches as
    soon as iteration starts, so the epoch has to be set before that.

    Lightning's Trainer accepts the sampler as it is, with ``use_distributed_sampler`` on or off.
    With a library that shards batch samplers itself, as accelerate does, pass ``rank=0, ranks=1``.

    Args:
        labels: One label a row of the dataset.
        classes: P, classes in a batch.
        rows: K, rows of each: at least 2, or there are no positives.
        batches: Batches of a rank in an epoch; None for as many as use every row.
        seed: Seed of the random order.
        rank: The rank of this process; None to read it from ``torch.distributed``.
        ranks: The number of ranks; None to read it from ``torch.distributed``.
        sampler: A ``DistributedSampler``, as passed by Lightning; only its rank and number of
            ranks are used. Other samplers are ignored.

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
        self._fixed_place = None if ranks is None else _checked_rank(rank, ranks)
        names, numbers = np.unique(as_labels(labels), return_inverse=True)
        if names.size == 0:
            raise ValueError("labels are empty: there is no row to make batches of")
        if self.classes > names.size:
            values = "1 value" if names.size == 1 else f"{names.size} different values"
            raise ValueError(f"classes is {self.classes} but the labels have {values}")
        order = np.argsort(numbers, kind="stable")
        self._members = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
        self._plans: dict[int, EpochPlan] = {}
        self._plan(self.place[1])  # raises now if no epoch is possible
        if type(self).__init__ is PKSampler.__init__:  # a subclass may take other arguments
            self._record_for_lightning(numbers)

    @property
    def place(self) -> tuple[int, int]:
        """The rank and the number of ranks, as given or as ``torch.distributed`` has them now."""
        return self._fixed_place or _distributed_rank()

    @property
    def batch_size(self) -> int:
        """Rows in a batch."""
        return self.classes * self.rows

    @property
    def batches(self) -> int:
        """Batches of this rank in an epoch, the same on every rank."""
        return self._plan(self.place[1]).steps

    @property
    def sampler(self) -> PKSampler:
        """The sampler itself: frameworks call ``set_epoch`` on this attribute of a batch sampler."""
        return self

    def __len__(self) -> int:
        return self.batches

    def set_epoch(self, epoch: int) -> None:
        """Sets the number of the epoch that the next iteration starts."""
        self.epoch = _integer(epoch, "epoch", 0, "it must not be negative", None)

    def __iter__(self) -> Iterator[list[int]]:
        # A generator reads the epoch at its first batch; Lightning sets the epoch after calling iter().
        rank, ranks = self.place
        # Every rank draws the batches of all ranks from the same random numbers and uses its own.
        rng = np.random.default_rng([self.seed, self.epoch])
        self.epoch += 1
        for batches in self._plan(ranks).epoch(rng):
            yield batches[rank]

    def _plan(self, ranks: int) -> EpochPlan:
        if ranks not in self._plans:
            self._plans[ranks] = EpochPlan(self._members, self.classes, self.rows, ranks, self._batches)
        return self._plans[ranks]

    def _record_for_lightning(self, labels: Any) -> None:
        """Stores the arguments from which Lightning constructs the sampler again, with its own `sampler`.

        Lightning itself records them only for subclasses of torch's samplers; a subclass here would
        have to import torch.
        """
        rank, ranks = self._fixed_place or (None, None)
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


_MAX_COUNT = 2**31 - 1
"""Upper bound of classes, rows, batches and ranks."""


def _integer(value: Any, name: str, least: int, why: str, most: int | None = _MAX_COUNT) -> int:
    return integer(value, name, least, why, most)


def _checked_rank(rank: Any, ranks: Any) -> tuple[int, int]:
    ranks = _integer(ranks, "ranks", 1, "there is at least 1")
    rank = _integer(rank, "rank", 0, "ranks are counted from 0")
    if rank >= ranks:
        raise ValueError(f"rank is {rank} but ranks is {ranks}: ranks are counted from 0")
    return rank, ranks


def _distributed_rank() -> tuple[int, int]:
    """Rank and number of ranks of this process, from torch if it has been imported."""
    torch = sys.modules.get("torch")
    if torch is None:
        return 0, 1
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()
