"""The loss of tensors: checks, and the choice between eager mode and recorded operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._loss import Loss
from . import _graph
from ._derivatives import current_margin, refuse_derivatives, refuse_tangents
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
    dtype = checked_dtype(embeddings, weights)
    if is_traced(embeddings):
        return _graph.apply(loss, embeddings, labels, weights, dtype)
    loss, rows, factors = _prepared(loss, labels, weights)
    per_row = loss.settings.reduction == "none"
    # In forward mode too: the functions raise an error that says it is not supported.
    if (embeddings.requires_grad and torch.is_grad_enabled()) or in_forward_mode():
        function = PerRowLoss if per_row else ReducedLoss
        result: torch.Tensor = function.apply(embeddings, CallInputs(loss, rows, factors, dtype))
        return result
    native = loss.evaluate(rows, embeddings_array(embeddings), factors, gradient=False)
    return cast_checked(torch.from_numpy(native.losses), dtype) if per_row else scalar(native.loss, dtype)


def value_and_gradient(
    loss: Loss, labels: Any, embeddings: torch.Tensor, weights: Any = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The value that `apply` gives, and its gradient in the embeddings' type, both detached."""
    if loss.settings.reduction == "none":
        raise ValueError('value_and_gradient needs one loss: reduction="none" gives one for every row')
    dtype = checked_dtype(embeddings, weights)
    refuse_tangents(embeddings)
    if is_traced(embeddings):
        return _graph.value_and_gradient(loss, embeddings, labels, weights, dtype)
    loss, rows, factors = _prepared(loss, labels, weights)
    native = loss.evaluate(rows, embeddings_array(embeddings), factors)
    gradient = torch.from_numpy(native.gradient)
    # Half types are computed in float32; for others a call of `to` would only take time.
    if gradient.dtype is not embeddings.dtype:
        gradient = gradient.to(embeddings.dtype)
    return scalar(native.loss, dtype), gradient


def checked_dtype(embeddings: torch.Tensor, weights: Any) -> torch.dtype:
    """The type of the loss, of embeddings and weights that are checked."""
    check_embeddings(embeddings)
    on_cpu(embeddings, "embeddings")
    if weights is not None:
        refuse_derivatives(weights, "sample_weight")
    narrow = embeddings.dtype is not torch.float64
    return torch.float32 if narrow and torch.is_autocast_enabled("cpu") else embeddings.dtype


def _prepared(
    loss: Loss, labels: Any, weights: Any
) -> tuple[Loss, NDArray[np.int64], NDArray[np.float64] | None]:
    """The loss on torch's threads, at the margin that the backward pass uses too; the others as arrays."""
    rows = labels_array(labels)
    factors = None if weights is None else weights_array(weights)
    return margin_now(loss.on_torch()), rows, factors


def margin_now(loss: Loss) -> Loss:
    """The loss at the current value of its margin."""
    return loss.with_margin(current_margin(loss)) if loss.margin_varies else loss
