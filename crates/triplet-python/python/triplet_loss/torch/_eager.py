"""The loss as an autograd function: what runs outside ``torch.compile``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .._loss import Loss
from . import _graph
from ._modes import is_traced
from ._once import no_forward_mode, once
from ._tensors import embeddings_array, fitting, scalar

# Whether the backward pass that runs may be followed by another over the same graph.
_graph_is_kept = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True)


class Call(NamedTuple):
    """What a call is made with besides embeddings: autograd takes time for each argument."""

    loss: Loss
    labels: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    dtype: torch.dtype


class Reduced(torch.autograd.Function):
    """One loss for the batch; the gradient is computed with it."""

    jvp = staticmethod(no_forward_mode)

    @staticmethod
    def forward(ctx: Any, embeddings: torch.Tensor, call: Call) -> Any:
        loss, labels, weights, dtype = call
        outcome = loss.evaluate(labels, embeddings_array(embeddings), weights)
        ctx.save_for_backward(torch.from_numpy(outcome.gradient), embeddings)
        return scalar(outcome.loss, dtype)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        gradient, embeddings = ctx.saved_tensors
        if _is_followed(upstream):
            return _graph.scaled(gradient, embeddings, upstream).to(embeddings.dtype), None
        # Most often 1, which costs nothing. A power of two, as a loss scaler uses, is exact.
        factor = upstream.item()
        if factor != 1.0:
            gradient = gradient * factor
        elif _graph_is_kept():
            gradient = gradient.clone()  # what is done to one pass's gradient is not the next one's
        return answered(gradient, embeddings), None


class PerRow(torch.autograd.Function):
    """A loss a row. What the objective does with them is known in the backward pass only."""

    jvp = staticmethod(no_forward_mode)

    @staticmethod
    def forward(ctx: Any, embeddings: torch.Tensor, call: Call) -> Any:
        loss, labels, weights, dtype = call
        outcome = loss.evaluate(labels, embeddings_array(embeddings), weights, gradient=False)
        ctx.save_for_backward(embeddings)
        # Copies: nobody would notice if these changed until the backward pass.
        ctx.call = call._replace(labels=labels.copy(), weights=None if weights is None else weights.copy())
        return fitting(torch.from_numpy(outcome.losses), dtype)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        (embeddings,) = ctx.saved_tensors
        loss, labels, weights, _ = ctx.call
        if _is_followed(upstream):
            pulled = _graph.pull(loss, embeddings, torch.from_numpy(labels), weights, upstream)
            return pulled.to(embeddings.dtype), None
        factors = np.asarray(upstream.detach().double().numpy(), order="C")
        gradient = loss.pull(labels, embeddings_array(embeddings), weights, factors)
        return answered(torch.from_numpy(gradient), embeddings), None


def _is_followed(upstream: torch.Tensor) -> bool:
    """Whether the derivative from above is a tensor that torch must see at work, not just its numbers."""
    return (upstream.requires_grad and torch.is_grad_enabled()) or is_traced(upstream)


def answered(gradient: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
    """The gradient in the embeddings' type."""
    # Asked first, since what is not called costs nothing.
    if torch.is_grad_enabled():
        gradient = once(gradient, embeddings)
    return gradient if gradient.dtype is embeddings.dtype else gradient.to(embeddings.dtype)
