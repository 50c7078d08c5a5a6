"""Derivatives by margins and weights, which are not computed: asked for, they are errors, not 0."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd import forward_ad

from .._loss import Loss
from .._margin import as_margin
from ._modes import in_forward_mode, levels
from ._once import no_forward_mode


def refuse_derivatives(values: Any, what: str) -> None:
    """Refuses a tensor by which somebody differentiates, backward or forward, at any level."""
    if not isinstance(values, torch.Tensor):
        return
    if torch.compiler.is_compiling():  # which refuses the forward mode as such
        requires_gradient = values.requires_grad
    else:
        requires_gradient = any(inner.requires_grad for inner in levels(values))
        if in_forward_mode() and any(_has_tangent(inner) for inner in levels(values)):
            no_forward_mode()
    if requires_gradient:
        raise ValueError(f"{what} requires a gradient, which is not computed: detach it")


def _has_tangent(tensor: torch.Tensor) -> bool:
    return forward_ad.unpack_dual(tensor).tangent is not None


def margin_of(loss: Loss) -> float:
    """The margin that an array or a function gives at this moment."""
    given = loss.settings.margin
    value = given() if loss.scheduled else given
    refuse_derivatives(value, "margin")
    return as_margin(value)
