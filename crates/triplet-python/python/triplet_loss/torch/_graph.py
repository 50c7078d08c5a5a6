"""The loss where torch records or transforms it: ``torch.compile``, ``torch.func`` and the like.

The operations cost several times what the autograd functions of ``_eager`` do, so they are
used only where those cannot be.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor

from .._loss import Loss
from . import _operations
from ._modes import is_differentiated
from ._once import once
from ._tensors import NARROW, check_dense, on_cpu

# The arguments of the operations by their places: what comes before `names`, and the names.
_TENSORS, _NAMES = 5, 6


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, torch.Tensor]) -> None:
    embeddings, labels, weights, margin = inputs[:4]
    ctx.names, ctx.dtype = inputs[_TENSORS : _TENSORS + _NAMES], embeddings.dtype
    ctx.has_gradient = inputs[-1]
    # The embeddings lead a second derivative to its error.
    kept = (output[1],) if ctx.has_gradient else (labels, weights, margin)
    ctx.save_for_backward(embeddings, *kept)


def _backward(ctx: Any, upstream: torch.Tensor, _of_gradient: Any) -> tuple[Any, ...]:
    embeddings, *kept = ctx.saved_tensors
    if ctx.has_gradient:
        gradient = once(kept[0], embeddings) * upstream
    else:
        labels, weights, margin = kept
        gradient = _pulled(embeddings, labels, weights, upstream, margin, *ctx.names)
    return gradient.to(ctx.dtype), *(None,) * (_TENSORS + _NAMES + 1)


_operations.loss.register_autograd(_backward, setup_context=_setup)


class _Transformed(torch.autograd.Function):
    """The same for `torch.func`, which does not take what is registered."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*inputs: Any) -> Any:
        return _operations.loss(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.mark_non_differentiable(output[1])
        _setup(ctx, inputs, output)

    backward = staticmethod(_backward)


class _Pulled(torch.autograd.Function):
    """The gradient as a function of the derivative from above, in which it is linear."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*inputs: Any) -> Any:
        return _operations.pull(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        embeddings, labels, weights, upstream, margin, *names = inputs
        ctx.names = names
        ctx.save_for_backward(embeddings, labels, weights, upstream, margin)

    @staticmethod
    def backward(ctx: Any, direction: torch.Tensor) -> Any:
        embeddings, labels, weights, upstream, margin = ctx.saved_tensors
        # Each row's own gradient in turn: as many calls as there are rows, for a derivative that is rare.
        units = torch.eye(upstream.numel(), dtype=upstream.dtype).unbind()
        along = [
            (_operations.pull(embeddings, labels, weights, unit, margin, *ctx.names) * direction).sum()
            for unit in (unit.reshape(upstream.shape) for unit in units)
        ]
        by_upstream = torch.stack(along).reshape(upstream.shape).to(upstream.dtype)
        # Zeros for `once`, which raises if the embeddings are asked for.
        return torch.zeros_like(embeddings), None, None, by_upstream, *(None,) * (1 + _NAMES)


def _pulled(embeddings: torch.Tensor, labels: Any, weights: Any, upstream: torch.Tensor, *rest: Any) -> Any:
    return _Pulled.apply(once(embeddings.detach(), embeddings), labels, weights, upstream, *rest)


def pull(
    loss: Loss, embeddings: torch.Tensor, labels: torch.Tensor, weights: Any, upstream: torch.Tensor
) -> torch.Tensor:
    """The gradient for a derivative by each row's loss, as torch's operations."""
    factors = None if weights is None else torch.as_tensor(weights, dtype=torch.float64, device="cpu")
    margin = torch.as_tensor(loss.margin_input, device="cpu")
    gradient: torch.Tensor = _pulled(embeddings, labels, factors, upstream, margin, *_operations.names(loss))
    return gradient


def apply(
    loss: Loss, embeddings: torch.Tensor, labels: Any, weights: Any, dtype: torch.dtype
) -> torch.Tensor:
    """The loss inside a compiled function, or one that `torch.func` transforms."""
    # Fake tensors outside their mode mix with nothing that is made here.
    with embeddings.fake_mode if isinstance(embeddings, FakeTensor) else nullcontext():
        if not isinstance(labels, torch.Tensor):
            labels = torch.as_tensor(labels, device="cpu")
        if weights is not None and not isinstance(weights, torch.Tensor):
            weights = torch.as_tensor(weights, dtype=torch.float64, device="cpu")
        for tensor, what in ((labels, "labels"), (weights, "sample_weight")):
            if tensor is not None:
                if not torch.compiler.is_compiling():
                    check_dense(tensor, what)
                on_cpu(tensor, what)
        number = torch.as_tensor(loss.number_input, device="cpu")
        wanted = loss.settings.reduction != "none" and is_differentiated(embeddings)
        call = _operations.loss if torch.compiler.is_compiling() else _Transformed.apply
        value: torch.Tensor = call(
            embeddings.contiguous(),
            labels,
            weights,
            _margin(loss, number),
            number,
            *_operations.names(loss),
            dtype in NARROW,
            wanted,
        )[0]
        return value.to(dtype)


def _margin(loss: Loss, number: torch.Tensor) -> torch.Tensor:
    """The margin, read when the graph runs if anybody may change it."""
    if not loss.live:
        return torch.as_tensor(loss.margin_input, device="cpu")
    given = loss.settings.margin
    if isinstance(given, torch.Tensor):
        if given.requires_grad:
            raise ValueError("margin requires a gradient, which is not computed: detach it")
        return given.detach().to("cpu", torch.float64)
    scheduled: torch.Tensor = _operations.margin_now(number)
    return scheduled
