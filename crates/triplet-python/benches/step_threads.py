"""The loss alone and within a training step, on torch's threads and on threads of its own.

    python step_threads.py [--framework torch|jax|tensorflow] [--rounds N] [--threads N] [ROWS ...]

Rounds alternate: for each backend some calls of loss and gradient on embeddings that are there already,
and some steps of a 784-512-128 network, forward and backward. What is timed is the call of the
engine, wherever the framework makes it; the table gives medians, and minima in brackets, in microseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from triplet_loss import _engine

CALLS = 8
WIDTHS = (784, 512, 128)
Places = dict[str, Callable[[], None]]


class Timed:
    """The engine of the process, and the seconds of its calls."""

    def __init__(self, engine: Any):
        self.engine = engine
        self.seconds: list[float] = []

    def evaluate(self, *inputs: Any) -> Any:
        start = time.perf_counter()
        found = self.engine.evaluate(*inputs)
        self.seconds.append(time.perf_counter() - start)
        return found


def torch_places(x: np.ndarray, y: np.ndarray, backend: str, threads: int) -> Places:
    """A call of the loss, and a step."""
    import torch
    from triplet_loss.torch import TripletSemiHardLoss

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layers = [torch.nn.Linear(*sizes) for sizes in pairwise(WIDTHS)]
    network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    rows, labels = torch.from_numpy(x), torch.from_numpy(y)
    there = network(rows).detach().requires_grad_()
    loss = TripletSemiHardLoss(threads=threads, backend=backend)

    def within() -> None:
        network.zero_grad()
        loss(network(rows), labels).backward()

    def alone() -> None:
        there.grad = None  # adding to it would wake torch's threads
        loss(there, labels).backward()

    return {"alone": alone, "within a step": within}


def jax_places(x: np.ndarray, y: np.ndarray, backend: str, threads: int) -> Places:
    """A call of the loss, and a step."""
    import jax
    from triplet_loss.jax import triplet_semihard_loss

    keys = jax.random.split(jax.random.key(0), 2)
    weights = [jax.random.normal(key, sizes) * 0.05 for key, sizes in zip(keys, pairwise(WIDTHS))]
    rows, labels = jax.numpy.asarray(x), jax.numpy.asarray(y)

    def network(weights):
        return jax.nn.relu(rows @ weights[0]) @ weights[1]

    def loss(embeddings):
        return triplet_semihard_loss(labels, embeddings, backend=backend, threads=threads)

    there = network(weights)
    alone = jax.jit(jax.value_and_grad(loss))
    step = jax.jit(jax.value_and_grad(lambda weights: loss(network(weights))))
    return {
        "alone": lambda: jax.block_until_ready(alone(there)),
        "within a step": lambda: jax.block_until_ready(step(weights)),
    }


def tensorflow_places(x: np.ndarray, y: np.ndarray, backend: str, threads: int) -> Places:
    """A call of the loss, and a step."""
    import tensorflow as tf
    from triplet_loss.tfa import TripletSemiHardLoss

    loss = TripletSemiHardLoss(distance_metric="squared-L2", backend=backend, threads=threads)
    weights = [tf.Variable(tf.random.stateless_normal(s, (0, 1)) * 0.05) for s in pairwise(WIDTHS)]
    rows, labels = tf.constant(x), tf.constant(y)

    def network() -> Any:
        return tf.nn.relu(rows @ weights[0]) @ weights[1]

    there = tf.Variable(network())

    @tf.function
    def alone() -> Any:
        with tf.GradientTape() as tape:
            value = loss(labels, there)
        return tape.gradient(value, there)

    @tf.function
    def step() -> Any:
        with tf.GradientTape() as tape:
            value = loss(labels, network())
        return tape.gradient(value, weights)

    return {"alone": lambda: alone().numpy(), "within a step": lambda: step()[0].numpy()}


FRAMEWORKS = {
    "torch": (torch_places, ("par", "openmp", "simd")),
    "jax": (jax_places, ("par", "simd")),
    "tensorflow": (tensorflow_places, ("par", "simd")),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--framework", choices=FRAMEWORKS, default="torch")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("rows", nargs="*", type=int, default=[256, 512, 1024])
    arguments = parser.parse_args()
    make, backends = FRAMEWORKS[arguments.framework]
    timed = Timed(_engine.engine)
    _engine.engine = timed
    for rows in arguments.rows:
        x = np.random.default_rng(0).random((rows, WIDTHS[0]), np.float32)
        y = np.repeat(np.arange(-(-rows // 8)), 8)[:rows]
        ways = {backend: make(x, y, backend, arguments.threads) for backend in backends}
        seconds: dict[tuple[str, str], list[float]] = {}
        for number in range(arguments.rounds + 1):
            for backend, places in ways.items():
                for place, call in places.items():
                    time.sleep(0.1)  # the framework's threads fall asleep
                    timed.seconds.clear()
                    for _ in range(CALLS):
                        call()
                    if number:  # the first round warms up, and so do each round's first two calls
                        seconds.setdefault((backend, place), []).extend(timed.seconds[2:])
        print(f"{arguments.framework}, {rows} rows, {arguments.threads} threads")
        for backend in backends:
            alone, within = seconds[backend, "alone"], seconds[backend, "within a step"]
            ratio = statistics.median(within) / statistics.median(alone), min(within) / min(alone)
            print(
                f"  {backend:8} alone {micros(alone)}   within a step {micros(within)}   "
                f"ratio {ratio[0]:.2f} ({ratio[1]:.2f})"
            )


def micros(seconds: list[float]) -> str:
    return f"{1e6 * statistics.median(seconds):9.1f} ({1e6 * min(seconds):.1f})"


if __name__ == "__main__":
    main()
