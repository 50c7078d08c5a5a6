"""The loss of a batch whose rows the processes of a ``torch.distributed`` group hold."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._against import Against
from .._native import NativeResult
from .._result import Statistics
from ._against import as_arrays, references
from ._memory import CrossBatchMemory
from ._modes import in_forward_mode
from ._modules import _TripletLoss
from ._ranks import Connection, RankCall, RankLoss, Shard
from ._tensors import embeddings_array, scalar

_DDP = ("mean", "sum", "none")


class DistributedTripletLoss(torch.nn.Module):
    """The loss of all ranks' rows as one batch, with the bits of one process.

    Every rank calls it with its own rows, which may be of different numbers, or none. Anchors,
    positives and negatives are those of the whole batch; the loss has the same value on every rank,
    and each rank's rows get their gradient of it, with what other ranks' anchors put on them.

    .. code-block:: python

        # torchrun --nproc-per-node 4 train.py
        torch.distributed.init_process_group("gloo")
        model = DistributedDataParallel(model)
        loss = DistributedTripletLoss(TripletSemiHardLoss(distance="l2"))
        loss(model(rows), labels).backward()

    The rows of all ranks are gathered once, each pair of them is looked at by one rank, and what the
    ranks find is exchanged: rows and flags, no matrices. All ranks must be given the same settings; a
    rank whose input is refused, or that dies, is named in the error that every other rank gets.

    Args:
        loss: A ``TripletSemiHardLoss`` or ``TripletHardLoss``, or a ``CrossBatchMemory`` of one: all
            ranks' rows then enter its bank, which stays the same on every rank.
        group: A process group whose backend takes tensors of the CPU, such as gloo; None for the
            default one. It is looked up at the first call.
        ddp: What is done with the gradients of the parameters afterwards: ``mean`` for
            ``DistributedDataParallel``, which takes their mean over the ranks, so that the gradient of
            the rows is multiplied by the number of ranks; ``sum`` if they are added up, and ``none``.
    """

    def __init__(self, loss: Any, group: Any = None, ddp: str = "mean"):
        super().__init__()
        if not isinstance(loss, (_TripletLoss, CrossBatchMemory)):
            raise TypeError(
                f"loss is a {type(loss).__name__}: expected a loss of triplet_loss.torch, or a memory of one"
            )
        if ddp not in _DDP:
            raise ValueError(f"ddp is {ddp!r}: expected one of {', '.join(map(repr, _DDP))}")
        self.loss = loss
        self.ddp = ddp
        self._group = group
        self._connected: Connection | None = None

    def __getstate__(self) -> dict[str, Any]:
        if self._group is not None:
            raise TypeError("a process group cannot be saved: save the loss inside, as .loss")
        return {**self.__dict__, "_connected": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> DistributedTripletLoss:
        """A copy in the same group, to which it connects by itself."""
        return DistributedTripletLoss(deepcopy(self.loss, memo), self._group, self.ddp)

    @property
    def statistics(self) -> Statistics | None:
        """Counts over all ranks' rows in the last call; None before the first."""
        return self._base.statistics

    @property
    def bytes_received(self) -> int:
        """Bytes that other ranks have sent to this one, in all calls."""
        return 0 if self._connected is None else self._connected.exchange.received

    @property
    def _base(self) -> _TripletLoss:
        loss = self.loss.loss if isinstance(self.loss, CrossBatchMemory) else self.loss
        assert isinstance(loss, _TripletLoss)
        return loss

    def forward(
        self,
        embeddings: torch.Tensor,
        labels: torch.Tensor,
        *,
        sample_weight: Any = None,
        enqueue_mask: torch.Tensor | None = None,
        ref_emb: torch.Tensor | None = None,
        ref_labels: Any = None,
        ids: Any = None,
        ref_ids: Any = None,
    ) -> torch.Tensor:
        """The loss of this rank's embeddings `[B_r, D]` and labels `[B_r]`, and of all others'.

        Labels are integers, and mean the same on every rank. ``sample_weight``: `[B_r]`, on every rank
        or on none; a scalar counts as that weight of every row, which may round otherwise than a scalar
        weight in one process. ``enqueue_mask`` goes with a ``CrossBatchMemory``. ``ref_emb`` are
        references that every rank has, as a call of the loss itself takes them; they are constants.
        """
        if torch.compiler.is_compiling():
            # Not a decorator: that would import the compiler with this module.
            outside = torch.compiler.disable(self._compared)
            value: torch.Tensor = outside(
                embeddings, labels, sample_weight, enqueue_mask, (ref_emb, ref_labels, ids, ref_ids)
            )
            return value
        return self._compared(
            embeddings, labels, sample_weight, enqueue_mask, (ref_emb, ref_labels, ids, ref_ids)
        )

    def _compared(
        self, embeddings: torch.Tensor, labels: Any, weights: Any, mask: Any, given: tuple[Any, ...]
    ) -> torch.Tensor:
        if self._connected is None:
            self._connected = Connection(self._group)
        connection = self._connected
        try:
            shard = Shard.of(self._base, embeddings, labels, weights)
            if isinstance(self.loss, CrossBatchMemory):
                self.loss._check_width(embeddings)
            against = self._references(shard, given)
            marks = self._marks(shard, mask)
        except BaseException as error:
            # Outside of a transform, which would intercept what is sent.
            with torch._C._DisableFuncTorch():
                connection.rank.refuse(f"{error}" or type(error).__name__)
            raise
        if isinstance(self.loss, CrossBatchMemory):
            return self._with_memory(connection, self.loss, shard, marks)
        if against is None:
            call = connection.square(shard)
        else:
            kind = "references" if against.ids is None else "references with ids"
            state = (against.rows.shape, str(against.rows.dtype))
            gathered = connection.gather(shard, kind, state)
            everyone = None
            if against.ids is not None:
                own = shard._replace(rows=np.zeros((len(shard.labels), 1), np.float32), labels=against.ids[0])
                everyone = connection.gather(own, "numbers", ()).labels, against.ids[1]
            call = connection.against(shard.plan, gathered, against._replace(ids=everyone, gradient=False))
        return self._value(connection, shard, call)

    def _references(self, shard: Shard, given: tuple[Any, ...]) -> Against | None:
        found = references(*given)
        if found is None:
            return None
        if isinstance(self.loss, CrossBatchMemory):
            raise ValueError("ref_emb is given, but the references of a memory are its rows")
        if self._base.device_transfer:
            found = found.transferred()
        numbers, against = as_arrays(torch.from_numpy(shard.labels), found, False)
        assert numbers is not None
        return against

    def _marks(self, shard: Shard, mask: Any) -> NDArray[np.bool_] | None:
        if mask is None:
            return None
        if not isinstance(self.loss, CrossBatchMemory):
            raise ValueError("enqueue_mask is given, but the loss is no CrossBatchMemory")
        marks: NDArray[np.bool_] = self.loss._checked_mask(mask, len(shard.labels)).numpy()
        return marks

    def _with_memory(
        self, connection: Connection, memory: CrossBatchMemory, shard: Shard, marks: Any
    ) -> torch.Tensor:
        gathered = connection.gather(shard, "memory bank", memory._summary(shard.embeddings.dtype), marks)
        anchors, entered = gathered, np.ones(len(gathered.labels), np.bool_)
        if marks is not None:
            assert gathered.marks is not None
            entered = gathered.marks
            anchors = gathered.only(~entered)
            kept = torch.from_numpy(~marks)
            shard = shard._replace(embeddings=shard.embeddings[kept])
        rows = torch.from_numpy(gathered.rows[entered]).to(shard.embeddings.dtype)
        classes = torch.from_numpy(gathered.labels[entered])

        heard = False

        def compare(places: torch.Tensor) -> torch.Tensor:
            nonlocal heard
            against = memory._candidates(len(anchors.labels), places if marks is None else None)
            if against is None:
                call = connection.gathered(shard.plan, anchors)
            else:
                bank, labels, ids = against
                others = Against(
                    labels.numpy(), embeddings_array(bank), (ids[0].numpy(), ids[1].numpy()), False
                )
                call = connection.against(shard.plan, anchors, others)
            heard = True
            return self._value(connection, shard, call)

        try:
            return memory._entering(rows, classes, compare)
        except BaseException:
            if not heard:
                filled = min(len(memory) + len(rows), memory.memory_size)
                connection.stop(shard.plan, anchors, filled >= memory.min_size)
            raise

    def _value(
        self, connection: Connection, shard: Shard, call: Callable[[bool], NativeResult]
    ) -> torch.Tensor:
        loss = self._base._loss
        if shard.needs_gradient or in_forward_mode():
            factor = float(connection.exchange.ranks) if self.ddp == "mean" else 1.0
            result: torch.Tensor = RankLoss.apply(shard.embeddings, RankCall(loss, call, factor, shard.dtype))
            return result.to(shard.device)
        native = call(False)
        loss.record(native)
        return scalar(native.loss, shard.dtype).to(shard.device)

    def extra_repr(self) -> str:
        """How gradients are put together."""
        return f"ddp={self.ddp!r}"
