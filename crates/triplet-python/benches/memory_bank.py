"""A step with a memory bank, next to one search of that shape and to matrix products.

    python memory_bank.py [ROWS] [BANK] [WIDTH]

Defaults: 1024 rows, a bank of 65,536, width 128; 8 rows a class. All are timed in turn, round after round;
the least and the median are shown, and ratios of the least to the fastest product. "search" has the same
candidates in each call, which stay packed; "of other rows", others each time.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from statistics import median
from time import perf_counter

# What ties OpenBLAS to kernels other than its fastest; it is read when the library is loaded.
_TIES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
if any(name in os.environ for name in _TIES):
    free = {name: value for name, value in os.environ.items() if name not in _TIES}
    sys.exit(subprocess.run([sys.executable, *sys.argv], env=free, check=False).returncode)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from triplet_loss import evaluate  # noqa: E402
from triplet_loss.torch import CrossBatchMemory, TripletSemiHardLoss  # noqa: E402

ROUNDS = 9
rows, size, width = (int(a) for a in [*sys.argv[1:], *("1024", "65536", "128")[len(sys.argv) - 1 :]])
rng = np.random.default_rng(1)


def unit(count: int) -> np.ndarray:
    x = rng.standard_normal((count, width)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


bank, labels = unit(size), np.arange(size) % (size // 8)
batch, classes = bank[:rows].copy(), labels[:rows]
memory = CrossBatchMemory(TripletSemiHardLoss(), width, size)
for first in range(0, size, rows):
    with torch.no_grad():
        memory(torch.from_numpy(bank[first : first + rows]), torch.from_numpy(labels[first : first + rows]))
# Each step puts new rows in place of the oldest, of the labels that these had: classes keep their sizes.
steps = [
    (torch.from_numpy(unit(rows)).requires_grad_(), torch.from_numpy(labels[first : first + rows]))
    for first in range(0, size, rows)
]
turn = itertools.cycle(steps)
ids, places = np.arange(rows), np.arange(size)
out = np.empty((rows, size), np.float32)


def search() -> None:
    evaluate(classes, batch, candidates=bank, candidate_labels=labels, ids=ids, candidate_ids=places)


def step() -> None:
    leaf, leaf_labels = next(turn)
    leaf.grad = None
    memory(leaf, leaf_labels).backward()


new_bank = itertools.cycle([bank, unit(size)])


def search_of_other_rows() -> None:
    others = next(new_bank)
    evaluate(classes, batch, candidates=others, candidate_labels=labels, ids=ids, candidate_ids=places)


def numpy_product() -> None:
    np.matmul(batch, bank.T, out=out)


def torch_product() -> None:
    torch.matmul(torch.from_numpy(batch), torch.from_numpy(bank).T, out=torch.from_numpy(out))


timed = {
    "search": search,
    "of other rows": search_of_other_rows,
    "step of the bank": step,
    "numpy E C'": numpy_product,
    "torch E C'": torch_product,
}
times: dict[str, list[float]] = {name: [] for name in timed}
for _ in range(ROUNDS + 1):
    for name, call in timed.items():
        start = perf_counter()
        call()
        times[name].append(perf_counter() - start)
product = min(min(times["numpy E C'"][1:]), min(times["torch E C'"][1:]))
print(f"{rows} rows against {size}, width {width}, {torch.get_num_threads()} threads of torch")
for name, found in times.items():
    least = min(found[1:])
    shown = f"{1e3 * least:8.2f} ms, median {1e3 * median(found[1:]):8.2f}"
    print(f"{name:<18} {shown}, {least / product:5.2f} of a product")
