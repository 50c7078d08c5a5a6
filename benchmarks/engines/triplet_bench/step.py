"""Training steps of a small network, with each loss and with none.

784 inputs, 512 hidden units, D outputs scaled to length 1; Adam. Each loss has a network of its
own, put back to the same weights before every step, so that all do the same work.
"""

from itertools import pairwise
from time import perf_counter

from .peers import OURS, torch_losses
from .registry import RIVALS, Batch, Rival, buffer, has

INPUTS, HIDDEN = 784, 512
WITHOUT = "no loss (a sum)"


def add(threads: int) -> None:
    """Registers a step with every loss that this Python has."""
    if not has("triplet_loss"):
        raise ImportError(
            "--step needs the package triplet-loss in this Python: pip install ./crates/triplet-python"
        )
    # A sum that no cancellation makes constant: its gradient reaches every weight.
    _register(WITHOUT, lambda x, y: (x * _signs(x)).sum(), lambda b, d: 0, None, False)
    found = sorted(torch_losses(threads), key=lambda it: it[0] != OURS)
    for it in found:
        _register(*it)


def _signs(x):
    import torch

    return buffer("signs", lambda: torch.arange(x.numel()).reshape(x.shape).remainder(2).mul(2.0).sub(1.0))


def _register(name, loss, needed, distance, compiles) -> None:
    def bytes_needed(b, d):
        return needed(b, d) + 8 * b * (INPUTS + 4 * HIDDEN) + 32 * HIDDEN * (INPUTS + d)

    RIVALS[name] = Rival("step", lambda: _step(name, loss), bytes_needed, distance, compiles=compiles)


def _network(width: int):
    import torch

    torch.manual_seed(1)
    layers = torch.nn.Sequential(
        torch.nn.Linear(INPUTS, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, width)
    )
    optimiser = torch.optim.Adam(layers.parameters(), lr=1e-3)
    return layers, optimiser, [weights.detach().clone() for weights in layers.parameters()]


def _inputs(rows: int):
    import torch

    return torch.randn(rows, INPUTS, generator=torch.Generator().manual_seed(1))


def _step(name, loss):
    """(loss, milliseconds of forward, loss, backward and optimiser)."""
    import torch

    layers, optimiser, first = buffer(f"network {name}", lambda: _network(Batch.x.shape[1]))
    inputs, y = buffer("inputs", lambda: _inputs(len(Batch.x))), torch.from_numpy(Batch.y)
    with torch.no_grad():
        for weights, value in zip(layers.parameters(), first):
            weights.copy_(value)
    times = [perf_counter()]
    optimiser.zero_grad()
    x = torch.nn.functional.normalize(layers(inputs), dim=1)
    times.append(perf_counter())
    value = loss(x, y)
    times.append(perf_counter())
    value.backward()
    times.append(perf_counter())
    optimiser.step()
    times.append(perf_counter())
    return value.item(), [1e3 * (end - start) for start, end in pairwise(times)]


def expected(distance: str, threads: int) -> float:
    """The loss of the first step by triplet, in the distance of another loss."""
    import torch
    from triplet_loss.torch import TripletSemiHardLoss

    layers, _, _ = _network(Batch.x.shape[1])
    with torch.no_grad():
        x = torch.nn.functional.normalize(layers(_inputs(len(Batch.x))), dim=1)
    return float(
        TripletSemiHardLoss(margin=1.0, distance=distance, threads=threads)(x, torch.from_numpy(Batch.y))
    )
