"""The loss under ``torch.compile``, ``torch.func`` and other modes that record or transform operations.

Registered operations have several times the overhead of the autograd functions in ``_eager`` and
are used only where those cannot be.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor

from .._containers import masked_error
from .._loss import Loss
from . import _operations
from ._derivatives import current_margin, refuse_derivatives
from ._modes import in_forward_mode, is_differentiated, is_recorded, is_saved, is_transformed
from ._no_second_derivative import no_forward_mode, no_second_derivative
from ._tensors import HALF_DTYPES, check_dense, labels_array, on_cpu, weights_array

# The numbers of arguments of the operations: tensors, and the constants of `_operations.names`.
_TENSORS, _NAMES = 5, 6


def scaled_gradient(gradient: torch.Tensor, embeddings: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
    """The gradient of the objective, given its derivative by the reduced loss."""
    # A matrix, since torch's rule for scalars fails for a `vmap` over zero batches.
    return no_second_derivative(gradient, embeddings) * upstream.reshape(1, 1)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, torch.Tensor]) -> None:
    embeddings, labels, weights, margin = inputs[:4]
    ctx.names, ctx.dtype = inputs[_TENSORS : _TENSORS + _NAMES], embeddings.dtype
    ctx.has_gradient = inputs[-1]
    # The embeddings are saved too, so that a second derivative by them reaches its error.
    kept = (output[1],) if ctx.has_gradient else (labels, weights, margin)
    ctx.save_for_backward(embeddings, *kept)


def _backward(ctx: Any, upstream: torch.Tensor, _of_gradient: Any) -> tuple[Any, ...]:
    embeddings, *kept = ctx.saved_tensors
    if ctx.has_gradient:
        gradient = scaled_gradient(kept[0], embeddings, upstream)
    else:
        labels, weights, margin = kept
        gradient = _vjp(embeddings, labels, weights, upstream, margin, *ctx.names)
    return gradient.to(ctx.dtype), *(None,) * (_TENSORS + _NAMES + 1)


_operations.loss.register_autograd(_backward, setup_context=_setup)


class _FunctorchLoss(torch.autograd.Function):
    """The operation for `torch.func`, which does not use registered derivatives."""

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


class _VjpFunction(torch.autograd.Function):
    """The vector-Jacobian product of the losses as a differentiable, linear function of `upstream`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*inputs: Any) -> Any:
        return _operations.vjp(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        embeddings, labels, weights, upstream, margin, *names = inputs
        ctx.names = names
        ctx.save_for_backward(embeddings, labels, weights, upstream, margin)

    @staticmethod
    def backward(ctx: Any, direction: torch.Tensor) -> Any:
        embeddings, labels, weights, upstream, margin = ctx.saved_tensors
        # One call for the gradient of each row's loss: this derivative is rarely needed.
        units = torch.eye(upstream.numel(), dtype=upstream.dtype, device="cpu").unbind()
        along = [
            (_VjpFunction.apply(embeddings, labels, weights, unit, margin, *ctx.names) * direction).sum()
            for unit in (unit.reshape(upstream.shape) for unit in units)
        ]
        by_upstream = torch.stack(along).reshape(upstream.shape).to(upstream.dtype)
        # A zero gradient reaches `no_second_derivative`, which raises if the embeddings need one.
        return torch.zeros_like(embeddings), None, None, by_upstream, *(None,) * (1 + _NAMES)


def _vjp(embeddings: torch.Tensor, labels: Any, weights: Any, upstream: torch.Tensor, *rest: Any) -> Any:
    return _VjpFunction.apply(
        no_second_derivative(embeddings.detach(), embeddings), labels, weights, upstream, *rest
    )


def vjp(
    loss: Loss, embeddings: torch.Tensor, labels: torch.Tensor, weights: Any, upstream: torch.Tensor
) -> torch.Tensor:
    """The gradient of the objective, given its derivative by each loss, as recorded operations."""
    factors = None if weights is None else torch.as_tensor(weights, dtype=torch.float64, device="cpu")
    margin = torch.as_tensor(loss.margin_input, device="cpu")
    gradient: torch.Tensor = _vjp(embeddings, labels, factors, upstream, margin, *_operations.names(loss))
    return gradient


def apply(
    loss: Loss, embeddings: torch.Tensor, labels: Any, weights: Any, dtype: torch.dtype
) -> torch.Tensor:
    """The loss as an operation that torch records or transforms."""
    if in_forward_mode() and torch.compiler.is_compiling():
        no_forward_mode()  # the registered operation would silently drop the tangent
    needs_gradient = loss.settings.reduction != "none" and is_differentiated(embeddings)
    return _evaluate(loss, embeddings, labels, weights, dtype, needs_gradient)[0]


def value_and_gradient(
    loss: Loss, embeddings: torch.Tensor, labels: Any, weights: Any, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss and its gradient, detached, as an operation that torch records or transforms."""
    value, gradient = _evaluate(loss, embeddings.detach(), labels, weights, dtype, True)
    return value, gradient.to(embeddings.dtype)


def _evaluate(
    loss: Loss,
    embeddings: torch.Tensor,
    labels: Any,
    weights: Any,
    dtype: torch.dtype,
    needs_gradient: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss in a type; the gradient in the type of the computation, empty unless needed."""
    mode = embeddings.fake_mode if isinstance(embeddings, FakeTensor) else nullcontext()
    with mode:  # fake tensors cannot be combined with tensors created outside their mode
        if not isinstance(labels, torch.Tensor):
            labels = _as_tensor(labels, labels_array, "labels")
        if weights is not None and not isinstance(weights, torch.Tensor):
            weights = _as_tensor(weights, weights_array, "sample_weight").to(torch.float64)
        labels = _checked_companion(embeddings, labels, "labels")
        weights = None if weights is None else _checked_companion(embeddings, weights, "sample_weight")
        loss_id = _constant(loss.id_input, _UNKNOWN_LOSS, torch.int64)
        call = _FunctorchLoss.apply if is_transformed() or in_forward_mode() else _operations.loss
        value, gradient = call(
            embeddings.contiguous(),
            labels,
            weights,
            _margin(loss, loss_id),
            loss_id,
            *_operations.names(loss),
            dtype in HALF_DTYPES,
            needs_gradient,
        )
        return value.to(dtype), gradient


def _as_tensor(values: Any, as_array: Any, what: str) -> torch.Tensor:
    """Arrays, lists and numbers as a tensor; under a compiler by an operation that it records."""
    if not torch.compiler.is_compiling():
        # A copy, since torch warns about read-only arrays.
        return torch.as_tensor(as_array(values).copy(), device="cpu")
    if _is_masked(values):  # the compiler would ignore the mask
        raise masked_error(what)
    # Python floats would become float32.
    dtype = torch.float64 if _has_floats(values) else None
    return torch.as_tensor(values, dtype=dtype, device="cpu")


# The next two functions must be traceable by the compiler: lists, not generators.
def _is_masked(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return any([_is_masked(value) for value in values])
    return isinstance(values, np.ma.MaskedArray)


def _has_floats(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return any([_has_floats(value) for value in values])
    return isinstance(values, float)


def _checked_companion(embeddings: torch.Tensor, tensor: torch.Tensor, what: str) -> torch.Tensor:
    """Labels or weights, checked, and fake if the embeddings are."""
    on_cpu(tensor, what)
    if torch.compiler.is_compiling():
        return tensor
    check_dense(tensor, what)
    if isinstance(embeddings, FakeTensor) and not isinstance(tensor, FakeTensor):
        tensor = embeddings.fake_mode.from_tensor(tensor)
    return tensor


# The id in saved graphs, which belongs to no loss.
_UNKNOWN_LOSS = -1


def _constant(array: Any, saved: float, dtype: torch.dtype) -> torch.Tensor:
    """An array as an input of the graph; in a saved graph, which has no such input, the constant `saved`."""
    if is_saved():
        return torch.full((), saved, dtype=dtype, device="cpu")
    return torch.as_tensor(array, device="cpu")


def _margin(loss: Loss, loss_id: torch.Tensor) -> torch.Tensor:
    """The margin as a tensor; one that may change is read when the graph runs."""
    if not loss.margin_varies:
        return _constant(loss.margin_input, loss.settings.margin, torch.float64)
    if not loss.margin_is_callable and isinstance(given := loss.settings.margin, torch.Tensor):
        refuse_derivatives(given, "margin")
        return given.detach().to("cpu", torch.float64)
    if is_saved():
        raise ValueError("the margin is a function or an array, which no saved graph can hold: set a number")
    if is_transformed() and not is_recorded():
        # Called now, at the level of `torch.func` that tracks the function's result.
        return torch.full((), current_margin(loss), dtype=torch.float64, device="cpu")
    current: torch.Tensor = _operations.margin_now(loss_id, torch.is_grad_enabled())
    return current
