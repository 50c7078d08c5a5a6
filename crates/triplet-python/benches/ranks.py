"""A step of several ranks on this machine against one of a process that has all rows and all cores.

Both are measured alternately, loss and gradient; a step of ranks takes as long as its slowest one, with
all that they exchange. Prints also the bytes that each receives, against those of the formula
4 B D + 8 B + 4 P + P / 8, of which each rank has its own part already.

    python benches/ranks.py --ranks 4 --rows 4096 --width 128
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from typing import Any

# Before torch is loaded: its threads would spin after each call, on the cores of the other ranks.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
import torch.distributed as dist
from triplet_loss.torch import DistributedTripletLoss, TripletSemiHardLoss


def step(loss: Any, x: torch.Tensor, y: torch.Tensor) -> float:
    """Milliseconds of loss and gradient."""
    x = x.detach().requires_grad_()
    began = time.perf_counter()
    loss(x, y).backward()
    return (time.perf_counter() - began) * 1e3


def rank_main(rank: int, args: argparse.Namespace, store: str) -> None:
    """One rank."""
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=args.ranks)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(args.rows, args.width)).astype(np.float32)
    x = torch.from_numpy(x / np.linalg.norm(x, axis=1, keepdims=True))
    y = torch.from_numpy(rng.permutation(np.arange(args.rows) // args.per_class))
    start, end = (args.rows * at // args.ranks for at in (rank, rank + 1))
    plain = TripletSemiHardLoss(distance=args.distance)
    # As torchrun does: the threads of all ranks are those of the machine.
    threads = max(1, (os.cpu_count() or 1) // args.ranks)
    ranked = DistributedTripletLoss(TripletSemiHardLoss(distance=args.distance, threads=threads), ddp="none")
    one, several = [], []
    for _ in range(args.rounds):
        dist.barrier()
        if rank == 0:
            one.append(step(plain, x, y))
        dist.barrier()
        took = torch.tensor(step(ranked, x[start:end], y[start:end]))
        dist.all_reduce(took, dist.ReduceOp.MAX)
        several.append(took.item())
    if rank > 0:
        return
    ratios = [b / a for a, b in zip(one, several)]
    print(
        f"{args.rows} x {args.width}, {args.per_class} rows a class, {args.distance}, {args.ranks} ranks: "
        f"one process {min(one):.2f} ms, ranks {min(several):.2f} ms; "
        f"ratio of minima {min(several) / min(one):.2f}, median of ratios {statistics.median(ratios):.2f}"
    )
    pairs = args.rows * (args.per_class - 1)
    formula = 4 * args.rows * args.width + 8 * args.rows + 4 * pairs + pairs / 8
    received = ranked.bytes_received / args.rounds
    share = formula * (args.ranks - 1) / args.ranks
    if share:
        print(f"bytes received a step: {received:.0f}, {received / share:.3f} of the formula's {share:.0f}")


def main() -> None:
    """Forks the ranks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--rows", type=int, default=4096, help="of all ranks")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--per-class", type=int, default=8)
    parser.add_argument("--distance", default="squared-l2")
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        children = []
        for rank in range(args.ranks):
            child = os.fork()
            if child == 0:
                rank_main(rank, args, f"{folder}/store")
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()
