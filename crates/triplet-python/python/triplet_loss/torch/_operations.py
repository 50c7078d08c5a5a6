"""The loss as operations of torch's library: for ``torch.compile`` and ``torch.func``.

They cost several times what the autograd functions of ``_eager`` do, so they are used only
where those cannot be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .._loss import Loss, Settings, found, shared
from ._once import once
from ._tensors import (
    COMPUTED,
    NARROW,
    embeddings_array,
    fitting,
    labels_array,
    on_cpu,
    scalar,
    weights_array,
)


def _settings(*values: Any) -> Settings:
    """From what a graph can hold: threads are -1 for None."""
    settings = Settings(*values)
    return settings._replace(threads=None if settings.threads == -1 else settings.threads)


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
    narrow: bool,
    needs_gradient: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss or losses, and the gradient if it is known yet, in the computed type.

    With `narrow`, a loss that the embeddings' type cannot hold is an error.
    """
    settings = _settings(margin, distance, rule, reduction, backend, threads, require_positives)
    loss = found(number, settings)
    factors = None if weights is None else weights_array(weights)
    outcome = loss.evaluate(labels_array(labels), embeddings_array(embeddings), factors, needs_gradient)
    computed = COMPUTED[embeddings.dtype]
    losses = outcome.losses
    value = scalar(outcome.loss, computed) if losses is None else torch.from_numpy(losses)
    if narrow:
        fitting(value, embeddings.dtype)
    gradient = outcome.gradient
    return value, embeddings.new_empty(0, dtype=computed) if gradient is None else torch.from_numpy(gradient)


@_loss.register_fake
def _(embeddings: Any, labels: Any, weights: Any, *rest: Any) -> Any:
    reduction, needs_gradient = rest[3], rest[-1]
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
    loss = shared(_settings(margin, distance, rule, reduction, backend, threads, require_positives))
    factors = None if weights is None else weights_array(weights)
    up = np.asarray(upstream.detach().double().numpy(), order="C")
    gradient = loss.pull(labels_array(labels), embeddings_array(embeddings), factors, up)
    return torch.from_numpy(gradient)


@_pull.register_fake
def _(embeddings: Any, labels: Any, weights: Any, upstream: Any, *settings: Any) -> Any:
    return torch.empty(embeddings.shape, dtype=COMPUTED[embeddings.dtype], device=embeddings.device)


def _one_by_one(operation: Any) -> Any:
    """How `vmap` goes over the batches of an operation: one after the other."""

    def batched(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> Any:
        of = [
            [value] * info.batch_size if dim is None else value.unbind(dim)
            for value, dim in zip(inputs, in_dims)
        ]
        answers = [operation(*one) for one in zip(*of)]
        if isinstance(answers[0], torch.Tensor):
            return torch.stack(answers), 0
        return tuple(map(torch.stack, zip(*answers))), (0,) * len(answers[0])

    return batched


torch.library.register_vmap(_loss, _one_by_one(_loss))
torch.library.register_vmap(_pull, _one_by_one(_pull))


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, torch.Tensor]) -> None:
    embeddings, labels, weights, *rest = inputs
    ctx.settings, ctx.dtype = tuple(rest[:7]), embeddings.dtype
    ctx.per_row = ctx.settings[3] == "none"
    # The embeddings lead a second derivative to its error.
    ctx.save_for_backward(embeddings, *((labels, weights) if ctx.per_row else (output[1],)))


def _backward(ctx: Any, upstream: torch.Tensor, _of_gradient: Any) -> tuple[Any, ...]:
    embeddings, *rest = ctx.saved_tensors
    if ctx.per_row:
        gradient = _pull(embeddings.detach(), *rest, upstream, *ctx.settings)
    else:
        gradient = rest[0] * upstream
    return once(gradient, embeddings).to(ctx.dtype), *(None,) * 12


_loss.register_autograd(_backward, setup_context=_setup)


class _Transformed(torch.autograd.Function):
    """The same for `torch.func`, which does not take what is registered."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*inputs: Any) -> Any:
        return _loss(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.mark_non_differentiable(output[1])
        _setup(ctx, inputs, output)

    backward = staticmethod(_backward)


def apply(
    loss: Loss, embeddings: torch.Tensor, labels: torch.Tensor, weights: Any, dtype: torch.dtype
) -> torch.Tensor:
    """The loss inside a compiled function, or one that `torch.func` transforms."""
    if not isinstance(labels, torch.Tensor):
        labels = torch.as_tensor(labels, device="cpu")
    if weights is not None and not isinstance(weights, torch.Tensor):
        weights = torch.as_tensor(weights, dtype=torch.float64, device="cpu")
    on_cpu(labels, "labels")
    if weights is not None:
        on_cpu(weights, "sample_weight")
    s = loss.settings
    plain = (
        s.margin,
        s.distance,
        s.rule,
        s.reduction,
        s.backend,
        -1 if s.threads is None else s.threads,
        s.require_positives,
    )
    wanted = s.reduction != "none" and embeddings.requires_grad and torch.is_grad_enabled()
    call = _loss if torch.compiler.is_compiling() else _Transformed.apply
    value: torch.Tensor = call(
        embeddings.contiguous(), labels, weights, *plain, loss.number, dtype in NARROW, wanted
    )[0]
    return value.to(dtype)
