"""Tensors as the arrays that the native module borrows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._arrays import as_labels, as_weights, wrong_dtype, wrong_shape

COMPUTED = {
    torch.float32: torch.float32,
    torch.float64: torch.float64,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}


def check(embeddings: Any) -> None:
    """Refuses what cannot be embeddings, by shape, type or device."""
    if not isinstance(embeddings, torch.Tensor):
        raise TypeError(f"embeddings are a {type(embeddings).__name__}: expected a torch.Tensor")
    if embeddings.dtype not in COMPUTED:
        raise wrong_dtype(f"{embeddings.dtype} (they come first, labels second)")
    if embeddings.dim() != 2:
        raise wrong_shape(embeddings.shape)


def embeddings_array(embeddings: torch.Tensor) -> NDArray[Any]:
    """`[B, D]` over the tensor's memory, or over a contiguous copy; bfloat16 as its bits."""
    tensor = embeddings.detach()
    if not tensor.is_contiguous():
        tensor = tensor.contiguous()
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.view(torch.uint16)
    array: NDArray[Any] = tensor.numpy()
    return array


def labels_array(labels: Any) -> NDArray[np.int64]:
    """`[B]`, int64."""
    if isinstance(labels, torch.Tensor):
        if labels.dtype is torch.int64 and labels.dim() == 1 and labels.is_cpu and labels.is_contiguous():
            array: NDArray[np.int64] = labels.numpy()
            return array
        on_cpu(labels, "labels")
        labels = labels.detach()
        if labels.dtype is torch.bfloat16:
            labels = labels.float()  # NumPy has no such type
        labels = labels.numpy()
    return as_labels(labels)


def weights_array(weights: Any) -> NDArray[np.float64]:
    """Weights of any shape, float64."""
    if isinstance(weights, torch.Tensor):
        on_cpu(weights, "sample_weight")
        weights = weights.detach().double().numpy()
    return as_weights(weights)


def on_cpu(tensor: torch.Tensor, what: str) -> None:
    """Refuses a tensor of another device."""
    if not tensor.is_cpu:
        raise TypeError(f"{what} are on {tensor.device}: {ADVICE}")


ADVICE = (
    "this loss is computed on the CPU; move them with .cpu(), or construct the loss with "
    "device_transfer=True to have them copied there and the gradient back"
)


NARROW = (torch.float16, torch.bfloat16)
_CPU = torch.device("cpu")


def scalar(value: float, dtype: torch.dtype) -> torch.Tensor:
    """A loss as a tensor, on the CPU whatever torch's default is, of a type that can hold it."""
    if dtype in NARROW:
        return fitting(torch.scalar_tensor(value, dtype=torch.float64, device=_CPU), dtype)
    return torch.scalar_tensor(value, dtype=dtype, device=_CPU)


def fitting(losses: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Losses in a type, if it can hold them."""
    if losses.dtype is dtype:
        return losses
    narrow = losses.to(dtype)
    if dtype in NARROW and not torch.isfinite(narrow).all():
        raise ValueError(
            f"the loss leaves the range of {dtype}: call embeddings.float() first, or use torch.autocast"
        )
    return narrow
