"""Tensors as the arrays that the native module borrows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch._subclasses.fake_tensor import FakeTensor

from .._arrays import as_labels, as_weights, wrong_dtype, wrong_shape

COMPUTED = {
    torch.float32: torch.float32,
    torch.float64: torch.float64,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}


def check(embeddings: Any) -> None:
    """Refuses what cannot be embeddings, by kind, shape, type or device."""
    if not isinstance(embeddings, torch.Tensor):
        raise TypeError(f"embeddings are a {type(embeddings).__name__}: expected a torch.Tensor")
    if not torch.compiler.is_compiling():
        check_dense(embeddings, "embeddings")
    if embeddings.dtype not in COMPUTED:
        raise wrong_dtype(f"{embeddings.dtype} (they come first, labels second)")
    if embeddings.dim() != 2:
        raise wrong_shape(embeddings.shape)


# What classes have whose tensors are arrays like any other: torch.nn.Parameter and the like.
_NO_DISPATCH = torch._C._disabled_torch_dispatch_impl


def check_dense(tensor: torch.Tensor, what: str) -> None:
    """Refuses a tensor that is not one dense array: sparse, nested, masked, distributed ..."""
    kind = type(tensor)
    if kind is not torch.Tensor and kind is not FakeTensor and kind.__torch_dispatch__ is not _NO_DISPATCH:
        advice = _ADVICE.get(kind.__name__, "pass a torch.Tensor of the rows")
        raise not_dense(what, f"a {kind.__name__}", advice)
    if tensor.is_nested:
        raise not_dense(what, "a NestedTensor", _ADVICE["NestedTensor"])
    if tensor.layout is not torch.strided:
        raise not_dense(what, f"one with layout {tensor.layout}", "call .to_dense()")
    if tensor.is_quantized:
        raise not_dense(what, f"a quantized one, {tensor.dtype}", "call .dequantize()")


_ADVICE = {
    "AsyncCollectiveTensor": "pass its wait()",
    "DTensor": "pass its full_tensor(), or to_local() for the loss of each rank's own rows",
    "MaskedTensor": "its mask would be ignored; pass the rows that count",
    "NestedTensor": "pass its rows as one tensor, as torch.cat of its parts gives them",
}


def not_dense(what: str, found: str, advice: str) -> TypeError:
    """What is said of a tensor without an array of numbers."""
    return TypeError(f"{what}: expected a dense tensor, got {found}: {advice}")


def array(tensor: torch.Tensor, what: str) -> NDArray[Any]:
    """A dense tensor's memory; a copy of what is a view with another sign."""
    try:
        found: NDArray[Any] = tensor.numpy()
    except (RuntimeError, TypeError) as error:
        if isinstance(tensor, FakeTensor):
            advice = "it holds no numbers; pass embeddings that are fake too"
            raise not_dense(what, "a FakeTensor", advice) from None
        if tensor.is_neg() or tensor.is_conj():
            return array(tensor.resolve_neg().resolve_conj(), what)
        reason = str(error).partition("\n")[0][:200]
        raise TypeError(f"{what} cannot be read as an array: {reason}") from error
    return found


def embeddings_array(embeddings: torch.Tensor) -> NDArray[Any]:
    """`[B, D]` over the tensor's memory, or over a contiguous copy; bfloat16 as its bits."""
    tensor = embeddings.detach()
    if not tensor.is_contiguous():
        tensor = tensor.contiguous()
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.resolve_neg().view(torch.uint16)
    return array(tensor, "embeddings")


def labels_array(labels: Any) -> NDArray[np.int64]:
    """`[B]`, int64."""
    if isinstance(labels, torch.Tensor):
        if _is_plain(labels) and labels.dtype is torch.int64 and labels.dim() == 1 and labels.is_contiguous():
            return array(labels, "labels")
        check_dense(labels, "labels")
        on_cpu(labels, "labels")
        labels = labels.detach()
        if labels.dtype is torch.bfloat16:
            labels = _exact_integers(labels)  # NumPy has no such type
        labels = array(labels, "labels")
    return as_labels(labels)


def _is_plain(tensor: torch.Tensor) -> bool:
    return type(tensor) is torch.Tensor and tensor.is_cpu and tensor.layout is torch.strided


def _exact_integers(labels: torch.Tensor) -> torch.Tensor:
    """Labels of bfloat16 in float32, if they are below the integers that the type merges."""
    wide = labels.float()
    merged = (wide.abs() >= 2.0**8).flatten()
    if merged.any():
        row = int(merged.nonzero()[0])
        raise ValueError(
            f"labels[{row}] is {wide.flatten()[row].item()}: labels of dtype bfloat16 must be whole numbers "
            "below 2**8; pass integers"
        )
    return wide


def weights_array(weights: Any) -> NDArray[np.float64]:
    """Weights of any shape, float64."""
    if isinstance(weights, torch.Tensor):
        check_dense(weights, "sample_weight")
        on_cpu(weights, "sample_weight")
        if weights.is_complex():
            raise TypeError(f"sample_weight has dtype {weights.dtype}: expected numbers")
        weights = array(weights.detach().double(), "sample_weight")
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
