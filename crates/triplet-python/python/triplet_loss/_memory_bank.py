"""A memory bank of NumPy arrays: the rows of earlier batches as candidates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arguments import integer
from ._arrays import as_array, as_embeddings
from ._evaluate import evaluate
from ._label_errors import shown
from ._labels import as_integers
from ._result import Evaluation


class MemoryBank:
    """Compares each batch with the rows of earlier batches.

    >>> from triplet_loss import MemoryBank
    >>> bank = MemoryBank(embedding_size=2, memory_size=4)
    >>> rows = np.array([[0.0, 0.0], [1.0, 0.0]], np.float32)
    >>> bank.evaluate([0, 1], rows).statistics.positive_pairs
    0
    >>> bank.evaluate([1, 0], rows).statistics.positive_pairs
    2
    >>> len(bank), bank.labels.tolist()
    (4, [0, 1, 1, 0])

    ``triplet_loss.torch.CrossBatchMemory`` is the same for torch, and says more.

    Args:
        embedding_size: The width ``D`` of the rows.
        memory_size: How many rows are kept, at least as many as a batch has.
        dtype: The type that rows are kept in, float32 or float64.
    """

    def __init__(self, embedding_size: int, memory_size: int = 1024, dtype: Any = np.float32):
        for name, value in (("embedding_size", embedding_size), ("memory_size", memory_size)):
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} is {value!r}: expected an integer of at least 1")
        try:
            kind = np.dtype(dtype)
        except TypeError:
            raise TypeError(f"dtype is {shown(dtype)}: expected float32 or float64") from None
        if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise TypeError(f"dtype is {kind}: expected float32 or float64")
        try:
            self._rows = np.zeros((memory_size, embedding_size), kind)
        except ValueError:
            raise MemoryError(
                f"memory_size is {memory_size} and embedding_size is {embedding_size}: "
                "no array has so many values"
            ) from None
        self._labels = np.zeros(memory_size, np.int64)
        self._next = 0
        self._filled = 0

    def __len__(self) -> int:
        """How many rows it has."""
        return self._filled

    @property
    def embeddings(self) -> NDArray[Any]:
        """The rows, `[n, D]`, place by place: a view."""
        return self._rows[: self._filled]

    @property
    def labels(self) -> NDArray[np.int64]:
        """Their labels, `[n]`: a view."""
        return self._labels[: self._filled]

    def reset(self) -> None:
        """Forgets all rows."""
        self._next = self._filled = 0

    def state(self) -> dict[str, Any]:
        """All that a checkpoint needs: arrays and numbers, copied."""
        return {
            "embeddings": self._rows.copy(),
            "labels": self._labels.copy(),
            "next": self._next,
            "filled": self._filled,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave, of a bank of the same size and type."""
        if not isinstance(state, Mapping):
            raise TypeError(f"state is a {type(state).__name__}: expected what state() gives, a dict")
        missing = {"embeddings", "labels", "next", "filled"} - state.keys()
        if missing:
            raise ValueError(f"the state has no {', no '.join(sorted(missing))}: give all that state() gives")
        rows = as_array(state["embeddings"], "the state's embeddings")
        labels = as_array(state["labels"], "the state's labels")
        if rows.shape != self._rows.shape or rows.dtype != self._rows.dtype:
            raise ValueError(
                f"the state is of a bank of {rows.dtype}{list(rows.shape)}, this one is of "
                f"{self._rows.dtype}{list(self._rows.shape)}"
            )
        if labels.shape != self._labels.shape or labels.dtype != self._labels.dtype:
            raise ValueError(
                f"the labels of the state are {labels.dtype}{list(labels.shape)}: expected int64[{len(rows)}]"
            )
        place, filled = (integer(state[name], f"{name} of the state") for name in ("next", "filled"))
        whole = filled == len(rows) and 0 <= place < len(rows)
        if not (whole or 0 <= filled == place < len(rows)):
            raise ValueError(
                f"next and filled are {place} and {filled}: no bank of {len(rows)} rows has these"
            )
        self._rows[:], self._labels[:] = rows, labels
        self._next, self._filled = place, filled

    def evaluate(self, labels: Any, embeddings: Any, **settings: Any) -> Evaluation:
        """Puts a batch into the bank, in place of the oldest rows, and compares it with all rows there.

        Each row of the batch is an anchor, and all rows of the bank but the anchor itself are
        candidates. A call that raises leaves the bank as it was.

        Args:
            labels: ``[B]``: integers, booleans or floats that are whole numbers; text would get other
                numbers in every batch.
            embeddings: ``[B, D]``, at most ``memory_size`` rows; the gradient is that to them.
            settings: What ``triplet_loss.evaluate`` takes, but for candidates and ids.
        """
        taken = {"candidates", "candidate_labels", "ids", "candidate_ids", "candidate_gradient"} & set(
            settings
        )
        if taken:
            raise TypeError(f"{sorted(taken)[0]} is what the bank passes: it cannot be given")
        classes = as_integers(labels)
        rows, given = as_embeddings(embeddings)
        if rows.shape[1] != self._rows.shape[1]:
            raise ValueError(f"embeddings have width {rows.shape[1]}, the bank has {self._rows.shape[1]}")
        if given != self._rows.dtype:
            raise TypeError(f"embeddings have dtype {given.name}, the bank has {self._rows.dtype.name}")
        count, size = len(rows), len(self._rows)
        if len(classes) != count:
            raise ValueError(
                f"labels have shape [{len(classes)}] but embeddings have shape {list(rows.shape)}: "
                "one label a row is needed"
            )
        if count > size:
            raise ValueError(f"{count} rows do not fit a bank of {size}")
        # What is a view of the bank would change as its rows are written.
        rows = rows.copy() if np.may_share_memory(rows, self._rows) else rows
        classes = classes.copy() if np.may_share_memory(classes, self._labels) else classes
        places = (self._next + np.arange(count)) % size
        before = self._rows[places], self._labels[places]
        filled = min(size, self._filled + count)
        self._rows[places], self._labels[places] = rows, classes
        try:
            found = evaluate(
                classes,
                rows,
                candidates=self._rows[:filled],
                candidate_labels=self._labels[:filled],
                ids=places,
                candidate_ids=np.arange(filled),
                **settings,
            )
        except BaseException:
            self._rows[places], self._labels[places] = before
            raise
        self._next, self._filled = (self._next + count) % size, filled
        return found
