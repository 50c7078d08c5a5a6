"""Keras 3 on any of its backends: `compile` and `fit`, with TFA's loss by its old name.

KERAS_BACKEND=tensorflow python keras_digits.py      # or torch, or jax
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import digits
import keras
import numpy as np
import triplet_loss.tfa as losses
from triplet_loss.samplers import PKSampler

EPOCHS = 30


class Batches(keras.utils.PyDataset):
    """Batches of 10 digits with 12 images each."""

    def __init__(self, x: np.ndarray, y: np.ndarray):
        super().__init__()
        self.x, self.y, self.sampler = x, y, PKSampler(y, classes=10, rows=12)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.sampler)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.batches[index]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self) -> None:
        self.batches = list(self.sampler)


class Progress(keras.callbacks.Callback):
    """One line an epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        digits.progress(epoch + 1, EPOCHS, (logs or {})["loss"], loss.statistics.violating_fraction)


keras.utils.set_random_seed(0)
x, y, held_x, held_y = digits.load()
network = keras.Sequential(
    [keras.layers.Input((64,)), keras.layers.Dense(128, "relu"), keras.layers.Dense(32)]
)
loss = losses.TripletSemiHardLoss()  # TFA 0.23's defaults: margin 1, Euclidean
network.compile(keras.optimizers.Adam(2e-3), loss=loss)
network.fit(Batches(x, y), epochs=EPOCHS, verbose=0, callbacks=[Progress()])
digits.report(f"Keras/{keras.backend.backend()}", held_y, held_x, network.predict(held_x, verbose=0))
