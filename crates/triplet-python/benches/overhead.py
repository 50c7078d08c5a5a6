"""What Python adds to a call: NumPy and torch against the same call from Rust.

    python overhead.py [--rounds N] [--threads N] [SHAPE ...]      shapes as 32x64, or 1024x128

The three are timed alternately, some calls each a round; the table gives medians, and minima
in brackets, in microseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import triplet_loss
from triplet_loss import _engine

CALLS = 20


def timed(call: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def ways(x: np.ndarray, y: np.ndarray, threads: int) -> dict[str, Callable[[], list[float]]]:
    """Each gives the seconds of some calls."""
    plan = _engine.plan(threads=threads)
    found = {
        "Rust": lambda: _engine.engine.rust_seconds(plan, y, x, CALLS),
        "NumPy": lambda: timed(lambda: triplet_loss.evaluate(y, x, threads=threads)),
    }
    try:
        import torch
    except ImportError:
        return found
    from triplet_loss.torch import TripletSemiHardLoss

    torch.set_num_threads(threads)
    loss = TripletSemiHardLoss(threads=threads)
    labels, rows = torch.from_numpy(y), torch.from_numpy(x).requires_grad_()

    def step() -> None:
        rows.grad = None
        loss(rows, labels).backward()

    def without_node() -> None:
        rows.grad = None
        _, gradient = loss.value_and_gradient(rows, labels)
        rows.backward(gradient)

    class Empty(torch.autograd.Function):
        """The least that a function with a backward pass costs in torch."""

        @staticmethod
        def forward(ctx, x):
            ctx.gradient = x
            return torch.tensor(1.0)

        @staticmethod
        def backward(ctx, upstream):
            return ctx.gradient

    def empty() -> None:
        rows.grad = None
        Empty.apply(rows).backward()

    found["torch, forward and backward"] = lambda: timed(step)
    found["torch, value_and_gradient"] = lambda: timed(without_node)
    found["torch, an empty function's"] = lambda: timed(empty)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("shapes", nargs="*", default=["32x64", "64x128", "128x128", "512x128", "1024x128"])
    arguments = parser.parse_args()
    for shape in arguments.shapes:
        rows, width = map(int, shape.split("x"))
        x = np.random.default_rng(0).standard_normal((rows, width), np.float32)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        y = np.repeat(np.arange(-(-rows // 8)), 8)[:rows].astype(np.int64)
        these = ways(x, y, arguments.threads)
        seconds: dict[str, list[float]] = {name: [] for name in these}
        for number in range(arguments.rounds):
            for name, way in these.items():
                took = way()
                if number:  # the first round warms up
                    seconds[name] += took[1:]  # and so does each round's first call
        print(f"{rows} x {width}, {arguments.threads} threads")
        rust = seconds["Rust"]
        for name, took in seconds.items():
            line = f"  {name:28} {micros(statistics.median(took), min(took))}"
            if name != "Rust":
                more = micros(statistics.median(took) - statistics.median(rust), min(took) - min(rust))
                line += f"   Rust + {more}" * ("empty" not in name)
            print(line)


def micros(median: float, least: float) -> str:
    return f"{1e6 * median:9.1f} ({1e6 * least:.1f})"


if __name__ == "__main__":
    main()
