"""Which framework a tensor belongs to, and the loss for tensors of each framework."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ._arrays import as_array, as_embeddings, as_labels, as_weights, cast_checked
from ._loss import Loss, Settings, cached_loss
from ._margin import as_margin, is_fixed

_ROOTS = {"torch": "torch", "jax": "jax", "jaxlib": "jax", "tensorflow": "tensorflow"}


def framework_of(values: Any) -> str | None:
    """``torch``, ``jax`` or ``tensorflow``; None for NumPy arrays, lists and the like."""
    for base in type(values).__mro__:
        name = _ROOTS.get(base.__module__.partition(".")[0])
        if name is not None:
            return name
    return None


def apply(loss: Loss, labels: Any, embeddings: Any, weights: Any = None) -> Any:
    """The loss as a tensor of the framework that the embeddings belong to."""
    for values, what in ((labels, "labels"), (embeddings, "embeddings"), (weights, "sample_weight")):
        refuse_masked(values, what)
    framework = framework_of(embeddings)
    if framework is not None:
        return _apply_in(framework)(loss, labels, embeddings, weights)
    matrix, dtype = as_embeddings(embeddings)
    factors = None if weights is None else as_weights(weights)
    native = loss.with_current_margin().evaluate(as_labels(labels), matrix, factors, gradient=False)
    if native.losses is not None:
        return cast_checked(native.losses, dtype, "loss")
    return dtype.type(cast_checked(np.asarray(native.loss), dtype, "loss"))


def apply_against(
    loss: Loss, labels: Any, embeddings: Any, others: tuple[Any, Any, Any, Any], weights: Any = None
) -> Any:
    """The loss against other rows: these, their labels, and the ids of both sides; tensors of a framework."""
    framework = framework_of(embeddings)
    if framework == "torch":
        from .torch._against import apply as torch_apply
        from .torch._against import references

        given = references(*others)
        assert given is not None
        return torch_apply(loss, labels, embeddings, given, weights)
    if framework == "jax":
        from ._jax_against import apply as jax_apply

        return jax_apply(loss.settings, labels, embeddings, weights, loss.settings.margin, others)
    from ._tensorflow_against import apply as tensorflow_apply

    return tensorflow_apply(loss, labels, embeddings, others, weights)


def apply_function(settings: Settings, labels: Any, embeddings: Any) -> Any:
    """The loss for the functions of TFA's interface, whose margin may differ at every call.

    JAX and TensorFlow cache a compiled program for each `Loss`; for them the margin is a separate
    input, so that another margin needs no other program.
    """
    margin, framework = settings.margin, framework_of(embeddings)
    if framework in ("jax", "tensorflow"):
        for values, what in ((labels, "labels"), (embeddings, "embeddings")):
            refuse_masked(values, what)
        one = cached_loss(settings._replace(margin=1.0))
        return _apply_in(framework)(one, labels, embeddings, None, margin)
    loss = cached_loss(settings._replace(margin=as_margin(margin))) if is_fixed(margin) else Loss(settings)
    return apply(loss, labels, embeddings)


def _apply_in(framework: str) -> Any:
    """A framework's `apply`, which imports the framework."""
    if framework == "torch":
        from .torch._functional import apply as torch_apply

        return torch_apply
    if framework == "jax":
        from ._jax import apply as jax_apply

        return jax_apply
    from ._tensorflow import apply as tensorflow_apply

    return tensorflow_apply


def refuse_masked(values: Any, what: str) -> None:
    """Refuses masked arrays, also in lists: frameworks would ignore the mask."""
    if isinstance(values, np.ma.MaskedArray):
        as_array(values, what)
    elif isinstance(values, (list, tuple)):
        for value in values:
            refuse_masked(value, what)


def called_by(root: str) -> bool:
    """Whether a function of the package `root` is on the call stack."""
    if root not in sys.modules:
        return False
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == root:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
