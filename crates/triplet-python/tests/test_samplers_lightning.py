"""The sampler in Lightning's Trainer, in one process and in two that take turns at the gradient."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

# Asked for, not imported: that takes seconds.
if not all(map(importlib.util.find_spec, ("torch", "lightning"))):
    pytest.skip("torch or lightning is not installed", allow_module_level=True)

ROWS, EPOCHS = 96, 3

# As a user writes it: the process group does not exist yet where the sampler is made.
SCRIPT = f"""
import json, sys
import lightning, torch
from triplet_loss.samplers import PKSampler
from triplet_loss.torch import TripletSemiHardLoss

class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 4)
        self.loss = TripletSemiHardLoss(margin=lambda: 0.5 + self.current_epoch)
        self.seen = []

    def training_step(self, batch, _):
        rows, x, labels = batch
        self.seen.append((self.current_epoch, rows.tolist()))
        return self.loss(self.layer(x), labels)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-3)

folder, devices = sys.argv[1], int(sys.argv[2])
labels = torch.arange({ROWS}) % 12
data = torch.utils.data.TensorDataset(torch.arange({ROWS}), torch.randn({ROWS}, 8), labels)

class Lazy(PKSampler):
    def __iter__(self):
        yield from super().__iter__()

def train(name, epochs, kind=PKSampler, inject=True, look=False, start=None):
    loader = torch.utils.data.DataLoader(data, batch_sampler=kind(labels, 3, 4, seed=1))
    if look:
        next(iter(loader))
    trainer = lightning.Trainer(
        accelerator="cpu", devices=devices, strategy="ddp" if devices > 1 else "auto",
        max_epochs=epochs, use_distributed_sampler=inject, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )
    model = Model()
    trainer.fit(model, loader, ckpt_path=start)
    with open(f"{{folder}}/{{name}}-{{trainer.global_rank}}.json", "w") as file:
        json.dump(model.seen, file)
    return trainer

train(True, {EPOCHS})
train(False, {EPOCHS}, inject=False)
train("lazy", {EPOCHS}, Lazy)
train("seen", {EPOCHS}, look=True)
train("begun", 1).save_checkpoint(f"{{folder}}/begun.ckpt")
train("resumed", {EPOCHS}, start=f"{{folder}}/begun.ckpt")
"""


@pytest.mark.parametrize("devices", [1, 2])
def test_lightning_trains_with_and_without_its_own_sampler(tmp_path, devices):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-W", "ignore", str(script), str(tmp_path), str(devices)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = {}
    for inject in (True, False):
        files = sorted(tmp_path.glob(f"{inject}-*.json"))
        assert len(files) == devices
        found[inject] = ranks = [json.loads(file.read_text()) for file in files]
        for epoch in range(EPOCHS):
            mine = [[rows for at, rows in seen if at == epoch] for seen in ranks]
            assert [len(batches) for batches in mine] == [ROWS // 12 // devices] * devices
            assert sorted(np.ravel(mine)) == list(range(ROWS)), "each row, on one rank"
        assert len({str(seen[0][1]) for seen in ranks}) == devices
        assert ranks[0][0][1] != ranks[0][-1][1]
    assert found[True] == found[False]
    whole = found[True]
    for name in ("lazy", "seen", "begun", "resumed"):
        ranks = [json.loads((tmp_path / f"{name}-{rank}.json").read_text()) for rank in range(devices)]
        first = 1 if name == "resumed" else 0
        end = 1 if name == "begun" else EPOCHS
        assert ranks == [[step for step in seen if first <= step[0] < end] for seen in whole], name


def test_lightning_sets_the_epoch():
    from lightning.fabric.utilities.data import _set_sampler_epoch
    from torch.utils.data import DataLoader
    from triplet_loss.samplers import PKSampler

    sampler = PKSampler([0, 0, 1, 1], 2, 2)
    _set_sampler_epoch(DataLoader([0, 0, 1, 1], batch_sampler=sampler), 7)
    assert sampler.epoch == 7
