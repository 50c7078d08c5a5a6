"""The loss as an autograd function: what runs outside ``torch.compile``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .._loss import Loss
from ._tensors import embeddings_array, fitting, scalar


class Reduced(torch.autograd.Function):
    """One loss for the batch; the gradient is computed with it."""

    @staticmethod
    def forward(ctx: Any, embeddings: torch.Tensor, loss: Loss, labels: Any, weights: Any, dtype: Any) -> Any:
        outcome = loss.evaluate(labels, embeddings_array(embeddings), weights)
        ctx.save_for_backward(torch.from_numpy(outcome.gradient))
        ctx.dtype = embeddings.dtype
        return scalar(outcome.loss, dtype)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        (gradient,) = ctx.saved_tensors
        # Most often 1, which costs nothing. A power of two, as a loss scaler uses, is exact.
        factor = upstream.item()
        if factor != 1.0:
            gradient = gradient * factor
        return _once(gradient, upstream).to(ctx.dtype), None, None, None, None


class PerRow(torch.autograd.Function):
    """A loss a row. What the objective does with them is known in the backward pass only."""

    @staticmethod
    def forward(ctx: Any, embeddings: torch.Tensor, loss: Loss, labels: Any, weights: Any, dtype: Any) -> Any:
        outcome = loss.evaluate(labels, embeddings_array(embeddings), weights, gradient=False)
        ctx.save_for_backward(embeddings)
        ctx.loss, ctx.labels, ctx.weights = loss, labels, weights
        return fitting(torch.from_numpy(outcome.losses), dtype)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        (embeddings,) = ctx.saved_tensors
        factors = np.asarray(upstream.detach().double().numpy(), order="C")
        gradient = ctx.loss.pull(ctx.labels, embeddings_array(embeddings), ctx.weights, factors)
        return _once(torch.from_numpy(gradient), upstream).to(embeddings.dtype), None, None, None, None


class _Once(torch.autograd.Function):
    """A gradient that cannot be differentiated again."""

    @staticmethod
    def forward(ctx: Any, gradient: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        raise NotImplementedError(
            "triplet losses can be differentiated once: their gradient jumps where another negative is "
            "chosen; drop create_graph=True, or detach the gradient"
        )


def _once(gradient: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
    if not torch.is_grad_enabled():
        return gradient
    # With create_graph=True: harmless until somebody differentiates the result.
    marked: torch.Tensor = _Once.apply(gradient, upstream + torch.zeros_like(upstream, requires_grad=True))
    return marked
