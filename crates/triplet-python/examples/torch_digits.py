"""PyTorch, cell by cell: train an embedding of handwritten digits and look at it.

    python torch_digits.py [FOLDER]

Editors that know `# %%` run it as a notebook. The pictures go to FOLDER, `runs/torch` unless
given.
"""

# %% Data: 64 pixels a digit, batches of all 10 digits with 12 images each
import sys
from pathlib import Path

import digits
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import torch
from triplet_loss import plot
from triplet_loss.samplers import PKSampler
from triplet_loss.torch import TripletSemiHardLoss

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/torch")
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
x, y, held_x, held_y = map(torch.from_numpy, digits.load())
data = torch.utils.data.TensorDataset(x, y)
loader = torch.utils.data.DataLoader(data, batch_sampler=PKSampler(y, classes=10, rows=12))

# %% The network, and the one line that matters
network = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 32))
loss = TripletSemiHardLoss(margin=1.0, distance="l2")
optimiser = torch.optim.Adam(network.parameters(), 2e-3)

# %% Training. The statistics of each step are on the loss
EPOCHS = 30
steps, violating = [], []
for epoch in range(1, EPOCHS + 1):
    for rows, labels in loader:
        value = loss(network(rows), labels)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        steps.append(value.item())
        violating.append(loss.statistics.violating_fraction)
        if len(steps) == 1:
            before = loss.distances
    digits.progress(epoch, EPOCHS, steps[-1], violating[-1])
print(loss.percentiles())

# %% Does it find digits that it never saw?
with torch.no_grad():
    embeddings = network(held_x)
digits.report("PyTorch", held_y.numpy(), held_x.numpy(), embeddings.numpy())

# %% The loss falls, and so does the share of triplets that still teach something
plot.training_curve(steps, violating).figure.savefig(folder / "training.png", dpi=120)

# %% Positives and negatives move apart, by the margin
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
plot.distance_histogram(*before, ax=left).set_title("first step")
plot.distance_histogram(*loss.distances, margin=1.0, ax=right).set_title("last step")
figure.savefig(folder / "distances.png", dpi=120)

# %% The held-out digits on their two principal components
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 6), layout="constrained")
plot.embedding_map(held_y, held_x, ax=left).set_title("pixels")
plot.embedding_map(held_y, embeddings, ax=right).set_title("embeddings")
figure.savefig(folder / "embeddings.png", dpi=120)
print(f"pictures: {', '.join(sorted(str(path) for path in folder.glob('*.png')))}")
