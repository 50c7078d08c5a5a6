"""Parts of a data set mined by the workers of a ray cluster, and put together.

    pip install ray
    python ray_mine.py [EMBEDDINGS.npy LABELS.npy OUT.parquet PARTS]

Without arguments 20,000 rows at random are mined in 4 parts by 2 workers on this machine, and the result is
compared with that of one process. On a cluster the files have to be where all workers see them.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import ray

TRIPLET = [sys.executable, "-m", "triplet_loss", "mine"]


@ray.remote(num_cpus=1)
def mine(embeddings: str, labels: str, out: str, part: int, parts: int) -> str:
    """One part. A worker that is lost is started again by ray, and goes on where the other was."""
    path = f"{out}.part-{part}.parquet"
    inputs = ["--embeddings", embeddings, "--labels", labels, "--part", f"{part}/{parts}"]
    subprocess.run([*TRIPLET, *inputs, "--threads", "1", "--resume", "--quiet", "--out", path], check=True)
    return path


def mine_in_parts(embeddings: str, labels: str, out: str, parts: int) -> None:
    """All parts, and then the whole."""
    paths = ray.get([mine.remote(embeddings, labels, out, part, parts) for part in range(1, parts + 1)])
    subprocess.run([*TRIPLET, "--join", *paths, "--out", out], check=True)
    for path in paths:
        Path(path).unlink()


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=True)
    if len(sys.argv) == 5:
        mine_in_parts(*sys.argv[1:4], int(sys.argv[4]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            rng = np.random.default_rng(0)
            e, y, out = (f"{folder}/{name}" for name in ("e.npy", "y.npy", "t.parquet"))
            np.save(e, rng.standard_normal((20_000, 64), dtype=np.float32))
            np.save(y, rng.permutation(20_000) // 8)
            mine_in_parts(e, y, out, 4)
            whole = f"{folder}/whole.parquet"
            subprocess.run(
                [*TRIPLET, "--embeddings", e, "--labels", y, "--quiet", "--out", whole], check=True
            )
            if Path(out).read_bytes() != Path(whole).read_bytes():
                sys.exit("the parts are not the whole")
            print("4 parts by 2 workers: the bytes of one process")
