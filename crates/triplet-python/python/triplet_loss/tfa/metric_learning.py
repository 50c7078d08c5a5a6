"""The functions of TFA's ``losses.metric_learning``: the distances of all pairs of rows.

The losses do not use these functions, since they never store all pairs. The formulas are the same,
but the products are the framework's, so that values agree with those of the losses up to rounding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._arguments import flag
from .._arrays import SUPPORTED_DTYPES, as_array, dtype_error, shape_error
from .._frameworks import framework_of, refuse_masked

__all__ = ["angular_distance", "pairwise_distance"]


def pairwise_distance(feature: Any, squared: bool = False) -> Any:
    """The Euclidean distances `[B, B]` of the rows of `[B, D]`, or their squares.

    ``max(0, n_i + n_j - 2 g_ij)`` of inner products ``g``, with ``n_i = g_ii``, and its root.
    The result is a tensor of the rows' framework and type; float16 and bfloat16 are computed in
    float32. The gradient at distance 0 is 0. NaN and infinity are not refused.
    """
    squared = flag(squared, "squared")
    f, x, dtype = _prepared(feature)
    products = f.product(x)
    norms = f.diagonal(products)
    squares = norms[:, None] + norms[None, :] - 2 * products
    # The comparison is false for NaN, which is therefore propagated.
    at_zero = squares <= 0
    zero = f.zeros(squares)
    if squared:
        return f.cast(f.where(at_zero, zero, squares), dtype)
    # The derivative of the root is infinite at 0, and infinity times 0 is NaN: take the root of 1 there.
    roots = f.sqrt(f.where(at_zero, f.ones(squares), squares))
    return f.cast(f.where(at_zero, zero, roots), dtype)


def angular_distance(feature: Any) -> Any:
    """One minus the cosines `[B, B]` of the angles between the rows of `[B, D]`, at least 0.

    Rows are normalised first, ``x * rsqrt(max(sum(x^2), 1e-12))``. For the rest see
    ``pairwise_distance``.
    """
    f, x, dtype = _prepared(feature)
    norms = f.sums(x * x)
    is_tiny = norms <= 1e-12
    norms = f.sqrt(f.where(is_tiny, f.ones(norms) * 1e-12, norms))
    distances = 1 - f.product(x / norms)
    return f.cast(f.where(distances <= 0, f.zeros(distances), distances), dtype)


class _Functions(NamedTuple):
    """The functions of a framework that the formulas use."""

    product: Any
    """`x xT`."""
    sums: Any
    """Sums of the rows, `[B, 1]`."""
    diagonal: Any
    where: Any
    sqrt: Any
    zeros: Any
    ones: Any
    cast: Any


def _prepared(feature: Any) -> tuple[_Functions, Any, Any]:
    """A framework's functions, the rows in the type of the computation, and the type of the result."""
    refuse_masked(feature, "embeddings")
    framework = framework_of(feature)
    if framework == "torch":
        f, x, name = _torch(feature)
    elif framework == "jax":
        import jax.numpy as jnp

        f, x = _numpy_like(jnp), feature
        name = x.dtype.name
    elif framework == "tensorflow":
        f, x, name = _tensorflow(feature)
    else:
        f, x = _numpy_like(np), as_array(feature, "embeddings")
        name = x.dtype.name
    if name not in SUPPORTED_DTYPES:
        raise dtype_error(name)
    if len(x.shape) != 2:
        raise shape_error(x.shape)
    return f, (x if name == "float64" else f.cast(x, _single(framework))), x.dtype


def _single(framework: str | None) -> Any:
    if framework == "torch":
        import torch

        return torch.float32
    return "float32"


def _numpy_like(xp: Any) -> _Functions:
    return _Functions(
        product=lambda x: x @ x.T,
        sums=lambda x: xp.sum(x, axis=1, keepdims=True),
        diagonal=xp.diagonal,
        where=xp.where,
        sqrt=xp.sqrt,
        zeros=xp.zeros_like,
        ones=xp.ones_like,
        cast=lambda x, dtype: x.astype(dtype),
    )


def _torch(feature: Any) -> tuple[_Functions, Any, str]:
    import torch

    functions = _Functions(
        product=lambda x: x @ x.T,
        sums=lambda x: x.sum(1, keepdim=True),
        diagonal=torch.diagonal,
        where=torch.where,
        sqrt=torch.sqrt,
        zeros=torch.zeros_like,
        ones=torch.ones_like,
        cast=lambda x, dtype: x.to(dtype),
    )
    return functions, feature, str(feature.dtype).removeprefix("torch.")


def _tensorflow(feature: Any) -> tuple[_Functions, Any, str]:
    import tensorflow as tf

    functions = _Functions(
        product=lambda x: tf.matmul(x, x, transpose_b=True),
        sums=lambda x: tf.reduce_sum(x, 1, keepdims=True),
        diagonal=tf.linalg.diag_part,
        where=tf.where,
        sqrt=tf.sqrt,
        zeros=tf.zeros_like,
        ones=tf.ones_like,
        cast=tf.cast,
    )
    x = tf.convert_to_tensor(feature)
    if x.shape.rank is None:  # checked when the graph runs
        x = tf.ensure_shape(x, [None, None])
    return functions, x, x.dtype.name
