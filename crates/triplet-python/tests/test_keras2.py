"""The losses in Keras 2: TensorFlow's own up to 2.15, or tf_keras with TF_USE_LEGACY_KERAS=1."""

from __future__ import annotations

import copy
import os
import pickle

import numpy as np
import pytest
from conftest import batch
from triplet_loss import evaluate, tfa

tf = pytest.importorskip("tensorflow")
if hasattr(tf.keras, "ops"):
    pytest.skip("TensorFlow's Keras is Keras 3 here", allow_module_level=True)

keras = tf.keras
LABELS, X = batch(20, 3, 4)
WEIGHTS = np.linspace(0, 2, 20, dtype=np.float32)
MASK = X[:, 0] > -0.5
ROWS = evaluate(LABELS, X, 1.0, "l2", reduction="none").loss
EAGER = pytest.mark.parametrize("eager", [False, True], ids=["graph", "eager"])


def expected(margin: float = 1.0, **more) -> float:
    return evaluate(LABELS, X, margin, "l2", **more).loss


class Scaled(tfa.TripletSemiHardLoss):
    def call(self, y_true, y_pred):
        return 10.0 * super().call(y_true, y_pred)


class Positive(keras.layers.Layer):
    """Masks the rows below; of new tensors, as most layers give."""

    def compute_mask(self, inputs, mask=None):
        return inputs[:, 0] > -0.5

    def call(self, inputs):
        return inputs * 1.0


def compiled(loss, eager, layer=None) -> keras.Model:
    """A network that leaves its input alone."""
    layer = layer or keras.layers.Dense(3, kernel_initializer="identity")
    net = keras.Sequential([keras.layers.Input((3,)), layer])
    net.compile(keras.optimizers.SGD(0.0), loss=loss, run_eagerly=eager)
    return net


def test_they_are_losses_of_this_keras():
    for kind in (tfa.TripletSemiHardLoss, tfa.TripletHardLoss):
        assert issubclass(kind, keras.losses.Loss)
    assert tfa.TripletSemiHardLoss()(LABELS, X).numpy() == expected()
    assert tfa.TripletSemiHardLoss().call(LABELS, X).numpy().tolist() == ROWS.tolist()


@pytest.mark.parametrize("reduction", ["auto", "sum_over_batch_size", "mean", "sum", "none", None])
@pytest.mark.parametrize("kind", [tfa.TripletSemiHardLoss, Scaled])
def test_reductions_and_weights(kind, reduction):
    loss, scale = kind(reduction=reduction), 10 if kind is Scaled else 1
    for weights in (None, WEIGHTS, WEIGHTS[:, None], np.float32(0.5)):
        rows = scale * ROWS * (1 if weights is None else np.ravel(weights))
        wanted = {"sum": rows.sum(), "none": rows, None: rows}.get(reduction, rows.mean())
        assert np.allclose(loss(LABELS, X, weights), wanted, rtol=1e-5)
    with pytest.raises(ValueError, match="Invalid Reduction Key"):
        kind(reduction="median")


@EAGER
@pytest.mark.parametrize("kind", [tfa.TripletSemiHardLoss, Scaled])
def test_fit_weighs_and_masks_rows(kind, eager):
    scale = 10 if kind is Scaled else 1
    net = compiled(kind(), eager)
    found = net.evaluate(X, LABELS, batch_size=20, sample_weight=WEIGHTS, verbose=0)
    assert np.isclose(found, scale * (ROWS * WEIGHTS).mean(), rtol=1e-5)  # not mean(w) times the loss
    assert not np.isclose(found, scale * ROWS.mean() * WEIGHTS.mean(), rtol=1e-3)
    net = compiled(kind(), eager, Positive())
    masked = net.evaluate(X, LABELS, batch_size=20, verbose=0)
    assert np.isclose(masked, scale * ROWS[MASK].mean(), rtol=1e-5)


