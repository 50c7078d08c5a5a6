"""Tensors as the arrays that the native module borrows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch._subclasses.fake_tensor import FakeTensor

from .._arguments import first_line
from .._arrays import as_labels, as_weights, dtype_error, shape_error

COMPUTE_DTYPES = {
    torch.float32: torch.float32,
    torch.float64: torch.float64,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}


def check_embeddings(embeddings: Any) -> None:
    """Refuses embeddings of a wrong kind, type or shape."""
    if not isinstance(embeddings, torch.Tensor):
        raise TypeError(f"embeddings are a {type(embeddings).__name__}: expected a torch.Tensor")
    if not torch.compiler.is_compiling():
        check_dense(embeddings, "embeddings")
    if embeddings.dtype not in COMPUTE_DTYPES:
        raise dtype_error(f"{embeddings.dtype} (they come first, labels second)")
    if embeddings.dim() != 2:
        raise shape_error(embeddings.shape)


# The `__torch_dispatch__` of subclasses that are dense arrays, such as torch.nn.Parameter.
_NO_DISPATCH = torch._C._disabled_torch_dispatch_impl


def check_dense(tensor: torch.Tensor, what: str) -> None:
    """Refuses a tensor that is not one dense array: sparse, nested, masked, distributed ..."""
    kind = type(tensor)
    if kind is not torch.Tensor and kind is not FakeTensor and kind.__torch_dispatch__ is not _NO_DISPATCH:
        advice = _DENSE_ADVICE.get(kind.__name__, "pass a torch.Tensor of the rows")
        raise not_dense_error(what, f"a {kind.__name__}", advice)
    if tensor.is_nested:
        raise not_dense_error(what, "a NestedTensor", _DENSE_ADVICE["NestedTensor"])
    if tensor.layout is not torch.strided:
        raise not_dense_error(what, f"one with layout {tensor.layout}", "call .to_dense()")
    if tensor.is_quantized:
        raise not_dense_error(what, f"a quantized one, {tensor.dtype}", "call .dequantize()")


_DENSE_ADVICE = {
    "AsyncCollectiveTensor": "pass its wait()",
    "DTensor": "pass its full_tensor(), or to_local() for the loss of each rank's own rows",
    "MaskedTensor": "its mask would be ignored; pass the rows that count",
    "NestedTensor": "pass its rows as one tensor, as torch.cat of its parts gives them",
}


def not_dense_error(what: str, found: str, advice: str) -> TypeError:
    """The error for a tensor that is not one dense array."""
    return TypeError(f"{what}: expected a dense tensor, got {found}: {advice}")


def as_numpy(tensor: torch.Tensor, what: str) -> NDArray[Any]:
    """A dense tensor as an array over its memory; negated and conjugated views are copied."""
    try:
        found: NDArray[Any] = tensor.numpy()
    except (RuntimeError, TypeError) as error:
        if isinstance(tensor, FakeTensor):
            advice = "it holds no numbers; pass embeddings that are fake too"
            raise not_dense_error(what, "a FakeTensor", advice) from None
        if tensor.is_neg() or tensor.is_conj():
            return as_numpy(tensor.resolve_neg().resolve_conj(), what)
        raise TypeError(f"{what} cannot be read as an array: {first_line(error)}") from error
    return found


def embeddings_array(embeddings: torch.Tensor) -> NDArray[Any]:
    """`[B, D]` over the tensor's memory, or over a contiguous copy; bfloat16 as its bits."""
    tensor = embeddings.detach()
    if not tensor.is_contiguous():
        tensor = tensor.contiguous()
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.resolve_neg().view(torch.uint16)
    return as_numpy(tensor, "embeddings")


def labels_array(labels: Any, what: str = "labels") -> NDArray[np.int64]:
    """`[B]`, int64; `what` is how messages name them."""
    if isinstance(labels, torch.Tensor):
        if _is_plain(labels) and labels.dtype is torch.int64 and labels.dim() == 1 and labels.is_contiguous():
            return as_numpy(labels, what)
        check_dense(labels, what)
        on_cpu(labels, what)
        labels = labels.detach()
        if labels.dtype is torch.bfloat16:
            labels = _exact_integers(labels, what)  # NumPy has no bfloat16
        labels = as_numpy(labels, what)
    return as_labels(labels, what)


def _is_plain(tensor: torch.Tensor) -> bool:
    return type(tensor) is torch.Tensor and tensor.is_cpu and tensor.layout is torch.strided


def _exact_integers(labels: torch.Tensor, what: str) -> torch.Tensor:
    """bfloat16 labels as float32; labels too large to be unique integers are an error."""
    wide = labels.float()
    merged = (wide.abs() >= 2.0**8).flatten()
    if merged.any():
        row = int(merged.nonzero()[0])
        raise ValueError(
            f"{what}[{row}] is {wide.flatten()[row].item()}: {what} of dtype bfloat16 must be whole numbers "
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
        weights = as_numpy(weights.detach().double(), "sample_weight")
    return as_weights(weights)


def on_cpu(tensor: torch.Tensor, what: str) -> None:
    """Refuses a tensor of another device."""
    if not tensor.is_cpu:
        raise TypeError(f"{what} are on {tensor.device}: {DEVICE_ADVICE}")


DEVICE_ADVICE = (
    "this loss is computed on the CPU; move them with .cpu(), or construct the loss with "
    "device_transfer=True to have them copied there and the gradient back"
)


HALF_DTYPES = (torch.float16, torch.bfloat16)
_CPU = torch.device("cpu")


def scalar(value: float, dtype: torch.dtype) -> torch.Tensor:
    """A loss as a tensor of a type, on the CPU whatever torch's default device is."""
    if dtype in HALF_DTYPES:
        return cast_checked(torch.scalar_tensor(value, dtype=torch.float64, device=_CPU), dtype)
    return torch.scalar_tensor(value, dtype=dtype, device=_CPU)


def cast_checked(losses: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Losses converted to a type; one beyond its range is an error."""
    if losses.dtype is dtype:
        return losses
    narrow = losses.to(dtype)
    if dtype in HALF_DTYPES and not torch.isfinite(narrow).all():
        raise ValueError(
            f"the loss leaves the range of {dtype}: call embeddings.float() first, or use torch.autocast"
        )
    return narrow
