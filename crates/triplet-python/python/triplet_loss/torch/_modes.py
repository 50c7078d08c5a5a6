"""Queries of torch's state: tracing, ``torch.func``, forward mode, export."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd import forward_ad


def is_traced(tensor: torch.Tensor) -> bool:
    """Whether torch records or transforms operations, so that the loss must be a registered operation.

    Under ``torch.compile`` and ``torch.func``, for several derivatives at once
    (``is_grads_batched``), in ``make_fx`` and other modes, for fake tensors, in ``torch.jit.trace``.
    """
    return (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or is_recorded()
        or torch._C._get_tracing_state() is not None
        or torch._C._functorch.is_legacy_batchedtensor(tensor)
        or isinstance(tensor, FakeTensor)
    )


def is_transformed() -> bool:
    """Whether a transform of ``torch.func`` is active, outside ``torch.compile``."""
    return not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()


def is_recorded() -> bool:
    """Whether a dispatch mode, as of ``make_fx``, intercepts operations, outside ``torch.compile``."""
    return bool(torch._C._len_torch_dispatch_stack() > 0)


def in_forward_mode() -> bool:
    """Whether tensors may have tangents."""
    return bool(forward_ad._current_level >= 0)


def is_saved() -> bool:
    """Whether torch records a graph that may run in another process."""
    return is_exporting() or torch._C._get_tracing_state() is not None


# New in torch 2.7; before, export cannot be told from compilation.
is_exporting = getattr(torch.compiler, "is_exporting", lambda: False)


def is_differentiated(tensor: torch.Tensor) -> bool:
    """Whether a derivative by the tensor may be requested, at any level of ``torch.func``."""
    if torch._C._get_tracing_state() is not None:
        return True  # unknown until the trace runs
    if not torch.is_grad_enabled():
        return False
    if tensor.requires_grad:
        return True
    if torch.compiler.is_compiling():
        return False
    return any(inner.requires_grad for inner in levels(tensor))


def levels(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """The tensor, and the tensors that it wraps at the outer levels of ``torch.func``."""
    yield tensor
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(tensor):
        tensor = functorch.get_unwrapped(tensor)
        yield tensor
