"""The handwritten digits that all examples train on, and how they report."""

from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path

import numpy as np
from triplet_loss import metrics

FILE = Path(__file__).resolve().parents[2] / "triplet-cli" / "data" / "digits.csv.gz"


def load(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pixels [N, 64] from 0 to 1 and labels [N]: three quarters to train on, one held out."""
    with gzip.open(FILE, "rt") as file:
        table = np.array(list(csv.reader(file)), np.float32)
    order = np.random.default_rng(seed).permutation(len(table))
    x, y = table[order, :64] / 16, table[order, 64].astype(np.int64)
    held = len(x) // 4
    return x[held:], y[held:], x[:held], y[:held]


def progress(epoch: int, epochs: int, loss: float, violating: float) -> None:
    """One line, rewritten on a terminal, printed now and then elsewhere."""
    line = f"epoch {epoch:3}/{epochs}  loss {loss:.4f}  violating {100 * violating:5.1f} %"
    if sys.stdout.isatty():
        print("\r" + line, end="" if epoch < epochs else "\n", flush=True)
    elif epoch % 10 == 0 or epoch == epochs:
        print(line, flush=True)


def report(name: str, y: np.ndarray, raw: np.ndarray, embeddings: np.ndarray) -> None:
    """Held-out retrieval, before and after; fails where nothing was learned."""
    for what, rows in (("raw pixels", raw), ("embeddings", embeddings)):
        found = metrics.retrieval(y, np.asarray(rows, np.float32), k=(1, 5))
        print(
            f"{name:12} {what:10}  recall@1 {found.precision_at_1:.3f}  recall@5 {found.recall[5]:.3f}  "
            f"MAP@R {found.map_at_r:.3f}"
        )
    if found.precision_at_1 < 0.97:
        sys.exit(f"{name}: held-out recall@1 is below 0.97")
