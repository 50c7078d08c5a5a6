"""Four processes that train together: each step's loss is that of all their rows.

    python ranks_digits.py [FOLDER]

starts itself with torchrun. Each rank has 16 of the 64 images of a step, one or two of each digit. With
the loss of its own rows alone it sees few pairs; with `DistributedTripletLoss` all ranks see what one
process with 64 images sees. Both are trained, and for comparison one process. The picture goes to FOLDER,
`runs/ranks` unless given.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import digits
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from triplet_loss import metrics
from triplet_loss.torch import DistributedTripletLoss, TripletSemiHardLoss

RANKS, STEP, EPOCHS, DEPTHS = 4, 64, 6, (1, 4)


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 32))


def train(name: str, model: torch.nn.Module, loss: torch.nn.Module, rank: int, ranks: int) -> list[float]:
    """Trains on this rank's part of every step, and returns MAP@R of the held-out digits by epoch."""
    x, y, held_x, held_y = map(torch.from_numpy, digits.load())
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    order = torch.Generator().manual_seed(1)
    curve = []
    for epoch in range(1, EPOCHS + 1):
        # The same steps on every rank; the last one would be short.
        for rows in torch.randperm(len(x), generator=order).split(STEP)[:-1]:
            own = rows[STEP * rank // ranks : STEP * (rank + 1) // ranks]
            value = loss(torch.nn.functional.normalize(model(x[own])), y[own])
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
        with torch.no_grad():
            found = metrics.retrieval(held_y, torch.nn.functional.normalize(model(held_x)), k=DEPTHS)
        curve.append(found.map_at_r)
        if rank == 0:
            print(
                f"{name}, epoch {epoch}: loss {value.item():.3f}, MAP@R {found.map_at_r:.3f}", file=sys.stderr
            )
    if rank == 0:
        print(f"{name}: recall@1 {found.recall[1]:.3f}, MAP@R {found.map_at_r:.3f}")
    return curve


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/ranks")
    if "RANK" not in os.environ:
        command = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(RANKS)]
        sys.exit(subprocess.run([sys.executable, "-m", *command, *sys.argv], check=False).returncode)
    dist.init_process_group("gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    settings = {"margin": 0.3, "distance": "l2"}
    alone = train(
        "each rank's loss by itself",
        DistributedDataParallel(network()),
        TripletSemiHardLoss(**settings),
        rank,
        ranks,
    )
    joint = DistributedTripletLoss(TripletSemiHardLoss(**settings))
    together = train("the loss of all ranks", DistributedDataParallel(network()), joint, rank, ranks)
    if rank == 0:
        steps = EPOCHS * (len(digits.load()[0]) // STEP)
        print(f"bytes that rank 0 received a step: {joint.bytes_received // steps}")
        single = train("one process", network(), TripletSemiHardLoss(**settings), 0, 1)
        draw(
            folder,
            {"each rank's loss by itself": alone, "the loss of all ranks": together, "one process": single},
        )
    dist.barrier()
    dist.destroy_process_group()


def draw(folder: Path, curves: dict[str, list[float]]) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
    for (label, curve), line in zip(curves.items(), ("-", "-", "--")):
        axes.plot(range(1, EPOCHS + 1), curve, line, marker="o", label=label)
    title = f"{RANKS} ranks with {STEP // RANKS} of {STEP} images each, seed 0"
    axes.set(xlabel="epoch", ylabel="MAP@R of held-out digits", title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "ranks.png", dpi=120)
    print(f"picture: {folder / 'ranks.png'}")


if __name__ == "__main__":
    main()
