"""The loss as operations registered with ``torch.library``, without derivatives.

Margins and ids of losses are tensors, which are inputs of a compiled graph: other values need no
recompilation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .._loss import Loss, Settings, cached_loss, loss_by_id, registered_loss
from .._margin import as_margin
from ._tensors import COMPUTE_DTYPES, cast_checked, embeddings_array, labels_array, scalar, weights_array


def _settings(margin: torch.Tensor, *names: Any) -> Settings:
    """Settings from the constants of a graph, in which -1 threads stands for None."""
    settings = Settings(float(margin), *names)
    return settings._replace(threads=None if settings.threads == -1 else settings.threads)


def names(loss: Loss) -> tuple[str, str, str, str, int, bool]:
    """The settings that are constants of a graph, in the order of `_settings`."""
    s = loss.settings
    threads = -1 if s.threads is None else s.threads
    return s.distance, s.rule, s.reduction, s.backend, threads, s.require_positives


@torch.library.custom_op("triplet_loss::loss", mutates_args=())
def loss(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor | None,
    margin: torch.Tensor,
    loss_id: torch.Tensor,
    distance: str,
    rule: str,
    reduction: str,
    backend: str,
    threads: int,
    require_positives: bool,
    narrow: bool,
    needs_gradient: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss or losses, and on request the gradient, in the type of the computation.

    With `narrow`, a loss beyond the range of the embeddings' type is an error.
    """
    settings = _settings(margin, distance, rule, reduction, backend, threads, require_positives)
    cached = loss_by_id(int(loss_id), settings).on_torch()
    factors = None if weights is None else weights_array(weights)
    native = cached.evaluate(labels_array(labels), embeddings_array(embeddings), factors, needs_gradient)
    computed = COMPUTE_DTYPES[embeddings.dtype]
    losses = native.losses
    value = scalar(native.loss, computed) if losses is None else torch.from_numpy(losses)
    if narrow:
        cast_checked(value, embeddings.dtype)
    gradient = native.gradient
    return value, embeddings.new_empty(0, dtype=computed) if gradient is None else torch.from_numpy(gradient)


@loss.register_fake
def _(embeddings: Any, labels: Any, weights: Any, margin: Any, loss_id: Any, *names: Any) -> Any:
    reduction, needs_gradient = names[2], names[-1]
    computed = COMPUTE_DTYPES[embeddings.dtype]
    value = embeddings.new_empty(embeddings.shape[0] if reduction == "none" else (), dtype=computed)
    shape = embeddings.shape if needs_gradient else (0,)
    return value, torch.empty(shape, dtype=computed, device=embeddings.device)


@torch.library.custom_op("triplet_loss::pull", mutates_args=())
def vjp(
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
    """The gradient of the objective, given its derivative by each loss, in the type of the computation."""
    settings = _settings(margin, distance, rule, reduction, backend, threads, require_positives)
    cached = cached_loss(settings).on_torch()
    factors = None if weights is None else weights_array(weights)
    up = np.asarray(upstream.detach().double().numpy(), order="C")
    gradient = cached.vjp(labels_array(labels), embeddings_array(embeddings), factors, np.atleast_1d(up))
    return torch.from_numpy(gradient)


@vjp.register_fake
def _(embeddings: Any, *_: Any) -> Any:
    return torch.empty(embeddings.shape, dtype=COMPUTE_DTYPES[embeddings.dtype], device=embeddings.device)


@torch.library.custom_op("triplet_loss::margin", mutates_args=())
def margin_now(loss_id: torch.Tensor, grad_enabled: bool) -> torch.Tensor:
    """The margin of a loss at run time; an error if it requires a gradient."""
    cached = registered_loss(int(loss_id))
    if cached is None:
        raise RuntimeError(
            "the margin of this graph is a function of a loss that this process does not have: "
            "save the graph of a loss whose margin is a number"
        )
    # Custom operations run with autograd disabled. It is enabled for the margin's function, so that a
    # result that requires a gradient is detected.
    key = torch._C.DispatchKey.AutogradFunctionality
    with torch.set_grad_enabled(grad_enabled), torch._C._SetExcludeDispatchKeyGuard(key, False):
        margin = as_margin(cached.settings.margin)
    return torch.tensor(margin, dtype=torch.float64, device="cpu")


@margin_now.register_fake
def _(loss_id: Any, grad_enabled: bool) -> Any:
    return torch.empty((), dtype=torch.float64, device=loss_id.device)


def _vmap_by_loop(operation: Any, empty_result: Any) -> Any:
    """The `vmap` rule of an operation: a loop over the batches; `empty_result` is that of no batch."""

    def batched(info: Any, in_dims: tuple[Any, ...], *inputs: Any) -> Any:
        if info.batch_size == 0:
            embeddings = inputs[0] if in_dims[0] is None else inputs[0].movedim(in_dims[0], 0)
            results = empty_result(embeddings, *inputs)
            return results, 0 if isinstance(results, torch.Tensor) else (0,) * len(results)
        of = [
            [value] * info.batch_size if dim is None else value.unbind(dim)
            for value, dim in zip(inputs, in_dims)
        ]
        results = [operation(*one) for one in zip(*of)]
        if isinstance(results[0], torch.Tensor):
            return torch.stack(results), 0
        return tuple(map(torch.stack, zip(*results))), (0,) * len(results[0])

    return batched


def _empty_gradients(embeddings: torch.Tensor, *_: Any) -> torch.Tensor:
    return embeddings.new_empty((0, *embeddings.shape[-2:]), dtype=COMPUTE_DTYPES[embeddings.dtype])


def _empty_losses(embeddings: torch.Tensor, *inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
    reduction, needs_gradient = inputs[7], inputs[-1]
    gradient = _empty_gradients(embeddings)
    rows = gradient.shape[1:2] if reduction == "none" else ()
    return gradient.new_empty((0, *rows)), gradient if needs_gradient else gradient.new_empty((0, 0))


torch.library.register_vmap(loss, _vmap_by_loop(loss, _empty_losses))
torch.library.register_vmap(vjp, _vmap_by_loop(vjp, _empty_gradients))
