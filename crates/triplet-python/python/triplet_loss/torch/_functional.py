"""The loss of tensors: checks, and the choice between eager mode and recorded operations."""

from __future__ import annotations

from typing import Any

import torch

from .._loss import Loss
from . import _graph
from ._derivatives import current_margin, refuse_derivatives
from ._eager import CallInputs, PerRowLoss, ReducedLoss
from ._modes import in_forward_mode, is_traced
from ._tensors import (
    cast_checked,
    check_embeddings,
    embeddings_array,
    labels_array,
    on_cpu,
    scalar,
    weights_array,
)


def apply(loss: Loss, labels: Any, embeddings: torch.Tensor, weights: Any = None) -> torch.Tensor:
    """A scalar, or `[B]` without a reduction, in the embeddings' type; f32 under autocast."""
    check_embeddings(embeddings)
    on_cpu(embeddings, "embeddings")
    if weights is not None:
        refuse_derivatives(weights, "sample_weight")
    narrow = embeddings.dtype is not torch.float64
    dtype = torch.float32 if narrow and torch.is_autocast_enabled("cpu") else embeddings.dtype
    if is_traced(embeddings):
        return _graph.apply(loss, embeddings, labels, weights, dtype)
    rows = labels_array(labels)
    factors = None if weights is None else weights_array(weights)
    per_row = loss.settings.reduction == "none"
    if loss.margin_varies:
        loss = loss.with_margin(current_margin(loss))  # the backward pass uses the same value
    # In forward mode too: the functions raise an error that says it is not supported.
    if (embeddings.requires_grad and torch.is_grad_enabled()) or in_forward_mode():
        function = PerRowLoss if per_row else ReducedLoss
        result: torch.Tensor = function.apply(embeddings, CallInputs(loss, rows, factors, dtype))
        return result
    native = loss.evaluate(rows, embeddings_array(embeddings), factors, gradient=False)
    return cast_checked(torch.from_numpy(native.losses), dtype) if per_row else scalar(native.loss, dtype)
