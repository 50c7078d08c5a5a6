"""The loss as operations of torch's library, without derivatives.

Margins and the names of losses are tensors, which a compiled graph takes as inputs: other
values need no other graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .._loss import Loss, Settings, found, named_in_graph, shared
from .._margin import as_margin
from ._tensors import COMPUTED, embeddings_array, fitting, labels_array, scalar, weights_array


def _settings(margin: torch.Tensor, *names: Any) -> Settings:
    """From what a graph can hold: threads are -1 for None."""
    settings = Settings(float(margin), *names)
    return settings._replace(threads=None if settings.threads == -1 else settings.threads)


def names(loss: Loss) -> tuple[str, str, str, str, int, bool]:
    """The settings that a graph holds as constants, as `_settings` reads them."""
    s = loss.settings
    threads = -1 if s.threads is None else s.threads
    return s.distance, s.rule, s.reduction, s.backend, threads, s.require_positives


@torch.library.custom_op("triplet_loss::loss", mutates_args=())
def loss(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor | None,
    margin: torch.Tensor,
    number: torch.Tensor,
    distance: str,
    rule: str,
    reduction: str,
    backend: str,
    threads: int,
    require_positives: bool,
    narrow: bool,
    needs_gradient: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss or losses, and the gradient if it is known yet, in the computed type.

    With `narrow`, a loss that the embeddings' type cannot hold is an error.
    """
    settings = _settings(margin, distance, rule, reduction, backend, threads, require_positives)
    known = found(int(number), settings)
    factors = None if weights is None else weights_array(weights)
    outcome = known.evaluate(labels_array(labels), embeddings_array(embeddings), factors, needs_gradient)
    computed = COMPUTED[embeddings.dtype]
    losses = outcome.losses
    value = scalar(outcome.loss, computed) if losses is None else torch.from_numpy(losses)
    if narrow:
        fitting(value, embeddings.dtype)
    gradient = outcome.gradient
    return value, embeddings.new_empty(0, dtype=computed) if gradient is None else torch.from_numpy(gradient)


@loss.register_fake
def _(embeddings: Any, labels: Any, weights: Any, margin: Any, number: Any, *names: Any) -> Any:
    reduction, needs_gradient = names[2], names[-1]
    computed = COMPUTED[embeddings.dtype]
    value = embeddings.new_empty(embeddings.shape[0] if reduction == "none" else (), dtype=computed)
    shape = embeddings.shape if needs_gradient else (0,)
    return value, torch.empty(shape, dtype=computed, device=embeddings.device)


@torch.library.custom_op("triplet_loss::pull", mutates_args=())
def pull(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor | None,
    upstream: torch.Tensor,
    margin: torch.Tensor,
    distance: str,
    rule: str,
    reduction: str,
    backend: str,
    threads: int,
    require_positives: bool,
) -> torch.Tensor:
    """The gradient for a derivative by the loss, or by each row's, in the computed type."""
    known = shared(_settings(margin, distance, rule, reduction, backend, threads, require_positives))
    factors = None if weights is None else weights_array(weights)
    up = np.asarray(upstream.detach().double().numpy(), order="C")
    gradient = known.pull(labels_array(labels), embeddings_array(embeddings), factors, np.atleast_1d(up))
    return torch.from_numpy(gradient)


@pull.register_fake
def _(embeddings: Any, *_: Any) -> Any:
    return torch.empty(embeddings.shape, dtype=COMPUTED[embeddings.dtype], device=embeddings.device)


@torch.library.custom_op("triplet_loss::margin", mutates_args=())
def margin_now(number: torch.Tensor, grad_enabled: bool) -> torch.Tensor:
    """What the margin of a loss is when the graph runs; an error if it requires a gradient."""
    known = named_in_graph(int(number))
    if known is None:
        raise RuntimeError(
            "the margin of this graph is a function of a loss that this process does not have: "
            "save the graph of a loss whose margin is a number"
        )
    # Operations run below autograd, where nothing that the function computes would require a gradient.
    key = torch._C.DispatchKey.AutogradFunctionality
    with torch.set_grad_enabled(grad_enabled), torch._C._SetExcludeDispatchKeyGuard(key, False):
        margin = as_margin(known.settings.margin)
    return torch.tensor(margin, dtype=torch.float64, device="cpu")


@margin_now.register_fake
def _(number: Any, grad_enabled: bool) -> Any:
    return torch.empty((), dtype=torch.float64, device=number.device)


def _one_by_one(operation: Any, of_none: Any) -> Any:
    """How `vmap` goes over the batches of an operation: one after the other."""

    def batched(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> Any:
        if info.batch_size == 0:
            embeddings = inputs[0] if in_dims[0] is None else inputs[0].movedim(in_dims[0], 0)
            answers = of_none(embeddings, *inputs)
            return answers, 0 if isinstance(answers, torch.Tensor) else (0,) * len(answers)
        of = [
            [value] * info.batch_size if dim is None else value.unbind(dim)
            for value, dim in zip(inputs, in_dims)
        ]
        answers = [operation(*one) for one in zip(*of)]
        if isinstance(answers[0], torch.Tensor):
            return torch.stack(answers), 0
        return tuple(map(torch.stack, zip(*answers))), (0,) * len(answers[0])

    return batched


def _no_pulls(embeddings: torch.Tensor, *_: Any) -> torch.Tensor:
    return embeddings.new_empty((0, *embeddings.shape[-2:]), dtype=COMPUTED[embeddings.dtype])


def _no_losses(embeddings: torch.Tensor, *inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
    reduction, needs_gradient = inputs[7], inputs[-1]
    gradient = _no_pulls(embeddings)
    rows = gradient.shape[1:2] if reduction == "none" else ()
    return gradient.new_empty((0, *rows)), gradient if needs_gradient else gradient.new_empty((0, 0))


torch.library.register_vmap(loss, _one_by_one(loss, _no_losses))
torch.library.register_vmap(pull, _one_by_one(pull, _no_pulls))
