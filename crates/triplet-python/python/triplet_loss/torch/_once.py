"""Gradients that cannot be differentiated by the embeddings again, and say so."""

from __future__ import annotations

from typing import Any

import torch

from .._loss import ONCE


class _Once(torch.autograd.Function):
    """Values that autograd takes for a function of the embeddings, without a derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(values: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
        return values.view_as(values)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        raise NotImplementedError(ONCE)


def once(values: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
    """Values at `embeddings`, harmless until somebody differentiates them by the embeddings."""
    marked: torch.Tensor = _Once.apply(values, embeddings)
    return marked


def no_forward_mode(*_: Any) -> Any:
    """The `jvp` of the losses."""
    raise NotImplementedError(
        "triplet losses have no forward mode (jvp, jacfwd): use reverse mode, as vjp, grad or jacrev do"
    )
