"""The search for hard negatives next to faiss and to sentence-transformers, alternated in one run.

    python benches/mining.py faiss [ROWS WIDTH K]
    python benches/mining.py texts [ROWS WIDTH]

faiss: IndexFlat's unconditional nearest K of every row, and ours beyond each row's nearest positive.
texts: `mine_hard_negatives` of both, on embeddings that are given, each in a process of its own for its peak
of memory.
Needs faiss-cpu, or sentence-transformers and datasets. Figures are from a release build.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np

ROUNDS = 3


def unit_rows(rng: np.random.Generator, rows: int, width: int) -> Any:
    x = rng.standard_normal((rows, width), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def against_faiss(rows: int = 200_000, width: int = 128, keep: int = 50) -> None:
    import faiss
    from triplet_loss import _engine

    rng = np.random.default_rng(0)
    x, labels = unit_rows(rng, rows, width), rng.permutation(rows) // 8
    order = np.argsort(labels, kind="stable").reshape(-1, 8)
    pairs = np.repeat(np.arange(rows), 1), order[labels][np.arange(rows), 0]
    plan = _engine.plan(distance="l2")
    # The distance of one positive each; positives and the row itself are excluded.
    near = _engine.engine.pair_distances(plan, x, x, tuple(map(np.ascontiguousarray, pairs)))
    excluded = np.arange(0, 8 * rows + 1, 8), np.ascontiguousarray(order[labels].ravel())
    times: dict[str, list[float]] = {"faiss": [], "ours": []}
    index = faiss.IndexFlatL2(width)
    index.add(x)
    for _ in range(ROUNDS):
        start = time.perf_counter()
        index.search(x, keep)
        times["faiss"].append(time.perf_counter() - start)
        start = time.perf_counter()
        _engine.engine.nearest(
            plan, x, x, keep, least=np.nextafter(near.astype(float), 9.0), excluded=excluded
        )
        times["ours"].append(time.perf_counter() - start)
        print({name: round(all_times[-1], 2) for name, all_times in times.items()}, file=sys.stderr)
    faiss_s, ours_s = (min(times[name]) for name in ("faiss", "ours"))
    print(
        f"{rows} x {width}, nearest {keep}: faiss {faiss_s:.1f} s, ours {ours_s:.1f} s: "
        f"{faiss_s / ours_s:.2f} times as fast"
    )


CHILD = """
import json, resource, sys, time
import numpy as np
rows, width, ours = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "ours"
rng = np.random.default_rng(0)
x = rng.standard_normal((2, rows, width), dtype=np.float32)
x[1] += 0.7 * x[0]
x /= np.linalg.norm(x, axis=2, keepdims=True)
texts = [f"q{i}" for i in range(rows)], [f"a{i}" for i in range(rows)]
places = {text: (side, row) for side in (0, 1) for row, text in enumerate(texts[side])}
import datasets
data = datasets.Dataset.from_dict({"q": texts[0], "a": texts[1]})
class Model:
    device = "cpu"
    similarity_fn_name = "cosine"
    def encode(self, some, **_):
        side = places[some[0]][0]
        return x[side]
    encode_query = encode_document = encode
    def similarity(self, a, b):
        import torch
        return torch.as_tensor(a) @ torch.as_tensor(b).T
    def similarity_pairwise(self, a, b):
        import torch
        return (torch.as_tensor(a) * torch.as_tensor(b)).sum(1)
given = {"relative_margin": 0.05, "num_negatives": 5, "range_max": 50, "verbose": False}
if ours:
    from triplet_loss import mine_hard_negatives
else:
    import torch
    from sentence_transformers.util import mine_hard_negatives
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
mined = mine_hard_negatives(data, Model(), **given)
seconds = time.perf_counter() - start
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "rows": len(mined), "peak": after, "before": before}))
"""


def against_sentence_transformers(rows: int = 100_000, width: int = 384) -> None:
    found: dict[str, list[dict[str, float]]] = {"theirs": [], "ours": []}
    for _ in range(2):
        for who, runs in found.items():
            output = subprocess.run(
                [sys.executable, "-c", CHILD, str(rows), str(width), who],
                check=True,
                capture_output=True,
                text=True,
            )
            runs.append(json.loads(output.stdout.splitlines()[-1]))
            print(who, runs[-1], file=sys.stderr)
    seconds = {who: min(run["seconds"] for run in runs) for who, runs in found.items()}
    peaks = {who: min(run["peak"] for run in runs) / 1e6 for who, runs in found.items()}
    grown = {who: min(run["peak"] - run["before"] for run in runs) / 1e6 for who, runs in found.items()}
    print(
        f"{rows} texts x {width}: theirs {seconds['theirs']:.1f} s, ours {seconds['ours']:.1f} s: "
        f"{seconds['theirs'] / seconds['ours']:.2f} times as fast; peak {peaks['theirs']:.2f} and "
        f"{peaks['ours']:.2f} GB, of which the call {grown['theirs']:.2f} and {grown['ours']:.2f}; "
        f"rows {found['theirs'][0]['rows']} and {found['ours'][0]['rows']}"
    )


if __name__ == "__main__":
    what, *numbers = sys.argv[1:] or ["faiss"]
    {"faiss": against_faiss, "texts": against_sentence_transformers}[what](*map(int, numbers))
