"""JAX: the loss inside one jitted training step.

python jax_digits.py
"""

from __future__ import annotations

import digits
import jax
import jax.numpy as jnp
import numpy as np
from triplet_loss import evaluate
from triplet_loss.jax import triplet_semihard_loss
from triplet_loss.samplers import PKSampler

EPOCHS, RATE = 30, 2e-3


def network(weights: list, x: jax.Array) -> jax.Array:
    return jax.nn.relu(x @ weights[0] + weights[1]) @ weights[2]


@jax.jit
def train(weights: list, moments: list, step: int, x: jax.Array, y: jax.Array) -> tuple:
    def objective(weights: list) -> jax.Array:
        return triplet_semihard_loss(y, network(weights, x), distance="l2")

    loss, gradients = jax.value_and_grad(objective)(weights)
    means = [m + 0.1 * (g - m) for (m, _), g in zip(moments, gradients)]  # Adam
    squares = [s + 0.001 * (g * g - s) for (_, s), g in zip(moments, gradients)]
    weights = [
        w - RATE * (m / (1 - 0.9**step)) / (jnp.sqrt(s / (1 - 0.999**step)) + 1e-8)
        for w, m, s in zip(weights, means, squares)
    ]
    return loss, weights, list(zip(means, squares))


def main() -> None:
    x, y, held_x, held_y = digits.load()
    keys = jax.random.split(jax.random.key(0), 2)
    weights = [
        jax.random.normal(keys[0], (64, 128)) / 8,
        jnp.zeros(128),
        jax.random.normal(keys[1], (128, 32)) / 11,
    ]
    moments = [(jnp.zeros_like(w), jnp.zeros_like(w)) for w in weights]
    sampler, step = PKSampler(y, classes=10, rows=12), 0
    for epoch in range(1, EPOCHS + 1):
        for indices in sampler:
            step += 1
            loss, weights, moments = train(weights, moments, step, x[indices], y[indices])
        counts = evaluate(
            y[indices], np.asarray(network(weights, x[indices])), distance="l2", gradient=False
        ).statistics
        digits.progress(epoch, EPOCHS, float(loss), counts.violating_fraction)
    digits.report("JAX", held_y, held_x, np.asarray(network(weights, held_x)))


if __name__ == "__main__":
    main()
