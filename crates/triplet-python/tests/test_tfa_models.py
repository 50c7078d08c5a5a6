"""Models that were saved with TFA's losses, loaded with ``import triplet_loss.tfa`` alone.

In the Keras that TensorFlow uses: Keras 3; or Keras 2, with TensorFlow up to 2.15 or with
TF_USE_LEGACY_KERAS=1. docs/migration.md says what is held to here.
"""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
import triplet_loss.tfa
from conftest import ROOT, batch
from triplet_loss import evaluate

tf = pytest.importorskip("tensorflow")

keras = tf.keras
IS_KERAS_3 = hasattr(keras, "ops")
IS_TF_KERAS = bool(os.environ.get("TF_USE_LEGACY_KERAS"))
FOLDER = ROOT / "testdata" / "tfa_models"
LABELS, X = batch(20, 3, 4)

# Margin and rule of the loss.
FILES = {
    "function_semihard.h5": (1.0, "semi-hard"),
    "function_hard.h5": (1.0, "hard"),
    "class_semihard.h5": (0.5, "semi-hard"),
    "class_hard.h5": (0.5, "hard-soft"),
}
KERAS_2 = {
    "function_semihard": (1.0, "semi-hard"),
    "lambda.h5": (0.5, "semi-hard"),
    "operation.h5": (0.5, "semi-hard"),
}
# In which tf_keras finds no weights, whatever the model was compiled with.
NOT_TF_KERAS = {"class_semihard.keras": (0.5, "semi-hard")}


def check(name: str, margin: float, rule: str) -> None:
    net = keras.models.load_model(str(FOLDER / name))
    if IS_KERAS_3 and name.endswith(".keras"):  # which it reads with settings that it does not run with
        net.compile("sgd", loss=net.loss)
    embeddings = net.predict(X, verbose=0)
    wanted = evaluate(LABELS, embeddings, margin, "l2", rule).loss
    # The test step computes the embeddings once more, in another graph.
    assert np.isclose(net.evaluate(X, LABELS, batch_size=20, verbose=0), wanted, rtol=1e-5)
    ours = (triplet_loss.tfa.triplet_semihard_loss, triplet_loss.tfa.triplet_hard_loss)
    classes = (triplet_loss.tfa.TripletSemiHardLoss, triplet_loss.tfa.TripletHardLoss)
    assert net.loss in ours if name.startswith("function") else isinstance(net.loss, classes)
    if IS_KERAS_3:  # the optimizers that it reads from these files train nothing
        net.compile("sgd", loss=net.loss)
    before = np.asarray(net.get_weights()[0])
    net.fit(X, LABELS, batch_size=20, verbose=0)
    assert (np.asarray(net.get_weights()[0]) != before).any()


@pytest.mark.parametrize("name", [*FILES, *({} if IS_TF_KERAS else NOT_TF_KERAS)])
def test_weights_and_loss_are_read(name):
    check(name, *{**FILES, **NOT_TF_KERAS}[name])


@pytest.mark.skipif(IS_KERAS_3, reason="what Keras 2 reads")
@pytest.mark.parametrize("name", KERAS_2)
def test_what_keras_2_reads_besides(name):
    check(name, *KERAS_2[name])


def test_a_function_among_the_metrics(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = str(shutil.copy(FOLDER / "function_semihard.h5", tmp_path / "metric.h5"))
    name = "triplet_semihard_loss"
    with h5py.File(path, "r+") as file:  # as Keras 2 writes it
        config = json.loads(file.attrs["training_config"])
        wrapped = {"name": name, "dtype": "float32", "fn": name}
        config["metrics"] = [[{"class_name": "MeanMetricWrapper", "config": wrapped}]]
        file.attrs["training_config"] = json.dumps(config)
    if not IS_KERAS_3:
        net = keras.models.load_model(path)
        assert len(net.evaluate(X, LABELS, batch_size=20, verbose=0)) == 2
        return
    with pytest.raises(AttributeError, match="'function' object has no attribute 'replace'"):
        keras.models.load_model(path)
    net = keras.models.load_model(path, compile=False)
    function = triplet_loss.tfa.triplet_semihard_loss
    net.compile("sgd", loss=function, metrics=[function])
    wanted = evaluate(LABELS, net.predict(X, verbose=0), 1.0, "l2").loss
    assert np.allclose(net.evaluate(X, LABELS, batch_size=20, verbose=0), wanted, rtol=1e-5)


REFUSED = {
    "function_semihard": "File format not supported",
    "lambda.h5": "Requested the deserialization of a `Lambda` layer",
    "operation.h5": "Unknown layer: 'TFOpLambda'",
    "input_shape.keras": "could not be deserialized properly",
}


@pytest.mark.skipif(not IS_KERAS_3, reason="what Keras 3 refuses")
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", REFUSED)
def test_what_keras_3_refuses_with_and_without_the_loss(name, compiled):
    with pytest.raises((ValueError, TypeError), match=REFUSED[name]):
        keras.models.load_model(str(FOLDER / name), compile=compiled)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_models_compiled_with_ours_are_saved_and_loaded(tmp_path, suffix):
    losses = (
        triplet_loss.tfa.TripletSemiHardLoss(0.25, "squared-L2", "mine", literal=True, threads=1),
        triplet_loss.tfa.TripletHardLoss(0.5, True, reduction="sum"),
        triplet_loss.tfa.triplet_semihard_loss,
        triplet_loss.tfa.triplet_hard_loss,
    )
    for loss in losses:
        net = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
        net.compile("sgd", loss=loss)
        net.fit(X, LABELS, verbose=0)
        net.save(str(tmp_path / f"net{suffix}"))
        again = keras.models.load_model(str(tmp_path / f"net{suffix}"))
        assert repr(again.loss) == repr(loss)
        assert np.isclose(again.evaluate(X, LABELS, verbose=0), net.evaluate(X, LABELS, verbose=0), rtol=1e-5)
