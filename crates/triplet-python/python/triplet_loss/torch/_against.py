"""The loss of anchors against other rows: a reference set, or a memory bank."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .._against import Against, has_references
from .._arrays import naming
from .._labels import as_labels_of_both
from .._loss import Loss
from ._eager import as_embedding_dtype
from ._functional import checked_dtype, margin_now
from ._modes import in_forward_mode, is_traced
from ._no_second_derivative import no_forward_mode
from ._tensors import (
    cast_checked,
    check_embeddings,
    embeddings_array,
    labels_array,
    on_cpu,
    scalar,
    weights_array,
)


class References(NamedTuple):
    """Rows that positives and negatives are taken from, instead of the batch."""

    embeddings: torch.Tensor
    """`[N, D]`."""
    labels: Any
    """`[N]`, of the same kind as the batch's."""
    ids: Any = None
    """What each anchor is; a reference with the same id is neither its positive nor its negative."""
    ref_ids: Any = None
    """What each reference is."""

    def transferred(self) -> References:
        """The same on the CPU."""
        return References(*(part.cpu() if isinstance(part, torch.Tensor) else part for part in self))


def references(embeddings: Any, labels: Any, ids: Any = None, ref_ids: Any = None) -> References | None:
    """The references given by arguments that go together; None for none."""
    if not has_references(embeddings, labels, ids, ref_ids):
        return None
    return References(embeddings, labels, ids, ref_ids)


def as_arrays(labels: Any, given: References, gradient: bool) -> tuple[NDArray[np.int64], Against]:
    """The anchors' labels, and the references, as the native module takes them."""
    with naming("ref_emb"):
        check_embeddings(given.embeddings)
        on_cpu(given.embeddings, "they")
    numbers, others = _of_both(labels, given.labels, ("labels", "ref_labels"))
    ids = None if given.ids is None else _of_both(given.ids, given.ref_ids, ("ids", "ref_ids"))
    return numbers, Against(others, embeddings_array(given.embeddings), ids, gradient)


def _of_both(first: Any, second: Any, names: tuple[str, str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return labels_array(first, names[0]), labels_array(second, names[1])
    one, other = (
        labels_array(side, name) if isinstance(side, torch.Tensor) else side
        for side, name in zip((first, second), names)
    )
    return as_labels_of_both(one, other, names)


class _Call(NamedTuple):
    """The inputs besides both sides' embeddings."""

    loss: Loss
    labels: NDArray[np.int64]
    against: Against
    weights: NDArray[np.float64] | None
    dtype: torch.dtype


class _AgainstLoss(torch.autograd.Function):
    """The loss; its gradients are computed in the forward pass, unless there is one loss a row."""

    jvp = staticmethod(no_forward_mode)

    @staticmethod
    def forward(ctx: Any, embeddings: torch.Tensor, others: torch.Tensor, call: _Call) -> Any:
        loss, labels, against, weights, dtype = call
        rows = embeddings_array(embeddings)
        if loss.settings.reduction == "none":
            native = loss.evaluate(
                labels, rows, weights, gradient=False, against=against._replace(gradient=False)
            )
            # Copies: autograd does not detect changes of these arrays before the backward pass.
            ids = None if against.ids is None else (against.ids[0].copy(), against.ids[1].copy())
            copies = against._replace(labels=against.labels.copy(), ids=ids)
            factors = None if weights is None else weights.copy()
            ctx.call = call._replace(labels=labels.copy(), against=copies, weights=factors)
            ctx.save_for_backward(embeddings, others)
            return cast_checked(torch.from_numpy(native.losses), dtype)
        native = loss.evaluate(labels, rows, weights, against=against)
        ctx.call = None
        # References that are constants may change before the backward pass, which does not read them.
        sides = (embeddings, others) if against.gradient else (embeddings,)
        found = (native.gradient, native.candidate_gradient)[: len(sides)]
        ctx.save_for_backward(*sides, *(torch.from_numpy(gradient) for gradient in found))
        return scalar(native.loss, dtype)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        saved = ctx.saved_tensors
        if is_traced(upstream):
            raise NotImplementedError(_NOT_TRACED)
        if ctx.call is None:
            sides, gradients = saved[: len(saved) // 2], saved[len(saved) // 2 :]
            gradients = [gradient * upstream.item() for gradient in gradients]
        else:
            sides = embeddings, others = saved
            loss, labels, against, weights, _ = ctx.call
            factors = np.asarray(upstream.detach().double().numpy(), order="C")
            against = against._replace(rows=embeddings_array(others))
            found = loss.vjp_against(labels, embeddings_array(embeddings), weights, factors, against)
            gradients = [torch.from_numpy(gradient) for gradient in found if gradient is not None]
        results = [as_embedding_dtype(gradient, side) for gradient, side in zip(gradients, sides)]
        return *results, *(None,) * (3 - len(results))


_NOT_TRACED = (
    "a loss with ref_emb cannot be transformed or recorded (torch.func, vmap, make_fx, export): call it in "
    "eager mode, or within torch.compile, which leaves its graph for the call"
)


def apply(
    loss: Loss, labels: Any, embeddings: torch.Tensor, given: References, weights: Any = None
) -> torch.Tensor:
    """A scalar, or `[B]` without a reduction, in the embeddings' type; f32 under autocast."""
    dtype = checked_dtype(embeddings, weights)
    if is_traced(embeddings):
        raise NotImplementedError(_NOT_TRACED)
    others = given.embeddings
    if isinstance(others, torch.Tensor) and others.is_inference() and not torch.is_inference_mode_enabled():
        others = others.clone()  # what inference mode has made cannot be saved for the backward pass
        given = given._replace(embeddings=others)
    tracks = torch.is_grad_enabled()
    needed = tracks and isinstance(others, torch.Tensor) and others.requires_grad
    numbers, against = as_arrays(labels, given, needed)
    factors = None if weights is None else weights_array(weights)
    loss = margin_now(loss.on_torch())
    if needed or (tracks and embeddings.requires_grad) or in_forward_mode():
        result: torch.Tensor = _AgainstLoss.apply(
            embeddings, others, _Call(loss, numbers, against, factors, dtype)
        )
        return result
    native = loss.evaluate(numbers, embeddings_array(embeddings), factors, gradient=False, against=against)
    if loss.settings.reduction == "none":
        return cast_checked(torch.from_numpy(native.losses), dtype)
    return scalar(native.loss, dtype)
