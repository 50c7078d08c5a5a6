"""A memory bank: the rows of earlier batches as candidates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._arguments import first_line
from .._labels import as_integers
from ._modules import _TripletLoss
from ._tensors import COMPUTE_DTYPES, check_embeddings, labels_array, on_cpu

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class CrossBatchMemory(torch.nn.Module):
    """Compares each batch with the rows of earlier batches (Wang et al., 2020, *Cross-batch memory*).

    >>> from triplet_loss.torch import CrossBatchMemory, TripletSemiHardLoss
    >>> memory = CrossBatchMemory(TripletSemiHardLoss(distance="l2"), embedding_size=2, memory_size=4)
    >>> rows = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    >>> memory(rows, torch.tensor([0, 1])).item()  # no two rows share a label yet
    0.0
    >>> memory(rows, torch.tensor([1, 0])).item()  # against four rows, two of them the batch's own
    1.0
    >>> len(memory)
    4

    The batch is put into the bank first, detached, in place of the oldest rows; then each of its rows
    is an anchor and all rows of the bank are candidates, but the anchor's own copy is not. The loss is
    divided by the pairs of an anchor and a positive candidate; the gradient goes to the batch.

    The arguments are those of pytorch-metric-learning's class, without its ``miner``, since the loss
    mines by itself. Other than there, ``state_dict`` has all of the state, a call that raises leaves
    the bank as it was, and an empty batch changes nothing.

    Args:
        loss: A ``TripletSemiHardLoss`` or ``TripletHardLoss``.
        embedding_size: The width ``D`` of the rows.
        memory_size: How many rows are kept, at least as many as a batch has.
        min_size: While the bank has fewer rows, calls give the loss of the batch by itself.
    """

    embedding_memory: torch.Tensor
    """The rows `[memory_size, D]`, in the type of the last batch."""
    label_memory: torch.Tensor
    """Their labels."""
    queue_idx: torch.Tensor
    """Where the next row goes."""
    filled: torch.Tensor
    """How many places hold a row."""

    def __init__(self, loss: Any, embedding_size: int, memory_size: int = 1024, *, min_size: int = 0):
        super().__init__()
        if not isinstance(loss, _TripletLoss):
            raise TypeError(f"loss is a {type(loss).__name__}: expected a loss of triplet_loss.torch")
        for name, value, least in (
            ("embedding_size", embedding_size, 1),
            ("memory_size", memory_size, 1),
            ("min_size", min_size, 0),
        ):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} is {value!r}: expected an integer of at least {least}")
        if min_size > memory_size:
            raise ValueError(f"min_size is {min_size}: a memory of {memory_size} never has so many rows")
        self.loss = loss
        self.embedding_size, self.memory_size, self.min_size = embedding_size, memory_size, min_size
        try:
            rows = torch.zeros(memory_size, embedding_size)
        except RuntimeError as error:
            raise MemoryError(
                f"memory_size is {memory_size} and embedding_size is {embedding_size}: "
                f"there is no memory for as many values ({first_line(error)})"
            ) from None
        self.register_buffer("embedding_memory", rows)
        self.register_buffer("label_memory", torch.zeros(memory_size, dtype=torch.int64))
        self.register_buffer("queue_idx", torch.zeros((), dtype=torch.int64))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    def __len__(self) -> int:
        """How many rows it has."""
        return int(self.filled)

    def reset(self) -> None:
        """Forgets all rows."""
        self.queue_idx.zero_()
        self.filled.zero_()

    def forward(
        self,
        embeddings: torch.Tensor,
        labels: torch.Tensor,
        indices_tuple: None = None,
        enqueue_mask: torch.Tensor | None = None,
        *,
        sample_weight: Any = None,
    ) -> torch.Tensor:
        """The loss of a batch `[B, D]` with labels `[B]` against the bank.

        With ``enqueue_mask``, `[B]` booleans, the True rows are only put into the bank, and the others
        are only anchors: ``sample_weight`` is theirs. ``indices_tuple`` must be None.
        """
        if indices_tuple is not None:
            raise TypeError("indices_tuple is given: this loss mines its triplets by itself")
        if torch.compiler.is_compiling():
            # Not a decorator: that would import the compiler with this module.
            outside = torch.compiler.disable(self._compared)
            value: torch.Tensor = outside(embeddings, labels, enqueue_mask, sample_weight)
            return value
        return self._compared(embeddings, labels, enqueue_mask, sample_weight)

    def _compared(
        self, embeddings: torch.Tensor, labels: Any, enqueue_mask: Any, sample_weight: Any
    ) -> torch.Tensor:
        check_embeddings(embeddings)
        if not self.loss.device_transfer:
            on_cpu(embeddings, "embeddings")
        self._check_width(embeddings)
        classes = torch.from_numpy(self._classes(labels))
        if len(classes) != len(embeddings):
            raise ValueError(
                f"labels have shape [{len(classes)}] but embeddings have shape {list(embeddings.shape)}: "
                "one label a row is needed"
            )
        if enqueue_mask is None:
            return self._step(embeddings, classes, embeddings, classes, True, sample_weight)
        mask = self._checked_mask(enqueue_mask, len(classes))
        anchors = ~mask
        return self._step(
            embeddings[anchors], classes[anchors], embeddings[mask], classes[mask], False, sample_weight
        )

    def _step(
        self,
        anchors: torch.Tensor,
        anchor_labels: torch.Tensor,
        rows: torch.Tensor,
        row_labels: torch.Tensor,
        anchors_are_rows: bool,
        sample_weight: Any,
    ) -> torch.Tensor:

        def compare(places: torch.Tensor) -> torch.Tensor:
            # An anchor that is not in the bank has an id of its own.
            against = self._candidates(len(anchors), places if anchors_are_rows else None)
            if against is None:
                return self.loss(anchors, anchor_labels, sample_weight=sample_weight)
            bank, labels, (ids, ref_ids) = against
            # The backward pass computes the gradients of each row's loss, and the bank may change before.
            bank = bank.clone() if self.loss.reduction == "none" else bank
            references = {"ref_emb": bank, "ref_labels": labels, "ids": ids, "ref_ids": ref_ids}
            return self.loss(anchors, anchor_labels, sample_weight=sample_weight, **references)

        return self._entering(rows, row_labels, compare)

    def _entering(
        self, rows: torch.Tensor, labels: torch.Tensor, compare: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """Puts rows into the bank and compares with it, given their places; an error takes them out again."""
        count = len(rows)
        if count > self.memory_size:
            raise ValueError(f"{count} rows do not fit a memory of {self.memory_size}")
        places = (int(self.queue_idx) + torch.arange(count, device="cpu")) % self.memory_size
        before = self._state(places)
        try:
            self._put(rows, labels, places)
            return compare(places)
        except BaseException:
            self._restore(places, before)
            raise

    def _candidates(
        self, anchors: int, places: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor]] | None:
        """Rows and labels of the bank, and the ids of anchors, which are at some places or not in it, and
        of its rows; None while it has too few."""
        filled = len(self)
        if filled < self.min_size:
            return None
        ids = places if places is not None else -1 - torch.arange(anchors, device="cpu")
        known = torch.arange(filled, device="cpu")
        return self.embedding_memory[:filled].cpu(), self.label_memory[:filled].cpu(), (ids, known)

    @staticmethod
    def _checked_mask(enqueue_mask: Any, rows: int) -> torch.Tensor:
        try:
            mask = torch.as_tensor(enqueue_mask, device="cpu")
        except (RuntimeError, TypeError, ValueError) as error:
            raise TypeError(
                f"enqueue_mask cannot be read as one boolean for each of {rows} rows: {first_line(error)}"
            ) from None
        if mask.dtype is not torch.bool or mask.shape != (rows,):
            raise ValueError(
                f"enqueue_mask has dtype {mask.dtype} and shape {list(mask.shape)}: expected one boolean for "
                f"each of {rows} rows"
            )
        return mask

    def _check_width(self, embeddings: torch.Tensor) -> None:
        if embeddings.shape[1] != self.embedding_size:
            raise ValueError(
                f"embeddings have width {embeddings.shape[1]}, the memory has {self.embedding_size}"
            )

    def _summary(self, dtype: torch.dtype) -> tuple[Any, ...]:
        """What ranks whose banks are the same have in common, and the type of the rows to come."""
        filled, queue_idx = len(self), int(self.queue_idx)
        return self.embedding_size, self.memory_size, self.min_size, filled, queue_idx, str(dtype)

    def _state(self, places: torch.Tensor) -> tuple[torch.Tensor, ...]:
        memory = self.embedding_memory
        return (
            memory,
            memory[places],
            self.label_memory[places],
            self.queue_idx.clone(),
            self.filled.clone(),
        )

    def _put(self, rows: torch.Tensor, labels: torch.Tensor, places: torch.Tensor) -> None:
        rows = rows.detach()
        self._take_dtype(rows.dtype)
        self.embedding_memory[places] = rows.to(self.embedding_memory.device)
        self.label_memory[places] = labels.to(self.label_memory.device)
        self.queue_idx.copy_((self.queue_idx + len(rows)) % self.memory_size)
        self.filled.copy_(torch.clamp(self.filled + len(rows), max=self.memory_size))

    def _take_dtype(self, dtype: torch.dtype) -> None:
        if self.embedding_memory.dtype is not dtype:
            with torch.inference_mode(False):  # whose tensors no training step could change
                self.embedding_memory = self.embedding_memory.to(dtype)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """The bank takes the type of the rows that are loaded, so that none is rounded.

        What is refused leaves it as it was.
        """
        _, strict, missing, _, errors = rest
        given = {name: state_dict.get(prefix + name, own) for name, own in self.named_buffers(recurse=False)}
        if all(isinstance(value, torch.Tensor) for value in given.values()):
            reason = self._refusal(**given)
            if reason:
                errors.append(f"{prefix}{reason}")
                return
        with torch.inference_mode(False):
            before = {name: own.clone() for name, own in self.named_buffers(recurse=False)}
        if isinstance(given["embedding_memory"], torch.Tensor):
            self._take_dtype(given["embedding_memory"].dtype)
        found = len(errors), len(missing)
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if len(errors) > found[0] or (strict and len(missing) > found[1]):
            for name, own in before.items():
                setattr(self, name, own)

    def _refusal(
        self,
        embedding_memory: torch.Tensor,
        label_memory: torch.Tensor,
        queue_idx: torch.Tensor,
        filled: torch.Tensor,
    ) -> str:
        """What no memory of this size has; empty for a state that one may have."""
        if embedding_memory.dtype not in COMPUTE_DTYPES:
            return f"embedding_memory has dtype {embedding_memory.dtype}: expected that of embeddings"
        for name, value in (("label_memory", label_memory), ("queue_idx", queue_idx), ("filled", filled)):
            if value.dtype not in _INTEGERS:
                return f"{name} has dtype {value.dtype}: expected int64"
        if queue_idx.numel() != 1 or filled.numel() != 1 or queue_idx.is_meta or filled.is_meta:
            return ""  # torch compares the shapes
        place, count, size = int(queue_idx), int(filled), self.memory_size
        if (count == size and 0 <= place < size) or 0 <= count == place < size:
            return ""
        return f"queue_idx and filled are {place} and {count}: no memory of {size} rows has these"

    def _classes(self, labels: Any) -> NDArray[np.int64]:
        return self._classes_of(self.loss, labels)

    @staticmethod
    def _classes_of(loss: Any, labels: Any) -> NDArray[np.int64]:
        """Labels that are the same numbers in every call."""
        if not isinstance(labels, torch.Tensor):
            return as_integers(labels)
        return labels_array(labels.cpu() if loss.device_transfer else labels)

    def _restore(self, places: torch.Tensor, before: tuple[torch.Tensor, ...]) -> None:
        memory, rows, labels, queue_idx, filled = before
        self.embedding_memory = memory
        self.embedding_memory[places] = rows
        self.label_memory[places] = labels
        self.queue_idx.copy_(queue_idx)
        self.filled.copy_(filled)

    def extra_repr(self) -> str:
        """Its size."""
        return (
            f"embedding_size={self.embedding_size}, memory_size={self.memory_size}, min_size={self.min_size}"
        )
