"""Losses of Keras against reference rows, on Keras's three backends."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import batch, same_bits
from triplet_loss import evaluate

keras = pytest.importorskip("keras")
from triplet_loss.keras import TripletHardLoss, TripletSemiHardLoss  # noqa: E402

BACKEND = keras.backend.backend()
LABELS, X = batch(40, 8, 5)
OTHER_LABELS, OTHERS = batch(90, 8, 5)
OTHERS = OTHERS + np.float32(0.01)
IDS, REF_IDS = np.arange(40), np.arange(90) % 60


def value_and_gradients(loss, x, others):
    """Of the sum over what the loss gives, by both sides."""
    if BACKEND == "torch":
        sides = [keras.ops.convert_to_tensor(side).requires_grad_() for side in (x, others)]
        value = loss(*sides).sum()
        value.backward()
        return value.detach().numpy(), *(side.grad.numpy() for side in sides)
    if BACKEND == "jax":
        import jax

        value, gradients = jax.value_and_grad(lambda x, others: loss(x, others).sum(), (0, 1))(x, others)
        return np.asarray(value), *map(np.asarray, gradients)
    import tensorflow as tf

    sides = [tf.constant(side) for side in (x, others)]
    with tf.GradientTape() as tape:
        tape.watch(sides)
        value = tf.reduce_sum(loss(*sides))
    return value.numpy(), *(gradient.numpy() for gradient in tape.gradient(value, sides))


@pytest.mark.parametrize(("kind", "rule"), [(TripletSemiHardLoss, "semi-hard"), (TripletHardLoss, "hard")])
@pytest.mark.parametrize(("reduction", "name"), [("sum_over_batch_size", "mean"), ("none", "none")])
def test_both_gradients_have_the_bits_of_evaluate(kind, rule, reduction, name):
    weights = np.linspace(0, 2, 40, dtype=np.float32)
    loss = kind(0.5, reduction=reduction)

    def of(x, others):
        return loss.against(LABELS, x, OTHER_LABELS, others, weights, ids=IDS, ref_ids=REF_IDS)

    found = value_and_gradients(of, X, OTHERS)
    expected = evaluate(
        LABELS,
        X,
        0.5,
        "l2",
        rule,
        weights,
        name,
        candidates=OTHERS,
        candidate_labels=OTHER_LABELS,
        ids=IDS,
        candidate_ids=REF_IDS,
        candidate_gradient=True,
    )
    if name == "mean":
        assert same_bits(found[0], expected.loss)
    assert same_bits(found[1], expected.gradient)
    assert same_bits(found[2], expected.candidate_gradient)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="graphs are TensorFlow's")
def test_graphs_of_tensorflow():
    import tensorflow as tf

    loss = TripletSemiHardLoss(0.5)

    @tf.function
    def step(x, y, others, other_labels):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss.against(y, x, other_labels, others)
        return value, tape.gradient(value, x)

    expected = evaluate(LABELS, X, 0.5, "l2", candidates=OTHERS, candidate_labels=OTHER_LABELS)
    value, gradient = step(
        tf.constant(X), tf.constant(LABELS), tf.constant(OTHERS), tf.constant(OTHER_LABELS)
    )
    assert same_bits(value.numpy(), expected.loss)
    assert same_bits(gradient.numpy(), expected.gradient)
    # A margin that is set later holds in the graph that was traced before.
    loss.margin = 0.25
    expected = evaluate(LABELS, X, 0.25, "l2", candidates=OTHERS, candidate_labels=OTHER_LABELS)
    found = step(tf.constant(X), tf.constant(LABELS), tf.constant(OTHERS), tf.constant(OTHER_LABELS))[0]
    assert same_bits(found.numpy(), expected.loss)


def test_text_and_mistakes():
    loss = TripletSemiHardLoss(0.5)
    text = [f"class {label}" for label in LABELS], [f"class {label}" for label in OTHER_LABELS]
    expected = loss.against(LABELS, X, OTHER_LABELS, OTHERS)
    assert float(loss.against(text[0], X, text[1], OTHERS)) == float(expected)
    with pytest.raises((TypeError, ValueError), match="text"):
        loss.against(keras.ops.convert_to_tensor(LABELS), X, text[1], OTHERS)
    with pytest.raises(ValueError, match="go together"):
        loss.against(LABELS, X, OTHER_LABELS, OTHERS, ids=IDS)
