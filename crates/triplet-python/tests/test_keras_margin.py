"""Margins of the Keras losses that change, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from conftest import SEED, batch
from triplet_loss import evaluate

keras = pytest.importorskip("keras")

from triplet_loss.keras import TripletHardLoss, TripletSemiHardLoss  # noqa: E402

BACKEND = keras.backend.backend()
BATCHES, ROWS = 4, 16
LABELS, X = batch(BATCHES * ROWS, 3, 4)
MARGINS = [0.5 + turn for turn in range(BATCHES)]


def number(value) -> float:
    return float(keras.ops.convert_to_numpy(value))


def expected(margin: float, turn: int = 0, **more) -> float:
    rows = slice(turn * ROWS, (turn + 1) * ROWS)
    return evaluate(LABELS[rows], X[rows], margin, "l2", **more).loss


class Changes(keras.callbacks.Callback):
    """Gives each batch its margin, and notes its loss."""

    def __init__(self, change):
        super().__init__()
        self.change, self.means = change, []

    def on_train_batch_end(self, batch, logs=None):
        self.means.append(logs["loss"])
        self.change(batch + 1)

    def losses(self):
        """Of the batches; Keras reports the mean up to each."""
        return np.diff(np.array(self.means) * np.arange(1, BATCHES + 1), prepend=0)


def fit(loss, change, **compiled) -> np.ndarray:
    """The losses of the batches of one epoch, through a network that leaves its input alone."""
    keras.utils.set_random_seed(SEED)
    net = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(3, kernel_initializer="identity")])
    net.compile(keras.optimizers.SGD(0.0), loss=loss, **compiled)
    changes = Changes(change)
    net.fit(X, LABELS, batch_size=ROWS, shuffle=False, verbose=0, callbacks=[changes])
    return changes.losses()


def number_of(loss):
    return lambda turn: setattr(loss, "margin", 0.5 + turn)


def variable_of(loss):
    loss.margin = keras.Variable(0.5, trainable=False)
    return lambda turn: loss.margin.assign(0.5 + turn)


def array_of(loss):
    loss.margin = np.array(0.5)
    return lambda turn: loss.margin.fill(0.5 + turn)


def schedule_of(loss):
    state = {"turn": 0}
    loss.margin = lambda: 0.5 + state["turn"]
    return lambda turn: state.update(turn=turn)


def exchanged(loss):
    """A variable, then numbers in its place."""
    loss.margin = keras.Variable(0.5)
    return number_of(loss)


KINDS = [number_of, variable_of, array_of, schedule_of, exchanged]


@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_batch_of_fit_has_the_margin_of_its_moment(kind, reduction, eager):
    loss = TripletSemiHardLoss(0.5, reduction=reduction)
    found = fit(loss, kind(loss), run_eagerly=eager)
    wanted = [expected(margin, turn) for turn, margin in enumerate(MARGINS)]
    # Keras's running means are f32.
    assert np.allclose(found, wanted, rtol=1e-5), (found, wanted)


@pytest.mark.skipif(BACKEND != "torch", reason="other backends compile by themselves")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_under_torch_compile(kind):
    loss = TripletSemiHardLoss(0.5)
    found = fit(loss, kind(loss), jit_compile=True)
    assert np.allclose(found, [expected(margin, turn) for turn, margin in enumerate(MARGINS)], rtol=1e-5)


@pytest.mark.skipif(BACKEND != "jax", reason="where steps run on after their calls have returned")
def test_a_number_that_is_set_is_not_that_of_the_step_before():
    labels, x = batch(4 * 2048, 256, 200)
    loss = TripletSemiHardLoss(0.5)

    class Early(keras.callbacks.Callback):
        """Sets the margin of a step while the step before may run."""

        def on_train_batch_begin(self, batch, logs=None):
            loss.margin = 0.5 + batch

    net = keras.Sequential(
        [keras.layers.Input((256,)), keras.layers.Dense(256, kernel_initializer="identity")]
    )
    net.compile(keras.optimizers.SGD(0.0), loss=loss)
    history = net.fit(x, labels, batch_size=2048, shuffle=False, verbose=0, callbacks=[Early()])
    parts = [slice(turn * 2048, (turn + 1) * 2048) for turn in range(4)]
    wanted = np.mean([evaluate(labels[p], x[p], 0.5 + turn, "l2").loss for turn, p in enumerate(parts)])
    assert np.isclose(history.history["loss"][0], wanted, rtol=1e-5)


@pytest.mark.skipif(BACKEND != "jax", reason="where a weight of the model is an input of its steps")
def test_a_variable_of_the_model_is_an_input_of_its_steps():
    loss = TripletSemiHardLoss(keras.Variable(0.5, trainable=False))
    net = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(3, kernel_initializer="identity")])
    net.margin = loss.margin
    net.compile(keras.optimizers.SGD(0.0), loss=loss)
    for margin in (0.5, 2.5):
        loss.margin.assign(margin)
        assert np.isclose(net.evaluate(X[:ROWS], LABELS[:ROWS], batch_size=ROWS, verbose=0), expected(margin))


@pytest.mark.skipif(BACKEND != "jax", reason="where calls outside of steps are compiled")
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
def test_new_losses_with_the_same_settings_compile_nothing(reduction):
    import jax

    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, seconds, **_: compiled.append(name) if "backend_compile" in name else None
    )
    labels, x = jax.numpy.asarray(LABELS[:ROWS]), jax.numpy.asarray(X[:ROWS])
    losses = []
    for turn in range(20):
        before = len(compiled)
        loss = TripletSemiHardLoss(0.5 + turn, reduction=reduction)
        jax.grad(lambda x, loss=loss: loss(labels, x).sum())(x)
        losses.append(loss)
        assert turn < 2 or len(compiled) == before
    assert losses[0].statistics == evaluate(LABELS[:ROWS], X[:ROWS], 0.5, "l2").statistics
    assert losses[19].statistics == evaluate(LABELS[:ROWS], X[:ROWS], 19.5, "l2").statistics
    step = jax.jit(lambda x: losses[0](labels, x))
    assert np.isclose(
        step(2 * x).sum() / (ROWS if reduction == "none" else 1),
        evaluate(LABELS[:ROWS], 2 * X[:ROWS], 0.5, "l2").loss,
    )
    assert losses[0].statistics == evaluate(LABELS[:ROWS], 2 * X[:ROWS], 0.5, "l2").statistics
    assert losses[1].statistics == evaluate(LABELS[:ROWS], X[:ROWS], 1.5, "l2").statistics


def of_learning_rate(net):
    return net.optimizer.learning_rate


def function_of_learning_rate(net):
    return lambda: net.optimizer.learning_rate


def function_of_a_weight(net):
    return lambda: keras.ops.sum(net.layers[0].kernel)


@pytest.mark.skipif(BACKEND != "jax", reason="where Keras takes values out of variables while it trains")
@pytest.mark.parametrize("make", [of_learning_rate, function_of_learning_rate, function_of_a_weight])
def test_a_margin_that_keras_takes_away_while_it_trains_is_a_clear_error(make):
    loss = TripletSemiHardLoss()
    net = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(3)])
    net.compile(keras.optimizers.SGD(0.1), loss=loss)
    loss.margin = make(net)
    with pytest.raises(Exception, match=r"set loss\.margin to a number, or to a keras\.Variable"):
        net.fit(X[:ROWS], LABELS[:ROWS], batch_size=ROWS, verbose=0)


def test_the_next_call_has_it_and_configurations_hold_the_number():
    labels, x = LABELS[:ROWS], X[:ROWS]
    variable = keras.Variable(1.5)
    for margin, value in ((2, 2.0), (np.float32(0.1), np.float32(0.1)), (variable, 1.5), (lambda: 3, 3.0)):
        for loss in (TripletSemiHardLoss(margin), TripletHardLoss(margin)):
            assert loss.margin is margin
            config = loss.get_config()
            assert type(config["margin"]) is float
            assert config["margin"] == value
            assert type(loss).from_config(config).margin == value
            assert type(loss).__name__ in repr(loss)
        assert number(TripletSemiHardLoss(margin)(labels, x)) == expected(float(value))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tapes and graphs of TensorFlow's")
@pytest.mark.parametrize("graph", [False, True])
def test_a_gradient_is_that_of_the_margin_of_its_forward_pass(graph):
    import tensorflow as tf

    margins = iter([0.1, 50.0, 50.0])
    loss, x = TripletSemiHardLoss(lambda: next(margins), reduction="none"), tf.constant(X[:ROWS])

    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(loss(LABELS[:ROWS], x))
        return tape.gradient(value, x)

    wanted = evaluate(LABELS[:ROWS], X[:ROWS], 0.1, "l2", reduction="none").gradient
    assert ((tf.function(slope) if graph else slope)(x).numpy() == wanted).all()


def test_copies_have_margins_of_their_own():
    loss = TripletSemiHardLoss(0.3)
    others = [copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))]
    loss.margin = 9.0
    for other in others:
        assert other.margin == 0.3
        assert number(other(LABELS[:ROWS], X[:ROWS])) == expected(0.3)


BAD = [
    ("1", TypeError, "margin is a str"),
    (None, TypeError, "margin is a NoneType"),
    (1j, TypeError, "margin is a complex"),
    (True, TypeError, "margin is a bool"),
    (np.ones(2), ValueError, r"margin has shape \[2\]"),
    (np.array(True), TypeError, "margin has dtype bool"),
    (float("nan"), ValueError, "margin is NaN"),
    (float("inf"), ValueError, "margin is inf"),
]


@pytest.mark.parametrize(("margin", "kind", "message"), BAD)
def test_what_is_no_margin_is_refused_where_it_is_given(margin, kind, message):
    with pytest.raises(kind, match=message):
        TripletSemiHardLoss(margin)
    loss = TripletSemiHardLoss(0.5)
    with pytest.raises(kind, match=message):
        loss.margin = margin
    assert loss.margin == 0.5
    loss.margin = lambda: margin
    with pytest.raises(kind, match=message):
        loss(LABELS, X)


def test_what_a_loss_does_not_have_is_not_accepted_in_silence():
    loss = TripletSemiHardLoss(0.5)
    for name in ("distance_metric", "literal", "soft", "threads", "dtype"):
        with pytest.raises(AttributeError, match=f"{name} of a TripletSemiHardLoss cannot be changed"):
            setattr(loss, name, 2.0)
    with pytest.raises(AttributeError, match="no attribute 'margn': margin, name, reduction can be set"):
        loss.margn = 2.0

    class Own(TripletSemiHardLoss):
        def __init__(self, scale):
            super().__init__(0.5)
            self.scale = scale

    assert Own(2.0).scale == 2.0
    loss.reduction = "sum"
    assert number(loss(LABELS[:ROWS], X[:ROWS])) == expected(0.5, reduction="sum")
