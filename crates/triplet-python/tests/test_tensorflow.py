"""TensorFlow tensors, eager and in graphs: what Keras's tests do not reach."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import batch, same_bits
from triplet_loss import evaluate, tfa

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

WRAPS = pytest.mark.parametrize("wrap", [lambda f: f, tf.function], ids=["eager", "graph"])


@WRAPS
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
def test_a_second_derivative_is_a_clear_error(wrap, reduction):
    labels, x = batch()
    loss = tfa.TripletSemiHardLoss(reduction=reduction)

    @wrap
    def penalty(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                value = tf.reduce_sum(loss(labels, x * x))
            slope = tf.reduce_sum(inner.gradient(value, x) ** 2)
        return outer.gradient(slope, x)

    with pytest.raises(NotImplementedError, match="can be differentiated once"):
        penalty(tf.constant(x))


@WRAPS
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
def test_a_derivative_of_the_gradient_by_the_factors_of_the_losses_is_a_clear_error(wrap, reduction):
    loss = tfa.TripletSemiHardLoss(reduction=reduction)
    factors = tf.Variable([1.0, 2.0, 3.0, 4.0])

    @wrap
    def run(x):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                value = tf.reduce_sum(loss([0, 1, 0, 1], x) * factors)
            total = inner.gradient(value, x)[1, 0] ** 2 + tf.reduce_sum(factors)
        return outer.gradient(total, factors)

    with pytest.raises(NotImplementedError, match="can be differentiated once"):
        run(tf.constant([[0.0], [1.0], [4.0], [9.0]]))


@WRAPS
def test_a_derivative_by_the_factors_alone_is_that_of_the_losses(wrap):
    labels, x = batch()
    loss, factors = tfa.TripletSemiHardLoss(reduction="none"), tf.Variable(np.ones(len(x), np.float32))

    @wrap
    def run(x):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(loss(labels, x) * factors)
        return tape.gradient(value, factors)

    rows = evaluate(labels, x, distance="l2", reduction="none", gradient=False).loss
    assert np.allclose(run(tf.constant(x)), rows, rtol=1e-6)


@WRAPS
def test_halves_that_cannot_hold_the_loss_are_an_error(wrap):
    labels, x = batch()
    call = wrap(lambda x: tfa.triplet_semihard_loss(labels, x, 1e5))
    with pytest.raises(Exception, match="the loss leaves the range of float16"):
        call(tf.constant(x, tf.float16))
    assert (
        wrap(lambda x: tfa.triplet_semihard_loss(labels, x))(tf.constant(x, tf.bfloat16)).dtype == tf.bfloat16
    )


def slope(wrap, reduction, x, labels, factor):
    """The gradient of the loss, or of the sum of the losses, times a factor."""
    loss = tfa.TripletSemiHardLoss(reduction=reduction)

    @wrap
    def run(x, factor):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.reduce_sum(loss(labels, x)) * factor
        return tape.gradient(value, x)

    return run(tf.constant(x), tf.constant(factor)).numpy()


@WRAPS
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
def test_upstream_factors_scale_the_gradient(wrap, reduction):
    labels, x = batch()
    once, twice = (slope(wrap, reduction, x, labels, factor) for factor in (1.0, -2.0))
    assert same_bits(twice, -2 * once)


@WRAPS
def test_an_upstream_gradient_that_is_not_finite_stays_so(wrap):
    labels, x = batch()
    assert np.isnan(slope(wrap, "none", x, labels, float("inf"))).all()


def test_variables_are_embeddings_too():
    labels, x = batch()
    expected = evaluate(labels, x, distance="l2")
    for variable in (tf.Variable(x), keras.Variable(x)):
        with tf.GradientTape() as tape:
            value = tfa.triplet_semihard_loss(labels, variable)
        inner = getattr(variable, "value", variable) if isinstance(variable, keras.Variable) else variable
        assert same_bits(value.numpy(), expected.loss)
        assert same_bits(tape.gradient(value, inner).numpy(), expected.gradient)


def test_xla_is_refused_in_our_words():
    labels, x = batch()
    compiled = tf.function(lambda x: tfa.triplet_semihard_loss(labels, x), jit_compile=True)
    within = tf.function(lambda x: compiled(x))
    for call in (compiled, within):
        with pytest.raises(NotImplementedError, match="which XLA cannot compile"):
            call(tf.constant(x))
    # What was traced outside is refused by XLA itself, as docs/migration.md says.
    traced = tf.function(lambda x: tfa.triplet_semihard_loss(labels, x)).get_concrete_function(tf.constant(x))
    with pytest.raises(tf.errors.InvalidArgumentError, match="PyFunc"):
        tf.function(lambda x: traced(x), jit_compile=True)(tf.constant(x))
    net = keras.Sequential([keras.layers.Input((16,)), keras.layers.Dense(3)])
    net.compile("sgd", loss=tfa.TripletSemiHardLoss(), jit_compile=True)
    with pytest.raises(NotImplementedError, match="with jit_compile=False"):
        net.fit(x, labels, verbose=0)
    net.compile("sgd", loss=tfa.TripletSemiHardLoss())
    net.fit(x, labels, verbose=0)
    assert np.isfinite(tfa.TripletSemiHardLoss()(labels, x))


@WRAPS
def test_margins_of_functions(wrap):
    labels, x = batch()
    x = tf.constant(x)
    state = {"margin": 0.75}
    margins = [
        0.75,
        np.float32(0.75),
        np.array(0.75),
        tf.constant(0.75),
        tf.constant(0.75, tf.float64),
        tf.Variable(0.75),
        keras.Variable(0.75),
        lambda: state["margin"],
    ]
    wanted = evaluate(labels, x, 0.75, "l2").loss
    for margin in margins:
        call = wrap(lambda x, margin=margin: tfa.triplet_semihard_loss(labels, x, margin))
        assert same_bits(call(x).numpy(), wanted)
    assert same_bits(
        wrap(lambda x, m: tfa.triplet_semihard_loss(labels, x, m))(x, tf.constant(0.75)).numpy(), wanted
    )
    changed = wrap(lambda x: tfa.triplet_semihard_loss(labels, x, margins[-3]))
    called = wrap(lambda x: tfa.triplet_semihard_loss(labels, x, margins[-1]))
    for margin in (0.5, 2.0):
        margins[-3].assign(margin)
        state["margin"] = margin
        for call in (changed, called):
            assert same_bits(call(x).numpy(), evaluate(labels, x, margin, "l2").loss)


@WRAPS
def test_what_is_no_margin_is_refused(wrap):
    labels, x = batch()
    for margin, kind in (
        ("1", TypeError),
        (None, TypeError),
        (1j, TypeError),
        (True, TypeError),
        (np.ones(2), ValueError),
        (float("nan"), ValueError),
        (tf.constant([1.0, 2.0]), ValueError),
        (tf.constant("1"), TypeError),
        (tf.constant(True), TypeError),
    ):
        with pytest.raises(kind, match="margin"):
            wrap(lambda x, margin=margin: tfa.triplet_semihard_loss(labels, x, margin))(tf.constant(x))
