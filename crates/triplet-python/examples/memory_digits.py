"""Small batches and a memory bank: the same training with and without the rows of earlier batches.

    python memory_digits.py [FOLDER]

Batches of 16 images hold one or two of each digit, so that most rows have few positives and few
negatives among them. A bank of 512 rows gives them more. The picture goes to FOLDER, `runs/memory`
unless given.
"""

import sys
from pathlib import Path

import digits
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import torch
from triplet_loss import metrics
from triplet_loss.torch import CrossBatchMemory, TripletSemiHardLoss

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/memory")
folder.mkdir(parents=True, exist_ok=True)
x, y, held_x, held_y = map(torch.from_numpy, digits.load())
BATCH, EPOCHS, DEPTHS = 16, 6, (1, 4)


def train(name: str, loss: torch.nn.Module) -> list[float]:
    """Trains a new network, and returns MAP@R of the held-out digits after every epoch."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 32))
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    data = torch.utils.data.TensorDataset(x, y)
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True)
    curve = []
    for epoch in range(1, EPOCHS + 1):
        for rows, labels in loader:
            embeddings = torch.nn.functional.normalize(network(rows))
            value = loss(embeddings, labels)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
        with torch.no_grad():
            found = metrics.retrieval(held_y, torch.nn.functional.normalize(network(held_x)), k=DEPTHS)
        curve.append(found.map_at_r)
        print(
            f"{name}, epoch {epoch}: loss {value.item():.3f}, recall@1 {found.recall[1]:.3f}, "
            f"MAP@R {found.map_at_r:.3f}",
            file=sys.stderr,
        )
    print(f"{name}: recall@1 {found.recall[1]:.3f}, MAP@R {found.map_at_r:.3f}")
    return curve


plain = TripletSemiHardLoss(margin=0.3, distance="l2")
banked = CrossBatchMemory(TripletSemiHardLoss(margin=0.3, distance="l2"), embedding_size=32, memory_size=512)
curves = {
    f"batches of {BATCH} by themselves": train("batch alone", plain),
    "against a bank of 512 rows": train("memory bank", banked),
}

figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for label, curve in curves.items():
    axes.plot(range(1, EPOCHS + 1), curve, marker="o", label=label)
axes.set(xlabel="epoch", ylabel="MAP@R of held-out digits", title="Batches of 16 images, seed 0")
axes.grid(alpha=0.3)
axes.legend()
figure.savefig(folder / "memory.png", dpi=120)
print(f"picture: {folder / 'memory.png'}")