@EAGER
def test_a_margin_can_be_changed(eager):
    loss = tfa.TripletSemiHardLoss(0.5)
    net, variable = compiled(loss, eager), tf.Variable(0.25)

    def found():
        return net.evaluate(X, LABELS, batch_size=20, verbose=0)

    assert np.isclose(found(), expected(0.5), rtol=1e-5)
    loss.margin = 2.5
    assert np.isclose(found(), expected(2.5), rtol=1e-5)
    loss.margin = variable
    variable.assign(7.0)
    assert np.isclose(found(), expected(7.0), rtol=1e-5)
    assert loss.get_config()["margin"] == 7.0
    loss.margin = lambda: 3
    assert np.isclose(found(), expected(3.0), rtol=1e-5)
    with pytest.raises(TypeError, match="margin is a str"):
        loss.margin = "1"
    with pytest.raises(AttributeError, match="no attribute 'margn'"):
        loss.margn = 1.0


def test_configurations():
    loss = tfa.TripletHardLoss(0.5, True, "angular", "mine", reduction="sum", threads=1)
    for again in (
        tfa.TripletHardLoss.from_config(loss.get_config()),
        keras.losses.deserialize(keras.losses.serialize(loss)),
        copy.deepcopy(loss),
        pickle.loads(pickle.dumps(loss)),
    ):
        assert type(again) is type(loss)
        assert again.get_config() == loss.get_config()
    written = {"reduction": "none", "name": None, "margin": 0.5, "soft": True, "distance_metric": "L2"}
    old = keras.losses.deserialize({"class_name": "Addons>TripletHardLoss", "config": written})
    assert (old.reduction, old.margin, old.get_config()["soft"]) == ("auto", 0.5, True)
    of_keras_3 = {**tfa.TripletSemiHardLoss(0.3).get_config(), "dtype": "float32", "reduction": "mean"}
    assert tfa.TripletSemiHardLoss.from_config(of_keras_3).reduction == "sum_over_batch_size"


def test_masked_arrays_are_refused():
    for loss in (tfa.TripletSemiHardLoss(), Scaled()):
        for arguments in (
            (np.ma.array(LABELS), X),
            (LABELS, np.ma.array(X)),
            (LABELS, [np.ma.array(row) for row in X]),
            (LABELS, X, np.ma.array(WEIGHTS)),
        ):
            with pytest.raises(TypeError, match="masked array, whose mask would be ignored"):
                loss(*arguments)


@pytest.mark.parametrize(
    "weights", [-WEIGHTS, WEIGHTS * np.nan, WEIGHTS[None], [5.0], np.ones((len(X), len(X)))]
)
def test_weights_of_a_subclass_are_held_to_the_same_rules(weights):
    with pytest.raises(ValueError, match="sample_weight") as wanted:
        evaluate(LABELS, X, sample_weight=weights)
    for given in (weights, tf.constant(weights)):
        with pytest.raises(ValueError, match="sample_weight") as found:
            Scaled()(LABELS, X, given)
        assert str(found.value) == str(wanted.value)


def test_under_a_strategy():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        net = compiled(tfa.TripletSemiHardLoss(), False)
    assert np.isclose(net.evaluate(X, LABELS, batch_size=20, verbose=0), expected(), rtol=1e-5)


@pytest.mark.skipif(not os.environ.get("TF_USE_LEGACY_KERAS"), reason="one Keras is installed here")
def test_a_loss_of_the_other_keras_is_refused():
    import keras as keras_3
    from triplet_loss.keras import TripletSemiHardLoss

    with pytest.raises(TypeError, match=r"is a loss of Keras 3 and the model is one of tf_keras"):
        compiled(TripletSemiHardLoss(), True).evaluate(X, LABELS, verbose=0)
    with pytest.raises(TypeError, match=r"is a loss of Keras 3 and the model is one of tf_keras"):
        compiled(TripletSemiHardLoss(), False).evaluate(X, LABELS, verbose=0)
    net = keras_3.Sequential([keras_3.layers.Input((3,)), keras_3.layers.Dense(3)])
    net.compile("sgd", loss=tfa.TripletSemiHardLoss())
    with pytest.raises(TypeError, match=r"is a loss of Keras 2 and the model is one of Keras 3"):
        net.evaluate(X, LABELS, verbose=0)
