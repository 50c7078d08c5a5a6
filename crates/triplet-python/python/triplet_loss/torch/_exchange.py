"""Bytes between the ranks of a ``torch.distributed`` group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from .._arguments import first_line
from ._tensors import as_numpy


class LostRanks(RuntimeError):
    """Ranks that did not answer."""

    def __init__(self, ranks: list[int], reason: str):
        super().__init__(reason)
        self.ranks = ranks


class GroupExchange:
    """What the native module calls: each rank sends to and receives from each other one.

    Not the group's own collectives: a message of one rank to another fails with that rank alone, so that
    the one that is gone is known.
    """

    def __init__(self, group: Any = None):
        if not (dist.is_available() and dist.is_initialized()):
            raise RuntimeError(
                "there is no process group: start the program with torchrun and call "
                "torch.distributed.init_process_group('gloo') first"
            )
        if group is dist.GroupMember.NON_GROUP_MEMBER:
            raise ValueError("this process is not a member of the group")
        if group is not None and not isinstance(group, dist.ProcessGroup):
            raise TypeError(
                f"group is a {type(group).__name__}: expected None, or a process group as "
                "torch.distributed.new_group gives it"
            )
        backends = str(dist.get_backend_config(group))
        if "cpu:" not in backends:
            raise ValueError(
                f"the group's backend is {backends}, which cannot send tensors of the CPU: pass "
                "group=torch.distributed.new_group(backend='gloo')"
            )
        self._group = group
        self.rank, self.ranks = dist.get_rank(group), dist.get_world_size(group)
        self._peers = dist.get_process_group_ranks(dist.group.WORLD if group is None else group)
        self.received = 0
        """Bytes that other ranks have sent to this one."""

    def all_gather(self, stage: str, own: bytearray, lengths: Sequence[int]) -> NDArray[np.uint8]:
        """The bytes of every rank, one after the other."""
        mine = _tensor(own)
        gathered = torch.empty(sum(lengths), dtype=torch.uint8, device="cpu")
        incoming = _parts(gathered, lengths)
        incoming[self.rank].copy_(mine)
        self._transfer([mine] * self.ranks, incoming)
        return as_numpy(gathered, "bytes")

    def all_to_all(
        self, stage: str, parts: bytearray, lengths: Sequence[int], expected: Sequence[int]
    ) -> NDArray[np.uint8]:
        """What every rank has for this one, given what this one has for each."""
        outgoing = _parts(_tensor(parts), lengths)
        received = torch.empty(sum(expected), dtype=torch.uint8, device="cpu")
        incoming = _parts(received, expected)
        incoming[self.rank].copy_(outgoing[self.rank])
        self._transfer(outgoing, incoming)
        return as_numpy(received, "bytes")

    def _transfer(self, outgoing: Sequence[torch.Tensor], incoming: Sequence[torch.Tensor]) -> None:
        pending: list[tuple[int, Any]] = []
        lost: dict[int, Exception] = {}
        # All is sent before anything fails: no rank waits for one that has found another gone.
        for transfer, tensors in ((dist.irecv, incoming), (dist.isend, outgoing)):
            for other, tensor in enumerate(tensors):
                if other == self.rank or tensor.numel() == 0:
                    continue
                try:
                    pending.append((other, transfer(tensor, self._peers[other], group=self._group)))
                except RuntimeError as error:
                    lost.setdefault(other, error)
        for other, work in pending:
            try:
                work.wait()
            except RuntimeError as error:
                lost.setdefault(other, error)
        if lost:
            raise LostRanks(sorted(lost), first_line(next(iter(lost.values()))))
        self.received += sum(tensor.numel() for tensor in incoming) - incoming[self.rank].numel()


def _tensor(data: bytearray) -> torch.Tensor:
    if not data:
        return torch.empty(0, dtype=torch.uint8, device="cpu")
    return torch.frombuffer(data, dtype=torch.uint8)


def _parts(whole: torch.Tensor, lengths: Sequence[int]) -> list[torch.Tensor]:
    ends = list(accumulate(lengths))
    return [whole[end - length : end] for end, length in zip(ends, lengths)]
