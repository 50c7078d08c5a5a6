"""Large batches in the memory of a chunk: the gradient cache of Gao et al. (2021, arXiv:2101.06983)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from ._tensors import not_dense_error


def cached_step(
    model: torch.nn.Module | Callable[[Any], torch.Tensor],
    inputs: Any,
    labels: Any,
    loss: Callable[[torch.Tensor, Any], torch.Tensor],
    chunk: int,
    *,
    scaler: Any = None,
) -> torch.Tensor:
    """Forward and backward of one batch, of which the model has at most ``chunk`` rows in memory at a time.

    As ``loss(model(inputs), labels).backward()``: gradients are added to those of the parameters, and the
    value is returned, detached. The model runs twice on every chunk: without a graph, for the embeddings of
    the whole batch and the loss's gradient to them, and again with a graph, from the same random state
    (dropout draws the same masks), for the gradient to the parameters. Losses that keep something from
    call to call, such as ``CrossBatchMemory``, are called once.

    - ``inputs``: a tensor whose first dimension is the batch, or a mapping or a sequence of such tensors,
      cut alike; what else a mapping holds is passed on as it is.
    - ``model``: given a chunk of ``inputs``, in the same form, gives its embeddings ``[rows, D]``.
    - ``loss``: given all embeddings, those of the chunks after each other, and ``labels``.
    - ``scaler``: a ``torch.amp.GradScaler``, whose scaled loss the gradients are of.

    Autocast is used as it is at the call. Of a model in ``DistributedDataParallel`` the gradients are
    exchanged once, with those of the last chunk. Batch normalisation in training mode is refused: its
    statistics would be those of a chunk, and be updated twice. Random numbers that are not torch's are not
    drawn again.

    >>> import torch
    >>> from triplet_loss.torch import TripletSemiHardLoss, cached_step
    >>> model = torch.nn.Linear(3, 2)
    >>> inputs, labels = torch.randn(100, 3), torch.arange(100) % 10
    >>> value = cached_step(model, inputs, labels, TripletSemiHardLoss(), chunk=32)
    >>> value.requires_grad, model.weight.grad is not None
    (False, True)

    Raises ``ValueError`` for a chunk below 1, inputs without rows or of different lengths, and a model that
    gives other numbers of rows than it is given; ``RuntimeError`` if no gradient reaches the model.
    """
    rows = _rows(inputs)
    if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
        raise ValueError(
            f"chunk is {chunk!r}: give the number of rows, at least 1, that the model takes at a time"
        )
    if not callable(model):
        raise TypeError(
            f"model is a {type(model).__name__}: expected a module, or a function of a chunk of inputs"
        )
    if not callable(loss):
        raise TypeError(f"loss is a {type(loss).__name__}: expected a function of embeddings and labels")
    if scaler is not None and not callable(getattr(scaler, "scale", None)):
        raise TypeError(f"scaler is a {type(scaler).__name__}: expected a torch.amp.GradScaler, or None")
    _refuse_batch_norm(model)
    spans = [(start, min(start + chunk, rows)) for start in range(0, rows, chunk)]
    devices = _devices(inputs, model)
    states: list[list[torch.Tensor]] = []
    embedded: list[torch.Tensor] = []
    with torch.no_grad():
        for span in spans:
            states.append(_random_state(devices))
            embedded.append(_embed(model, inputs, span))
            if embedded[-1].shape[1] != embedded[0].shape[1]:
                raise ValueError(
                    f"the model gives embeddings of width {embedded[-1].shape[1]} for rows {span[0]} to "
                    f"{span[1]}, and of width {embedded[0].shape[1]} for those before: one width is needed"
                )
    # Autocast keeps weights that it has cast, these without a graph.
    torch.clear_autocast_cache()
    embeddings = torch.cat(embedded).requires_grad_()
    with torch.enable_grad():
        value = loss(embeddings, labels)
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"the loss gives a {type(value).__name__}: expected a tensor, to be differentiated")
    if value.numel() != 1:
        raise ValueError(f"the loss has the shape {tuple(value.shape)}: one number is needed, so reduce it")
    if not value.requires_grad:
        raise RuntimeError(_NO_GRADIENT)
    (value if scaler is None else scaler.scale(value)).backward()
    gradient = embeddings.grad
    if gradient is None:
        raise RuntimeError(_NO_GRADIENT)
    del embedded, embeddings
    last = len(spans) - 1
    for at, (span, state) in enumerate(zip(spans, states)):
        with _drawn_again(state, devices), torch.enable_grad(), _unsynchronised(model, at < last):
            output = _embed(model, inputs, span)
            if not output.requires_grad:
                raise RuntimeError("the model's embeddings have no graph: no parameter requires a gradient")
            output.backward(gradient[slice(*span)].to(output.dtype))
    return value.detach()


_NO_GRADIENT = "the loss gives the embeddings no gradient: it does not depend on them, or detaches them"


def _leaves(inputs: Any) -> list[tuple[str, torch.Tensor]]:
    """The tensors that are cut, and what they are called in messages."""
    if isinstance(inputs, torch.Tensor):
        return [("inputs", inputs)]
    if isinstance(inputs, Mapping):
        named: Iterator[tuple[str, Any]] = ((f"inputs[{key!r}]", value) for key, value in inputs.items())
    elif isinstance(inputs, Sequence) and not isinstance(inputs, str):
        named = ((f"inputs[{at}]", value) for at, value in enumerate(inputs))
    else:
        raise TypeError(
            f"inputs is {type(inputs).__name__}: give a tensor, or a mapping or a sequence of tensors"
        )
    found = list(named)
    tensors = [(name, value) for name, value in found if isinstance(value, torch.Tensor)]
    if not isinstance(inputs, Mapping) and len(tensors) < len(found):
        name, value = next((n, v) for n, v in found if not isinstance(v, torch.Tensor))
        raise TypeError(f"{name} is {type(value).__name__}, not a tensor: it cannot be cut into chunks")
    return tensors


def _rows(inputs: Any) -> int:
    leaves = _leaves(inputs)
    for name, leaf in leaves:
        if leaf.layout not in (torch.strided, torch.jagged):
            raise not_dense_error(name, f"one with layout {leaf.layout}", "call .to_dense()")
        if leaf.dim() == 0 or len(leaf) == 0:
            raise ValueError(f"{name} has the shape {tuple(leaf.shape)}: there are no rows to embed")
        if len(leaf) != len(leaves[0][1]):
            raise ValueError(
                f"{name} has {len(leaf)} rows and {leaves[0][0]} {len(leaves[0][1])}: "
                "one of each belongs to a sample"
            )
    if not leaves:
        raise ValueError("inputs holds no tensor")
    return len(leaves[0][1])


def _embed(model: Callable[[Any], torch.Tensor], inputs: Any, span: tuple[int, int]) -> torch.Tensor:
    part: Any
    if isinstance(inputs, torch.Tensor):
        part = inputs[slice(*span)]
    elif isinstance(inputs, Mapping):
        part = {k: v[slice(*span)] if isinstance(v, torch.Tensor) else v for k, v in inputs.items()}
    else:
        part = [value[slice(*span)] for value in inputs]
    output = model(part)
    if not isinstance(output, torch.Tensor):
        raise TypeError(
            f"the model gives {type(output).__name__}, not a tensor of embeddings: "
            "pass a function that picks them out"
        )
    if not (output.is_floating_point() or output.is_complex()):
        raise TypeError(
            f"the model gives embeddings of dtype {output.dtype}: floats are needed, for a gradient"
        )
    if output.dim() != 2 or len(output) != span[1] - span[0]:
        raise ValueError(
            f"of rows {span[0]} to {span[1]} the model gives the shape {tuple(output.shape)}, "
            f"not {span[1] - span[0]} embeddings"
        )
    return output


def _refuse_batch_norm(model: Any) -> None:
    if not isinstance(model, torch.nn.Module):
        return
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.training:
            raise ValueError(
                f"{name or 'the model'} is {type(module).__name__} in training mode: its statistics would be "
                "those of a chunk, and be updated twice; call .eval() on it, or use LayerNorm or GroupNorm"
            )


def _devices(inputs: Any, model: Any) -> list[torch.device]:
    """Those, besides the CPU, whose random state is drawn from."""
    tensors = [leaf for _, leaf in _leaves(inputs)]
    if isinstance(model, torch.nn.Module):
        tensors.extend(model.parameters())
    found = {tensor.device for tensor in tensors if tensor.device.type not in ("cpu", "meta")}
    return sorted(found, key=str)


def _random_state(devices: list[torch.device]) -> list[torch.Tensor]:
    others = [getattr(torch, device.type).get_rng_state(device) for device in devices]
    return [torch.get_rng_state(), *others]


def _set_random_state(state: list[torch.Tensor], devices: list[torch.device]) -> None:
    torch.set_rng_state(state[0])
    for device, other in zip(devices, state[1:]):
        getattr(torch, device.type).set_rng_state(other, device)


@contextmanager
def _drawn_again(state: list[torch.Tensor], devices: list[torch.device]) -> Iterator[None]:
    """Random numbers as from a state on; afterwards those that would have come now."""
    now = _random_state(devices)
    _set_random_state(state, devices)
    try:
        yield
    finally:
        _set_random_state(now, devices)


def _unsynchronised(model: Any, wanted: bool) -> Any:
    """Gradients of all chunks but the last stay with the rank."""
    is_parallel = hasattr(model, "no_sync") and isinstance(model, torch.nn.Module)
    return model.no_sync() if wanted and is_parallel else nullcontext()
