"""One rank: its rows, those of all ranks, the calls of the native module, and the gradient."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .. import _engine
from .._against import Against
from .._loss import Loss
from .._native import NativeResult, Plan, Rank
from ._eager import as_embedding_dtype
from ._exchange import GroupExchange
from ._functional import checked_dtype
from ._memory import CrossBatchMemory
from ._modes import is_traced
from ._modules import _TripletLoss
from ._no_second_derivative import no_forward_mode
from ._tensors import embeddings_array, on_cpu, scalar, weights_array


class Shard(NamedTuple):
    """This rank's rows."""

    embeddings: torch.Tensor
    rows: NDArray[Any]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    plan: Plan
    dtype: torch.dtype
    device: torch.device

    @property
    def needs_gradient(self) -> bool:
        """Whether the gradient to them will be asked for."""
        return bool(self.embeddings.requires_grad and torch.is_grad_enabled())

    @classmethod
    def of(cls, base: _TripletLoss, embeddings: Any, labels: Any, weights: Any) -> Shard:
        loss = base._loss.on_torch().with_current_margin()
        if loss.settings.reduction == "none":
            raise ValueError('reduction is "none": ranks compute one loss; choose "mean" or "sum"')
        device = embeddings.device if isinstance(embeddings, torch.Tensor) else torch.device("cpu")
        if base.device_transfer and isinstance(embeddings, torch.Tensor):
            embeddings = embeddings.cpu()
            labels, weights = (x.cpu() if isinstance(x, torch.Tensor) else x for x in (labels, weights))
        dtype = checked_dtype(embeddings, weights)
        on_cpu(embeddings, "embeddings")
        if is_traced(embeddings):
            raise NotImplementedError(
                "ranks cannot be transformed or recorded (torch.func, vmap, make_fx, export): call the loss "
                "in eager mode, or within torch.compile, which leaves its graph for the call"
            )
        classes = CrossBatchMemory._classes_of(base, labels)
        factors = None if weights is None else _per_row(weights_array(weights), len(embeddings))
        return cls(embeddings, embeddings_array(embeddings), classes, factors, loss.plan, dtype, device)


def _per_row(weights: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Weights of the shapes that a call of the loss takes, one a row."""
    if weights.ndim == 0:
        return np.full(rows, float(weights))
    if weights.shape not in ((rows,), (rows, 1)):
        raise ValueError(
            f"sample_weight has shape {list(weights.shape)}: expected [], [{rows}] or [{rows}, 1]"
        )
    return np.ascontiguousarray(weights.reshape(rows))


class _All(NamedTuple):
    """The rows of all ranks."""

    rows: NDArray[Any]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    marks: NDArray[np.bool_] | None
    starts: list[int]
    gradient: bool
    """Whether any rank asks for the gradient."""

    @property
    def native(self) -> tuple[Any, ...]:
        """As the native module takes them."""
        return self.labels, self.rows, self.weights, self.starts, self.gradient

    def only(self, kept: NDArray[np.bool_]) -> _All:
        """Some of the rows."""
        before = np.concatenate([[0], np.cumsum(kept)])
        weights = None if self.weights is None else self.weights[kept]
        starts = [int(before[start]) for start in self.starts]
        return _All(self.rows[kept], self.labels[kept], weights, None, starts, self.gradient)


class Connection:
    """A group, and this rank in it."""

    def __init__(self, group: Any):
        self.exchange = GroupExchange(group)
        self.rank = Rank(self.exchange, self.exchange.rank, self.exchange.ranks)

    def square(self, shard: Shard) -> Callable[[bool], NativeResult]:
        """All rows against each other."""
        _, rows, labels, weights, plan, *_ = shard
        return lambda gradient: self.rank.evaluate(_engine.engine, plan, labels, rows, weights, gradient)

    def gather(
        self, shard: Shard, kind: str, state: tuple[Any, ...], marks: NDArray[np.bool_] | None = None
    ) -> _All:
        """The rows of all ranks, which will be compared with this kind of rows, of a state that all have."""
        digest = int.from_bytes(sha256(repr(state).encode()).digest()[:8], "little")
        given = shard.plan, shard.labels, shard.rows, shard.weights, marks, kind, digest, shard.needs_gradient
        return _All._make(self.rank.gather(*given))

    def stop(self, plan: Plan, anchors: _All, against: bool) -> None:
        """Tells the other ranks that this one cannot evaluate what was gathered."""
        self.rank.stop(plan, anchors.native, against)

    def gathered(self, plan: Plan, anchors: _All) -> Callable[[bool], NativeResult]:
        """Gathered rows against each other."""
        return lambda gradient: self.rank.evaluate_gathered(_engine.engine, plan, anchors.native, gradient)

    def against(self, plan: Plan, anchors: _All, others: Against) -> Callable[[bool], NativeResult]:
        """Gathered rows against what every rank has."""
        return lambda gradient: self.rank.evaluate_gathered(
            _engine.engine, plan, anchors.native, gradient, others
        )


class RankCall(NamedTuple):
    """The inputs besides the embeddings."""

    loss: Loss
    evaluate: Callable[[bool], NativeResult]
    factor: float
    dtype: torch.dtype


class RankLoss(torch.autograd.Function):
    """The loss; the gradient to this rank's rows is computed in the forward pass."""

    jvp = staticmethod(no_forward_mode)

    @staticmethod
    def forward(ctx: Any, embeddings: torch.Tensor, call: RankCall) -> Any:
        native = call.evaluate(True)
        call.loss.record(native)
        ctx.factor = call.factor
        ctx.save_for_backward(torch.from_numpy(native.gradient), embeddings)
        return scalar(native.loss, call.dtype)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        gradient, embeddings = ctx.saved_tensors
        if is_traced(upstream):
            raise NotImplementedError("the gradient of ranks cannot be batched or transformed: call backward")
        return as_embedding_dtype(gradient * (upstream.item() * ctx.factor), embeddings), None
