"""The loss as autograd functions, for eager mode outside ``torch.func``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .._loss import Loss
from . import _graph
from ._modes import is_traced
from ._no_second_derivative import no_forward_mode, no_second_derivative
from ._tensors import cast_checked, embeddings_array, scalar

# Whether the running backward pass keeps its graph (retain_graph), so that another may follow.
_graph_is_kept = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True)


class CallInputs(NamedTuple):
    """The inputs besides the embeddings, in one object since autograd's overhead grows with arguments."""

    loss: Loss
    labels: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    dtype: torch.dtype


class ReducedLoss(torch.autograd.Function):
    """The reduced loss; its gradient is computed in the forward pass."""

    jvp = staticmethod(no_forward_mode)

    @staticmethod
    def forward(ctx: Any, embeddings: torch.Tensor, call: CallInputs) -> Any:
        loss, labels, weights, dtype = call
        native = loss.evaluate(labels, embeddings_array(embeddings), weights)
        ctx.save_for_backward(torch.from_numpy(native.gradient), embeddings)
        return scalar(native.loss, dtype)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        gradient, embeddings = ctx.saved_tensors
        if _needs_graph(upstream):
            return _graph.scaled_gradient(gradient, embeddings, upstream).to(embeddings.dtype), None
        # Usually 1, which needs no product. The powers of two of loss scalers multiply exactly.
        factor = upstream.item()
        if factor != 1.0:
            gradient = gradient * factor
        elif _graph_is_kept():
            gradient = gradient.clone()  # the caller may change it in place before the next pass
        return as_embedding_dtype(gradient, embeddings), None


class PerRowLoss(torch.autograd.Function):
    """The losses of the rows; the gradient depends on `upstream` and is computed in the backward pass."""

    jvp = staticmethod(no_forward_mode)

    @staticmethod
    def forward(ctx: Any, embeddings: torch.Tensor, call: CallInputs) -> Any:
        loss, labels, weights, dtype = call
        native = loss.evaluate(labels, embeddings_array(embeddings), weights, gradient=False)
        ctx.save_for_backward(embeddings)
        # Copies: autograd does not detect changes of these arrays before the backward pass.
        ctx.call = call._replace(labels=labels.copy(), weights=None if weights is None else weights.copy())
        return cast_checked(torch.from_numpy(native.losses), dtype)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        (embeddings,) = ctx.saved_tensors
        loss, labels, weights, _ = ctx.call
        if _needs_graph(upstream):
            gradient = _graph.vjp(loss, embeddings, torch.from_numpy(labels), weights, upstream)
            return gradient.to(embeddings.dtype), None
        factors = np.asarray(upstream.detach().double().numpy(), order="C")
        gradient = loss.vjp(labels, embeddings_array(embeddings), weights, factors)
        return as_embedding_dtype(torch.from_numpy(gradient), embeddings), None


def _needs_graph(upstream: torch.Tensor) -> bool:
    """Whether the gradient must be computed by operations that torch records or transforms."""
    return (upstream.requires_grad and torch.is_grad_enabled()) or is_traced(upstream)


def as_embedding_dtype(gradient: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
    """The gradient in the embeddings' type."""
    # Without grad mode the mark has no effect; avoid the overhead of the autograd function.
    if torch.is_grad_enabled():
        gradient = no_second_derivative(gradient, embeddings)
    return gradient if gradient.dtype is embeddings.dtype else gradient.to(embeddings.dtype)
