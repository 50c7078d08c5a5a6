"""Marks gradients so that a second derivative by the embeddings raises an error."""

from __future__ import annotations

from typing import Any

import torch

from .._loss import NO_SECOND_DERIVATIVE


class _NoSecondDerivative(torch.autograd.Function):
    """The identity of `values`, recorded as a function of the embeddings whose derivative is an error."""

    generate_vmap_rule = True

    @staticmethod
    def forward(values: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
        return values.view_as(values)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        raise NotImplementedError(NO_SECOND_DERIVATIVE)


def no_second_derivative(values: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
    """The same values; differentiating them by the embeddings raises an error."""
    marked: torch.Tensor = _NoSecondDerivative.apply(values, embeddings)
    return marked


def no_forward_mode(*_: Any) -> Any:
    """The `jvp` of the losses: an error."""
    raise NotImplementedError(
        "triplet losses have no forward mode (jvp, jacfwd): use reverse mode, as vjp, grad or jacrev do"
    )
