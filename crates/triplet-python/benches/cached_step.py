"""``cached_step`` next to the plain step: time and memory at several chunk sizes.

    python cached_step.py [ROWS] [CHUNK ...]

Defaults: 4096 rows, chunks of 128, 256, 512 and 1024. The model is a network of 4 layers, 2048 wide between
them. Time is that over two forwards and one backward, in turn and the median of rounds: of the whole batch,
and of the same chunks, with a gradient that is there from the start in place of the loss: what cutting the
batch up costs by itself. Memory is what a process takes more for one step than before it, in a process of
its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from torch import nn
from triplet_loss.torch import TripletSemiHardLoss, cached_step

ROUNDS = 9
WIDTH, HIDDEN, LAYERS, OUT = 128, 2048, 4, 128


def made(rows: int) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """The model, inputs and labels."""
    torch.manual_seed(1)
    layers: list[nn.Module] = [nn.Linear(WIDTH, HIDDEN), nn.ReLU()]
    for _ in range(LAYERS - 2):
        layers += [nn.Linear(HIDDEN, HIDDEN), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(HIDDEN, OUT))
    return model, torch.randn(rows, WIDTH), torch.arange(rows) % (rows // 8)


def plain(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, loss: TripletSemiHardLoss) -> None:
    """One forward and one backward."""
    loss(model(inputs), labels).backward()


def two_forwards(
    model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, loss: TripletSemiHardLoss
) -> None:
    """What the cached step does, without chunks."""
    with torch.no_grad():
        model(inputs)
    plain(model, inputs, labels, loss)


def passes_in_chunks(model: nn.Module, inputs: torch.Tensor, gradient: torch.Tensor, chunk: int) -> None:
    """Two forwards and a backward of each chunk, and no loss."""
    with torch.no_grad():
        for some in inputs.split(chunk):
            model(some)
    for some, upstream in zip(inputs.split(chunk), gradient.split(chunk), strict=True):
        model(some).backward(upstream)


def megabytes(name: str) -> float:
    """A line of this process's status."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1]) / 1024


def memory(rows: int, chunk: int) -> None:
    """Megabytes that one step takes, printed; chunk 0 is the plain step."""
    model, inputs, labels = made(rows)
    # Gradients, threads and what is allocated once are there.
    cached_step(model, inputs[:16], labels[:16] % 2, TripletSemiHardLoss(), 16)
    # Linux: the most from now on.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = megabytes("VmRSS")
    if chunk:
        cached_step(model, inputs, labels, TripletSemiHardLoss(), chunk)
    else:
        plain(model, inputs, labels, TripletSemiHardLoss())
    print(f"{megabytes('VmHWM') - before:.0f}")


def main() -> None:
    """Times, then memory."""
    rows, *chunks = [int(a) for a in sys.argv[1:]] or [4096]
    chunks = chunks or [128, 256, 512, 1024]
    model, inputs, labels = made(rows)
    loss = TripletSemiHardLoss()
    calls = {"two forwards, one backward": lambda: two_forwards(model, inputs, labels, loss)}
    calls["plain step"] = lambda: plain(model, inputs, labels, loss)
    gradient = torch.full((rows, OUT), 1e-3)
    for chunk in chunks:
        calls[f"chunks of {chunk}"] = lambda chunk=chunk: cached_step(model, inputs, labels, loss, chunk)
        calls[f"passes of {chunk}"] = lambda chunk=chunk: passes_in_chunks(model, inputs, gradient, chunk)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS + 1):
        for name, call in calls.items():
            model.zero_grad()
            start = perf_counter()
            call()
            times[name].append(perf_counter() - start)
    least = times["two forwards, one backward"][1:]
    print(f"{rows} rows, {torch.get_num_threads()} threads")

    def over(name: str, others: list[float]) -> float:
        return median(one / other for one, other in zip(times[name][1:], others, strict=True))

    names = ["two forwards, one backward", "plain step", *(f"chunks of {chunk}" for chunk in chunks)]
    for name, chunk in zip(names, [None, 0, *chunks], strict=True):
        line = f"{name:<28} {1e3 * min(times[name][1:]):8.1f} ms, "
        line += f"{over(name, least):.3f} of two forwards and a backward"
        if chunk:
            line += f", {over(name, times[f'passes of {chunk}'][1:]):.3f} of those in chunks"
        if chunk is not None:
            asked = [sys.executable, __file__, "--memory", str(rows), str(chunk)]
            line += f", {subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()} MB"
        print(line)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        memory(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
