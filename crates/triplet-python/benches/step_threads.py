"""The loss alone and within a training step, on torch's threads and on threads of its own.

    python step_threads.py [--framework torch|jax|tensorflow] [--rounds N] [--threads N] [ROWS ...]

Rounds alternate: for each backend some calls of loss and gradient on embeddings that are there already,
and some steps of a 784-512-128 network, forward and backward, of which the loss's part is timed. The
table gives medians, and minima in brackets, in microseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

CALLS = 8
WIDTHS = (784, 512, 128)
Timed = dict[str, Callable[[], list[float]]]


def torch_ways(rows: int, labels: np.ndarray, threads: int) -> Timed:
    """The seconds of the loss's part, by backend and place."""
    import torch
    from triplet_loss.torch import TripletSemiHardLoss

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layers = [torch.nn.Linear(*sizes) for sizes in zip(WIDTHS, WIDTHS[1:])]
    network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    x, y = torch.rand(rows, WIDTHS[0]), torch.from_numpy(labels)
    there = network(x).detach().requires_grad_()

    def part(loss, embeddings) -> float:
        start = time.perf_counter()
        _, gradient = loss.value_and_gradient(embeddings, y)
        took = time.perf_counter() - start
        embeddings.backward(gradient)
        return took

    def alone(loss) -> list[float]:
        time.sleep(0.02)  # torch's threads fall asleep
        return [part(loss, there) for _ in range(CALLS)][2:]

    def within(loss) -> list[float]:
        found = []
        for _ in range(CALLS):
            network.zero_grad()
            found.append(part(loss, network(x)))
        return found[2:]

    def whole(loss) -> list[float]:
        found = []
        for _ in range(CALLS):
            start = time.perf_counter()
            network.zero_grad()
            part(loss, network(x))
            found.append(time.perf_counter() - start)
        return found[2:]

    ways: Timed = {}
    for backend in ("par", "openmp"):
        loss = TripletSemiHardLoss(threads=threads, backend=backend)
        for place in (alone, within, whole):
            ways[f"{backend}, {PLACES[place.__name__]}"] = lambda place=place, loss=loss: place(loss)
    return ways


PLACES = {"alone": "loss alone", "within": "loss within a step", "whole": "the whole step"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("rows", nargs="*", type=int, default=[256, 512, 1024])
    arguments = parser.parse_args()
    for rows in arguments.rows:
        labels = np.repeat(np.arange(-(-rows // 8)), 8)[:rows]
        ways = torch_ways(rows, labels, arguments.threads)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(arguments.rounds + 1):
            for name, way in ways.items():
                took = way()
                if number:  # the first round warms up
                    seconds[name] += took
        print(f"{rows} rows, {arguments.threads} threads")
        for name, took in seconds.items():
            print(f"  {name:28} {1e6 * statistics.median(took):9.1f} ({1e6 * min(took):.1f})")


if __name__ == "__main__":
    main()
