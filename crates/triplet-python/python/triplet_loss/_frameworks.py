"""Which framework a tensor belongs to, and the loss in it."""

from __future__ import annotations

from typing import Any

from ._loss import Loss

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
    framework = framework_of(embeddings)
    if framework == "torch":
        from .torch._functional import apply as torch_apply

        return torch_apply(loss, labels, embeddings, weights)
    if framework == "jax":
        from .jax import apply as jax_apply

        return jax_apply(loss, labels, embeddings, weights)
    if framework == "tensorflow":
        from ._tensorflow import apply as tensorflow_apply

        return tensorflow_apply(loss, labels, embeddings, weights)
    from ._evaluate import evaluate

    s = loss.settings
    return evaluate(
        labels,
        embeddings,
        s.margin,
        s.distance,
        s.rule,
        weights,
        s.reduction,
        s.backend,
        s.threads,
        gradient=False,
        require_positives=s.require_positives,
    ).loss
