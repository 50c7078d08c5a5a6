"""The loss of tensors: which way it is computed."""

from __future__ import annotations

from typing import Any

import torch

from .._loss import Loss
from . import _graph
from ._derivatives import margin_of, refuse_derivatives
from ._eager import Call, PerRow, Reduced
from ._modes import in_forward_mode, is_traced
from ._tensors import check, embeddings_array, fitting, labels_array, on_cpu, scalar, weights_array


def apply(loss: Loss, labels: Any, embeddings: torch.Tensor, weights: Any = None) -> torch.Tensor:
    """A scalar, or `[B]` without a reduction, in the embeddings' type; f32 under autocast."""
    check(embeddings)
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
    if loss.live:
        loss = loss.at(margin_of(loss))  # the backward pass is that of this margin
    # Forward mode has no rule, which these functions say if it is asked for.
    if (embeddings.requires_grad and torch.is_grad_enabled()) or in_forward_mode():
        function = PerRow if per_row else Reduced
        result: torch.Tensor = function.apply(embeddings, Call(loss, rows, factors, dtype))
        return result
    outcome = loss.evaluate(rows, embeddings_array(embeddings), factors, gradient=False)
    return fitting(torch.from_numpy(outcome.losses), dtype) if per_row else scalar(outcome.loss, dtype)
