"""Whatever holds numbers, as the arrays that the native module borrows.

An array that is already what is needed passes through untouched: f32 embeddings and int64
labels, C-contiguous, are never copied.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_F32 = np.dtype(np.float32)
_I64 = np.dtype(np.int64)
_F64 = np.dtype(np.float64)
_DIGITS = {"bfloat16": 8, "float16": 11, "float32": 24}
COMPUTED = ("float32", "float64", "float16", "bfloat16")
_CPU = (1, 3)  # kDLCPU, kDLCUDAHost


def as_array(values: Any, what: str) -> NDArray[Any]:
    """A NumPy array over the memory of anything with DLPack, the buffer protocol or items."""
    if isinstance(values, np.ndarray):
        if isinstance(values, np.ma.MaskedArray):
            raise TypeError(
                f"{what} are a masked array, whose mask would be ignored: pass the rows that count"
            )
        return np.asarray(values)  # np.matrix would stay a matrix when it is sliced
    if hasattr(values, "__dlpack__"):
        kind, index = values.__dlpack_device__()
        if kind not in _CPU:
            raise TypeError(
                f"{what} are on another device than the CPU (DLPack device {int(kind)}:{index}): "
                "copy them to the CPU first"
            )
        if "bfloat16" in str(values.dtype):  # NumPy knows no such DLPack type
            return _as_bfloat16(values, what)
        try:
            return np.from_dlpack(values)
        except (BufferError, RuntimeError, TypeError) as error:
            raise TypeError(f"{what} cannot be read as an array: {error}") from error
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{what} cannot be read as an array: {error}") from error


def _as_bfloat16(values: Any, what: str) -> NDArray[Any]:
    """Of JAX, which knows how, or of torch, whose bits are looked at."""
    try:
        import ml_dtypes
    except ImportError:
        raise TypeError(
            f"{what} have dtype bfloat16, which NumPy has from ml_dtypes: pip install ml_dtypes, "
            "pass float32, or use triplet_loss.torch"
        ) from None
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        bits: NDArray[Any] = values.detach().contiguous().view(torch.int16).numpy()
        return bits.view(ml_dtypes.bfloat16)
    return np.asarray(values)


def wrong_shape(shape: Iterable[int | None]) -> ValueError:
    """What is said of embeddings that are no matrix."""
    return ValueError(
        f"embeddings have shape {list(shape)}: expected two dimensions, [batch_size, embedding_width]"
    )


def wrong_dtype(dtype: object) -> TypeError:
    """What is said of embeddings that are no numbers of a type that is computed."""
    return TypeError(f"embeddings have dtype {dtype}: expected float32, float64, float16 or bfloat16")


def as_embeddings(values: Any) -> tuple[NDArray[Any], np.dtype[Any]]:
    """A contiguous matrix `[B, D]`, bfloat16 as its bits in uint16, and its real type."""
    if type(values) is np.ndarray and values.dtype is _F32 and values.ndim == 2:
        flags = values.flags
        if flags.c_contiguous and flags.aligned:
            return values, _F32
    array = as_array(values, "embeddings")
    dtype = array.dtype.newbyteorder("=")
    if array.ndim != 2:
        raise wrong_shape(array.shape)
    if dtype.name not in COMPUTED:
        raise wrong_dtype(dtype.name)
    array = np.require(array, dtype, ["C", "A"])
    return (array.view(np.uint16) if dtype.name == "bfloat16" else array), dtype


def as_labels(values: Any) -> NDArray[np.int64]:
    """Labels `[B]` or `[B, 1]` of any integer type, or floats that are whole numbers."""
    if type(values) is np.ndarray and values.dtype is _I64 and values.ndim == 1:
        flags = values.flags
        if flags.c_contiguous and flags.aligned:
            return values
    array = as_array(values, "labels")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"labels have shape {list(array.shape)}: expected [batch_size] or [batch_size, 1]")
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"labels have dtype {array.dtype.name}: expected integers")
    whole = array.astype(np.int64) if array.dtype.kind in "biu" else _from_floats(array)
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and whole.size and whole.min() < 0:
        row = int(np.argmax(whole < 0))
        raise ValueError(f"labels[{row}] is {array[row]}: labels must fit into 64 bits with a sign")
    return np.ascontiguousarray(whole)


def _from_floats(array: NDArray[Any]) -> NDArray[np.int64]:
    floats = array.astype(np.float64)
    # Beyond this, floats of the type no longer tell integers apart.
    bits = _DIGITS.get(array.dtype.name, 53)
    bad = ~(np.abs(floats) <= 2.0**bits) | (floats != np.trunc(floats))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"labels[{row}] is {floats[row]}: labels of dtype {array.dtype.name} must be whole numbers "
            f"up to 2**{bits}; pass integers"
        )
    return floats.astype(np.int64)


def as_weights(values: Any) -> NDArray[np.float64]:
    """Weights of any shape; the native module knows which are right."""
    if type(values) is np.ndarray and values.dtype is _F64 and values.flags.c_contiguous:
        return values
    array = as_array(values, "sample_weight")
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"sample_weight has dtype {array.dtype.name}: expected numbers")
    return np.asarray(array, np.float64, order="C")


def narrowed(values: NDArray[Any], dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    """Values in a type, if it can hold them."""
    if values.dtype == dtype:
        return values
    with np.errstate(over="ignore"):
        narrow = values.astype(dtype)
    bad = ~np.isfinite(narrow)
    if bad.any():
        place = [int(i) for i in np.argwhere(bad)[0]]
        raise ValueError(
            f"the {what}{place or ''} leaves the range of {dtype.name}: scale the embeddings, the margin "
            "or the weights down, or pass float32"
        )
    return narrow
