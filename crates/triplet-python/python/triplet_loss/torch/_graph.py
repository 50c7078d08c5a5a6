"""The loss where torch records or transforms it: ``torch.compile``, ``torch.func`` and the like.

The operations cost several times what the autograd functions of ``_eager`` do, so they are
used only where those cannot be.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor

from .._containers import masked
from .._loss import Loss
from . import _operations
from ._derivatives import margin_of, refuse_derivatives
from ._modes import in_forward_mode, is_differentiated, is_recorded, is_saved, is_transformed
from ._once import no_forward_mode, once
from ._tensors import NARROW, check_dense, labels_array, on_cpu, weights_array

# The arguments of the operations by their places: what comes before `names`, and the names.
_TENSORS, _NAMES = 5, 6


def scaled(gradient: torch.Tensor, embeddings: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
    """The gradient for a derivative by the loss, a scalar."""
    # A matrix, since torch's rule for scalars fails for `vmap` over nothing.
    return once(gradient, embeddings) * upstream.reshape(1, 1)


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
        gradient = scaled(kept[0], embeddings, upstream)
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
    jvp = staticmethod(no_forward_mode)


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
        units = torch.eye(upstream.numel(), dtype=upstream.dtype, device="cpu").unbind()
        along = [
            (_Pulled.apply(embeddings, labels, weights, unit, margin, *ctx.names) * direction).sum()
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
    if in_forward_mode() and torch.compiler.is_compiling():
        no_forward_mode()  # what is registered would drop the tangent in silence
    mode = embeddings.fake_mode if isinstance(embeddings, FakeTensor) else nullcontext()
    with mode:  # fake tensors mix with nothing that is made outside their mode
        if not isinstance(labels, torch.Tensor):
            labels = _read(labels, labels_array, "labels")
        if weights is not None and not isinstance(weights, torch.Tensor):
            weights = _read(weights, weights_array, "sample_weight").to(torch.float64)
        labels = _beside(embeddings, labels, "labels")
        weights = None if weights is None else _beside(embeddings, weights, "sample_weight")
        number = _constant(loss.number_input, _NO_LOSS, torch.int64)
        wanted = loss.settings.reduction != "none" and is_differentiated(embeddings)
        call = _Transformed.apply if is_transformed() or in_forward_mode() else _operations.loss
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


def _read(values: Any, as_array: Any, what: str) -> torch.Tensor:
    """Values of another kind than tensors; a compiler reads arrays and lists itself."""
    if not torch.compiler.is_compiling():
        # A copy, since torch warns of arrays that must not be written.
        return torch.as_tensor(as_array(values).copy(), device="cpu")
    if _is_masked(values):  # the compiler would take the numbers under the mask
        raise masked(what)
    # Numbers of Python would become float32.
    dtype = torch.float64 if _has_floats(values) else None
    return torch.as_tensor(values, dtype=dtype, device="cpu")


# Written such that the compiler can trace them.
def _is_masked(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return any([_is_masked(value) for value in values])
    return isinstance(values, np.ma.MaskedArray)


def _has_floats(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return any([_has_floats(value) for value in values])
    return isinstance(values, float)


def _beside(embeddings: torch.Tensor, tensor: torch.Tensor, what: str) -> torch.Tensor:
    """Labels or weights that an operation takes together with the embeddings."""
    on_cpu(tensor, what)
    if torch.compiler.is_compiling():
        return tensor
    check_dense(tensor, what)
    if isinstance(embeddings, FakeTensor) and not isinstance(tensor, FakeTensor):
        tensor = embeddings.fake_mode.from_tensor(tensor)
    return tensor


# Named by graphs that are saved: no process has it.
_NO_LOSS = -1


def _constant(array: Any, saved: float, dtype: torch.dtype) -> torch.Tensor:
    """An array as an input of the graph; another value in a graph that is saved, which has no such input."""
    if is_saved():
        return torch.full((), saved, dtype=dtype, device="cpu")
    return torch.as_tensor(array, device="cpu")


def _margin(loss: Loss, number: torch.Tensor) -> torch.Tensor:
    """The margin, read when the graph runs if anybody may change it."""
    if not loss.live:
        return _constant(loss.margin_input, loss.settings.margin, torch.float64)
    if not loss.scheduled and isinstance(given := loss.settings.margin, torch.Tensor):
        refuse_derivatives(given, "margin")
        return given.detach().to("cpu", torch.float64)
    if is_saved():
        raise ValueError("the margin is a function or an array, which no saved graph can hold: set a number")
    if is_transformed() and not is_recorded():
        # Here, where what the function gives is seen as `torch.func` tracks it.
        return torch.full((), margin_of(loss), dtype=torch.float64, device="cpu")
    scheduled: torch.Tensor = _operations.margin_now(number, torch.is_grad_enabled())
    return scheduled
