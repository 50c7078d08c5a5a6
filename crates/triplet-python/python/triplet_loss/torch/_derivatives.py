"""Derivatives by margins and weights are not computed; requesting one is an error, not a zero."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd import forward_ad

from .._loss import Loss
from .._margin import as_margin
from ._modes import in_forward_mode, levels
from ._no_second_derivative import no_forward_mode


def refuse_derivatives(values: Any, what: str) -> None:
    """Refuses a tensor that requires a gradient or has a tangent, at any level of ``torch.func``."""
    if not isinstance(values, torch.Tensor):
        return
    if torch.compiler.is_compiling():  # the compiler refuses forward mode altogether
        requires_gradient = values.requires_grad
    else:
        requires_gradient = any(inner.requires_grad for inner in levels(values))
        refuse_tangents(values)
    if requires_gradient:
        raise ValueError(f"{what} requires a gradient, which is not computed: detach it")


def refuse_tangents(tensor: torch.Tensor) -> None:
    """Refuses a tensor that has a tangent, at any level of ``torch.func``."""
    if not in_forward_mode():
        return
    # The compiler refuses forward mode altogether, and cannot trace the question.
    if torch.compiler.is_compiling() or any(_has_tangent(inner) for inner in levels(tensor)):
        no_forward_mode()


def _has_tangent(tensor: torch.Tensor) -> bool:
    return forward_ad.unpack_dual(tensor).tangent is not None


def current_margin(loss: Loss) -> float:
    """The current value of a margin that is an array or a function."""
    given = loss.settings.margin
    value = given() if loss.margin_is_callable else given
    refuse_derivatives(value, "margin")
    return as_margin(value)
