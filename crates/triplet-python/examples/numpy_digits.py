"""NumPy alone: a network of one hidden layer, its backward pass by hand.

python numpy_digits.py
"""

from __future__ import annotations

import digits
import numpy as np
from triplet_loss import evaluate
from triplet_loss.samplers import PKSampler

EPOCHS, WIDTH, RATE = 30, 32, 2e-3


def main() -> None:
    x, y, held_x, held_y = digits.load()
    rng = np.random.default_rng(0)
    weights = [
        (rng.standard_normal((64, 128)) / 8).astype(np.float32),
        np.zeros(128, np.float32),
        (rng.standard_normal((128, WIDTH)) / 11).astype(np.float32),
    ]
    means, squares = ([np.zeros_like(w) for w in weights] for _ in range(2))
    step = 0

    def hidden(rows: np.ndarray) -> np.ndarray:
        return np.maximum(rows @ weights[0] + weights[1], 0)

    sampler = PKSampler(y, classes=10, rows=12)
    for epoch in range(1, EPOCHS + 1):
        for indices in sampler:
            rows = x[indices]
            inner = hidden(rows)
            result = evaluate(y[indices], inner @ weights[2], distance="l2")
            # The gradient comes with the loss; the rest is the chain rule.
            back = (result.gradient @ weights[2].T) * (inner > 0)
            gradients = [rows.T @ back, back.sum(0), inner.T @ result.gradient]
            step += 1
            for w, g, m, s in zip(weights, gradients, means, squares):  # Adam
                m += 0.1 * (g - m)
                s += 0.001 * (g * g - s)
                w -= RATE * (m / (1 - 0.9**step)) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8)
        digits.progress(epoch, EPOCHS, float(result.loss), result.statistics.violating_fraction)
    digits.report("NumPy", held_y, held_x, hidden(held_x) @ weights[2])


if __name__ == "__main__":
    main()
