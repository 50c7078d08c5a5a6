"""Gradients that cannot be differentiated again, and say so."""

from __future__ import annotations

from typing import Any

import torch

from .._loss import ONCE


class _Once(torch.autograd.Function):
    """The gradient, for autograd a function of the embeddings without a derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        raise NotImplementedError(ONCE)


def once(gradient: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
    """The gradient at `embeddings`, harmless until somebody differentiates it."""
    marked: torch.Tensor = _Once.apply(gradient, embeddings)
    return marked
