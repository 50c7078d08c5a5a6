"""The Keras losses, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import batch
from triplet_loss import evaluate

keras = pytest.importorskip("keras")

from triplet_loss.keras import TripletHardLoss, TripletSemiHardLoss  # noqa: E402

BACKEND = keras.backend.backend()


def number(value) -> float:
    return float(keras.ops.convert_to_numpy(value))


def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [keras.layers.Input((16,)), keras.layers.Dense(24, "relu"), keras.layers.Dense(8)]
    )


LOSSES = [
    (TripletSemiHardLoss(), {"distance": "l2"}),
    (TripletSemiHardLoss(3.0, "squared-L2", literal=True), {"margin": 3.0, "rule": "semi-hard-literal"}),
    (TripletHardLoss(0.5, True, "angular"), {"margin": 0.5, "distance": "angular", "rule": "hard-soft"}),
]


@pytest.mark.parametrize(("loss", "same"), LOSSES)
def test_values_are_the_engines(loss, same):
    labels, x = batch(64, 8)
    weights = np.linspace(0, 2, 64, dtype=np.float32)
    assert number(loss(labels, x)) == evaluate(labels, x, **same).loss
    for given in (weights, weights[:, None], np.float32(0.5)):
        assert number(loss(labels, x, given)) == evaluate(labels, x, sample_weight=given, **same).loss
    assert loss.statistics == evaluate(labels, x, **same).statistics
    rows = keras.ops.convert_to_numpy(loss.call(labels, x))
    assert (rows == evaluate(labels, x, reduction="none", **same).loss).all()
    assert loss.percentiles() is not None


@pytest.mark.parametrize(
    "reduction", ["auto", "sum_over_batch_size", "mean", "sum", "none", None, "mean_with_sample_weight"]
)
def test_every_reduction_of_keras(reduction):
    labels, x = batch(64, 8)
    weights = np.linspace(0.1, 2, 64, dtype=np.float32)
    loss = TripletSemiHardLoss(reduction=reduction)
    rows = keras.ops.convert_to_numpy(loss.call(labels, x)) * weights
    expected = {
        "sum": rows.sum(),
        "none": rows,
        None: rows,
        "mean_with_sample_weight": rows.sum() / weights.sum(),
    }.get(reduction, rows.mean())
    # 64 terms of f32 in another order.
    assert np.allclose(keras.ops.convert_to_numpy(loss(labels, x, weights)), expected, rtol=64 * 6e-8)


@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
@pytest.mark.parametrize("loss", [loss for loss, _ in LOSSES], ids=lambda loss: type(loss).__name__)
def test_fit(loss, eager):
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(8), 64)) + 2**30  # floats could not tell them apart
    x = (rng.standard_normal((8, 16))[labels - 2**30] + rng.standard_normal((512, 16))).astype(np.float32)
    net = model()
    net.compile(keras.optimizers.Adam(3e-3), loss=loss, run_eagerly=eager)
    more = {"sample_weight": np.ones(512, np.float32)} if eager else {}
    before = net.evaluate(x, labels, batch_size=128, verbose=0)
    history = net.fit(x, labels, batch_size=128, epochs=12, verbose=0, **more).history["loss"]
    after = net.evaluate(x, labels, batch_size=128, verbose=0)
    assert history[-1] < history[0]
    assert after < 0.9 * before
    assert loss.statistics.positive_pairs > 0


def test_fit_follows_the_same_path_eager_and_compiled():
    labels, x = batch(256, 16, 8)
    losses = []
    for eager in (False, True):
        net = model()
        net.compile("sgd", loss=TripletSemiHardLoss(), run_eagerly=eager)
        losses.append(net.fit(x, labels, batch_size=64, epochs=2, verbose=0, shuffle=False).history["loss"])
    # The network's own arithmetic differs between the two ways by roundings.
    assert np.allclose(*losses, rtol=1e-4)


@pytest.mark.skipif(BACKEND != "torch", reason="XLA has no Python functions; JAX compiles always")
def test_fit_with_torch_compile():
    labels, x = batch(256, 16, 8)
    net = model()
    net.compile("adam", loss=TripletSemiHardLoss(), jit_compile=True)
    assert np.isfinite(net.fit(x, labels, batch_size=64, epochs=1, verbose=0).history["loss"]).all()


def test_saved_and_loaded_with_a_model(tmp_path):
    for loss in (TripletSemiHardLoss(0.4, "angular", "mine", threads=2), TripletHardLoss(0.2, True)):
        net = model()
        net.compile("adam", loss=loss)
        labels, x = batch(64)
        net.fit(x, labels, verbose=0)
        net.save(tmp_path / "net.keras")
        again = keras.models.load_model(tmp_path / "net.keras")
        assert again.loss.get_config() == loss.get_config()
        assert type(again.loss) is type(loss)
        assert np.isclose(again.evaluate(x, labels, verbose=0), net.evaluate(x, labels, verbose=0))
        assert repr(again.loss) == repr(loss)
        json.dumps(loss.get_config())


CONFIGS = [
    # What each version of TFA wrote, and what it meant.
    ({"reduction": "none", "name": None, "margin": 1.0}, None, "squared-L2"),
    ({"reduction": "none", "name": "a", "margin": 0.5, "distance_metric": "L2"}, None, "L2"),
    ({"reduction": "none", "name": "a", "margin": 0.5, "distance_metric": "L2"}, "0.10.0", "squared-L2"),
    ({"reduction": "none", "name": "a", "margin": 0.5, "distance_metric": "L1"}, None, "L2"),
    ({"reduction": "auto", "name": "a", "distance_metric": "angular"}, "0.23.0", "angular"),
    ({"distance_metric": "squared-L2"}, None, "squared-L2"),
]


@pytest.mark.parametrize(("config", "version", "metric"), CONFIGS)
def test_configurations_of_every_tfa_are_read(config, version, metric):
    labels, x = batch(64, 8)
    loss = TripletSemiHardLoss.from_config(config, tfa_version=version)
    assert loss.get_config()["distance_metric"] == metric
    assert loss.get_config()["margin"] == config.get("margin", 1.0)
    assert number(loss(labels, x)) == evaluate(labels, x, config.get("margin", 1.0), metric).loss
    assert TripletSemiHardLoss.from_config(loss.get_config()).get_config() == loss.get_config()
    if version is None:
        wrapped = {"class_name": "Addons>TripletSemiHardLoss", "config": config}
        assert keras.losses.deserialize(wrapped).get_config()["distance_metric"] == metric


def test_configurations_of_hard_losses():
    loss = TripletHardLoss.from_config(
        {"reduction": "none", "margin": 2.0, "soft": True, "distance_metric": "L2"}
    )
    assert (loss.margin, loss.get_config()["soft"]) == (2.0, True)
    with pytest.raises(ValueError, match='unknown config key "margins"'):
        TripletHardLoss.from_config({"margins": 2.0})


def test_statistics_are_there_where_keras_adds_up():
    labels, x = batch(64, 16)
    net, loss = model(), TripletSemiHardLoss(reduction="mean_with_sample_weight")
    net.compile("sgd", loss=loss)
    net.fit(x, labels, batch_size=64, verbose=0)
    assert loss.statistics.positive_pairs == evaluate(labels, x).statistics.positive_pairs


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a strategy of TensorFlow's")
def test_statistics_are_there_with_several_replicas():
    import tensorflow as tf

    devices = tf.config.list_logical_devices("CPU")
    strategy = tf.distribute.MirroredStrategy([device.name for device in devices[:1]])
    labels, x = batch(64, 16)
    loss = TripletSemiHardLoss()
    with strategy.scope():
        net = model()
        net.compile("sgd", loss=loss)
    net.fit(x, labels, batch_size=64, verbose=0)
    assert loss.statistics.triplets > 0


def test_a_model_compiled_with_a_function_is_saved_and_loaded(tmp_path):
    from triplet_loss import tfa

    labels, x = batch(64, 16)
    for function in (tfa.triplet_semihard_loss, tfa.triplet_hard_loss):
        net = model()
        net.compile("sgd", loss=function)
        net.fit(x, labels, verbose=0)
        net.save(tmp_path / "net.keras")
        again = keras.models.load_model(tmp_path / "net.keras")
        assert np.isclose(again.evaluate(x, labels, verbose=0), net.evaluate(x, labels, verbose=0))


def test_configurations_of_another_loss_are_refused():
    hard = {"class_name": "Addons>TripletHardLoss", "config": {"margin": 1.0, "soft": True}}
    assert TripletHardLoss.from_config(hard).get_config()["soft"]
    with pytest.raises(ValueError, match=r"of a TripletHardLoss: read it with TripletHardLoss\.from_config"):
        TripletSemiHardLoss.from_config(hard)
    with pytest.raises(ValueError, match="has 'soft', which TripletSemiHardLoss does not have"):
        TripletSemiHardLoss.from_config({"margin": 1.0, "soft": True})
    assert TripletSemiHardLoss.from_config({"margin": np.float32(0.5)}).margin == 0.5
    with pytest.raises(ValueError, match="not JSON compliant"):
        TripletSemiHardLoss.from_config({"margin": float("nan")})
    with pytest.raises(TypeError, match="the configuration holds a ndarray"):
        TripletSemiHardLoss.from_config({"margin": np.ones(2)})


def test_mistakes():
    labels, x = batch(64, 8)
    with pytest.raises(TypeError, match="distance_metric is a function"):
        TripletSemiHardLoss(distance_metric=lambda a, b: a)
    with pytest.raises(ValueError, match='unknown distance "cosine"'):
        TripletSemiHardLoss(distance_metric="cosine")
    with pytest.raises(ValueError, match="embeddings have shape"):
        TripletSemiHardLoss()(labels, x[:, 0])
    with pytest.raises(Exception, match=r"labels have shape \[63\] but embeddings have shape \[64, 8\]"):
        TripletSemiHardLoss()(labels[1:], x)
    x[5, 2] = np.nan
    with pytest.raises(Exception, match=r"embeddings\[5, 2\] is NaN"):
        number(TripletSemiHardLoss()(labels, x))


def test_mixed_precision_computes_in_f32():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        labels, x = batch(64)
        net = model()
        net.compile("adam", loss=TripletSemiHardLoss())
        assert np.isfinite(net.fit(x, labels, verbose=0).history["loss"]).all()
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
