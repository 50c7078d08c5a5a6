"""``triplet_loss.tfa`` where there is no Keras 3, and its defaults."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys

import numpy as np
import pytest
from conftest import batch
from triplet_loss import evaluate, tfa

LABELS, X = batch(60, 8, 6)


def test_defaults_are_those_of_tfa_0_23():
    names = {name: p.default for name, p in inspect.signature(tfa.TripletSemiHardLoss).parameters.items()}
    assert list(names)[:3] == ["margin", "distance_metric", "name"]
    assert list(names.values())[:3] == [1.0, "L2", None]
    names = {name: p.default for name, p in inspect.signature(tfa.TripletHardLoss).parameters.items()}
    assert list(names)[:4] == ["margin", "soft", "distance_metric", "name"]
    assert list(names.values())[:4] == [1.0, False, "L2", None]
    for function in (tfa.triplet_semihard_loss, tfa.triplet_hard_loss):
        defaults = {p.name: p.default for p in inspect.signature(function).parameters.values()}
        assert (defaults["margin"], defaults["distance_metric"]) == (1.0, "L2")
    assert float(tfa.TripletSemiHardLoss()(LABELS, X)) == evaluate(LABELS, X, distance="l2").loss


CODE = """
import sys
sys.modules["keras"] = sys.modules["tensorflow"] = None  # importing them fails
import numpy as np, pickle
import triplet_loss.tfa as losses
labels, x = np.arange(12) % 4, np.random.default_rng(0).standard_normal((12, 3)).astype("f")
loss = losses.TripletSemiHardLoss(0.5, name="mine")
assert loss(labels, x) == losses.triplet_semihard_loss(labels, x, 0.5)
assert loss(labels, x, sample_weight=0.5) == loss(labels, x) / 2
assert loss.get_config() == {"name": "mine", "margin": 0.5, "distance_metric": "L2"}
assert losses.TripletSemiHardLoss.from_config(loss.get_config()).get_config() == loss.get_config()
half = loss(labels, x)
loss.margin = np.array(2.0)
assert loss(labels, x) == losses.triplet_semihard_loss(labels, x, 2)
assert loss(labels, x) == losses.triplet_semihard_loss(labels, x, lambda: 2)
loss.margin = 0.5
assert loss(labels, x) == half and loss.statistics.triplets > 0
for name, value in (("margin", "1"), ("margn", 1.0), ("reduction", "sum")):
    try:
        setattr(loss, name, value)
    except (TypeError, AttributeError):
        continue
    raise AssertionError(name)
print(loss, losses.TripletHardLoss(soft=True))
print(type(loss(labels, x)).__name__)
try:
    losses.TripletSemiHardLoss(distance_metric=lambda x: x)
except TypeError as error:
    print(error)
"""


def test_without_keras_there_are_plain_callables():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    first, second, third = run.stdout.strip().splitlines()
    assert first == (
        "TripletSemiHardLoss(name='mine', margin=0.5, distance_metric='L2') "
        "TripletHardLoss(name='TripletHardLoss', margin=1.0, distance_metric='L2', soft=True)"
    )
    assert second == "float32"
    assert third.startswith("distance_metric is a function: expected 'L2'")


@pytest.mark.skipif(importlib.util.find_spec("tensorflow_addons") is None, reason="needs TFA itself")
def test_training_with_keras_2_follows_tfas_own_path():
    import tensorflow as tf
    import tensorflow_addons as old

    histories = []
    for loss in (old.losses.TripletSemiHardLoss(), tfa.TripletSemiHardLoss()):
        tf.keras.utils.set_random_seed(0)
        net = tf.keras.Sequential([tf.keras.layers.Input((8,)), tf.keras.layers.Dense(4)])
        net.compile(tf.keras.optimizers.SGD(0.1), loss=loss)
        fit = net.fit(X, LABELS, batch_size=30, epochs=3, verbose=0, shuffle=False)
        histories.append(fit.history["loss"])
    # TFA rounds its distances otherwise; steps add that up.
    assert np.allclose(*histories, rtol=1e-4)
