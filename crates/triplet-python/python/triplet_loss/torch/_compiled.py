"""The loss as operations of torch's library: what ``torch.compile`` puts into its graph.

Called outside a compiled function they cost several times what the autograd function of
``_eager`` does, so they are used only inside.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch

from .._loss import Loss
from ._tensors import COMPUTED, embeddings_array, labels_array, weights_array

# Losses by number, so that a compiled function finds the one whose statistics it keeps.
_losses: WeakValueDictionary[int, Loss] = WeakValueDictionary()
_next = 0


def register(loss: Loss) -> int:
    """A number that names this loss in compiled graphs."""
    global _next
    _next += 1
    _losses[_next] = loss
    return _next


def _found(number: int, settings: tuple[Any, ...]) -> Loss:
    loss = _losses.get(number)
    # A graph from a cache on disk may name a loss that another process had.
    return loss if loss is not None and _settings(loss) == settings else _of(settings)


def _settings(loss: Loss) -> tuple[Any, ...]:
    s = loss.settings
    threads = s.get("threads")
    return (
        loss.plan.margin,
        loss.plan.distance,
        loss.plan.rule,
        loss.plan.reduction,
        s.get("backend", "auto"),
        -1 if threads is None else threads,
        s.get("require_positives", False),
    )


def _of(settings: tuple[Any, ...]) -> Loss:
    margin, distance, rule, reduction, backend, threads, require_positives = settings
    return Loss(
        margin=margin,
        distance=distance,
        rule=rule,
        reduction=reduction,
        backend=backend,
        threads=None if threads < 0 else threads,
        require_positives=require_positives,
    )


@torch.library.custom_op("triplet_loss::loss", mutates_args=())
def _loss(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor | None,
    margin: float,
    distance: str,
    rule: str,
    reduction: str,
    backend: str,
    threads: int,
    require_positives: bool,
    number: int,
    needs_gradient: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss or losses, and the gradient if it is known yet, in the computed type."""
    loss = _found(number, (margin, distance, rule, reduction, backend, threads, require_positives))
    factors = None if weights is None else weights_array(weights)
    outcome = loss.evaluate(labels_array(labels), embeddings_array(embeddings), factors, needs_gradient)
    computed = COMPUTED[embeddings.dtype]
    if outcome.losses is None:
        value = torch.tensor(outcome.loss, dtype=computed)
    else:
        value = torch.from_numpy(outcome.losses)
    gradient = outcome.gradient
    return value, embeddings.new_empty(0, dtype=computed) if gradient is None else torch.from_numpy(gradient)


@_loss.register_fake
def _(embeddings: Any, labels: Any, weights: Any, margin: Any, distance: Any, rule: Any, reduction: str,
      backend: Any, threads: Any, require_positives: Any, number: Any, needs_gradient: bool) -> Any:  # fmt: skip
    computed = COMPUTED[embeddings.dtype]
    value = embeddings.new_empty(embeddings.shape[0] if reduction == "none" else (), dtype=computed)
    shape = embeddings.shape if needs_gradient else (0,)
    return value, torch.empty(shape, dtype=computed, device=embeddings.device)


@torch.library.custom_op("triplet_loss::pull", mutates_args=())
def _pull(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor | None,
    upstream: torch.Tensor,
    margin: float,
    distance: str,
    rule: str,
    reduction: str,
    backend: str,
    threads: int,
    require_positives: bool,
) -> torch.Tensor:
    """The gradient for a derivative by each row's loss, in the computed type."""
    loss = _of((margin, distance, rule, reduction, backend, threads, require_positives))
    factors = None if weights is None else weights_array(weights)
    up = np.asarray(upstream.detach().double().numpy(), order="C")
    gradient = loss.pull(labels_array(labels), embeddings_array(embeddings), factors, up)
    return torch.from_numpy(gradient)


@_pull.register_fake
def _(embeddings: Any, labels: Any, weights: Any, upstream: Any, *settings: Any) -> Any:
    return torch.empty(embeddings.shape, dtype=COMPUTED[embeddings.dtype], device=embeddings.device)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, torch.Tensor]) -> None:
    embeddings, labels, weights, *rest = inputs
    ctx.settings, ctx.dtype = tuple(rest[:7]), embeddings.dtype
    ctx.per_row = ctx.settings[3] == "none"
    ctx.save_for_backward(*((embeddings, labels, weights) if ctx.per_row else (output[1],)))


def _backward(ctx: Any, upstream: torch.Tensor, _of_gradient: Any) -> tuple[Any, ...]:
    if ctx.per_row:
        gradient = _pull(*ctx.saved_tensors, upstream, *ctx.settings)
    else:
        gradient = ctx.saved_tensors[0] * upstream
    return gradient.to(ctx.dtype), *(None,) * 11


_loss.register_autograd(_backward, setup_context=_setup)


def apply(
    loss: Loss, number: int, embeddings: torch.Tensor, labels: torch.Tensor, weights: Any, dtype: torch.dtype
) -> torch.Tensor:
    """The loss inside a compiled function."""
    if weights is not None and not isinstance(weights, torch.Tensor):
        weights = torch.as_tensor(weights, dtype=torch.float64)
    settings = _settings(loss)
    wanted = settings[3] != "none" and embeddings.requires_grad and torch.is_grad_enabled()
    value: torch.Tensor = _loss(embeddings.contiguous(), labels, weights, *settings, number, wanted)[0]
    return value.to(dtype)
