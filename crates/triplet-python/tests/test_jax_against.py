"""Reference rows in JAX: values and gradients of `evaluate`, under jit, vmap and in halves."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import batch, same_bits
from triplet_loss import evaluate

jax = pytest.importorskip("jax")
jnp = jax.numpy
from triplet_loss.jax import triplet_hard_loss, triplet_semihard_loss  # noqa: E402

LABELS, X = batch(40, 8, 5)
OTHER_LABELS, OTHERS = batch(90, 8, 5)
OTHERS = OTHERS + np.float32(0.01)


@pytest.mark.parametrize(
    ("function", "rule"), [(triplet_semihard_loss, "semi-hard"), (triplet_hard_loss, "hard")]
)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_both_gradients_have_the_bits_of_evaluate(function, rule, reduction):
    ids, ref_ids = np.arange(40), np.arange(90) % 60
    weights = np.linspace(0, 2, 40, dtype=np.float32)

    @jax.jit
    def step(x, others):
        losses = function(
            LABELS,
            x,
            0.5,
            distance="l2",
            sample_weight=weights,
            reduction=reduction,
            ref_emb=others,
            ref_labels=OTHER_LABELS,
            ids=ids,
            ref_ids=ref_ids,
        )
        return losses.sum()

    gradients = jax.grad(step, (0, 1))(X, OTHERS)
    expected = evaluate(
        LABELS,
        X,
        0.5,
        "l2",
        rule,
        weights,
        reduction,
        candidates=OTHERS,
        candidate_labels=OTHER_LABELS,
        ids=ids,
        candidate_ids=ref_ids,
        candidate_gradient=True,
    )
    if reduction == "mean":
        assert same_bits(np.asarray(step(X, OTHERS)), expected.loss)
    assert same_bits(np.asarray(gradients[0]), expected.gradient)
    assert same_bits(np.asarray(gradients[1]), expected.candidate_gradient)


def test_a_margin_that_is_a_function_is_read_when_a_jitted_function_runs():
    margin = [0.5]

    @jax.jit
    def step(x):
        losses = triplet_semihard_loss(
            LABELS, x, lambda: margin[0], reduction="none", ref_emb=OTHERS, ref_labels=OTHER_LABELS
        )
        return losses.sum()

    for value in (0.5, 0.25):
        margin[0] = value
        expected = evaluate(
            LABELS, X, value, reduction="none", candidates=OTHERS, candidate_labels=OTHER_LABELS
        )
        assert same_bits(np.asarray(jax.grad(step)(X)), expected.gradient)
    with pytest.raises(TypeError, match="traced"):
        jax.jit(lambda m: triplet_semihard_loss(LABELS, X, m, ref_emb=OTHERS, ref_labels=OTHER_LABELS))(0.5)


def test_batches_of_batches_and_halves():
    many = jnp.stack([X, X + 1])
    losses = jax.vmap(lambda x: triplet_semihard_loss(LABELS, x, ref_emb=OTHERS, ref_labels=OTHER_LABELS))(
        many
    )
    for x, loss in zip(many, losses, strict=True):
        expected = evaluate(LABELS, np.asarray(x), candidates=OTHERS, candidate_labels=OTHER_LABELS)
        assert same_bits(np.asarray(loss), expected.loss)
    half = triplet_semihard_loss(
        LABELS,
        jnp.asarray(X, jnp.bfloat16),
        ref_emb=jnp.asarray(OTHERS, jnp.bfloat16),
        ref_labels=OTHER_LABELS,
    )
    assert half.dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("error", "message", "settings"),
    [
        (ValueError, "ref_labels is missing", {"ref_emb": OTHERS}),
        (ValueError, "ref_emb is missing", {"ref_labels": OTHER_LABELS}),
        (ValueError, "there is no ref_emb", {"ids": np.arange(40)}),
        (ValueError, "one is missing", {"ref_emb": OTHERS, "ref_labels": OTHER_LABELS, "ids": np.arange(40)}),
        (ValueError, "expected two dimensions", {"ref_emb": OTHERS[0], "ref_labels": OTHER_LABELS}),
    ],
)
def test_mistakes(error, message, settings):
    with pytest.raises(error, match=message):
        triplet_semihard_loss(LABELS, X, **settings)


def test_labels_beyond_32_bits_and_text_are_told_apart():
    wide = LABELS + 2**32 * (np.arange(40) % 2)
    expected = evaluate(wide, X, candidates=OTHERS, candidate_labels=OTHER_LABELS)
    found = triplet_semihard_loss(wide, X, ref_emb=OTHERS, ref_labels=OTHER_LABELS)
    assert same_bits(np.asarray(found), expected.loss)
    text = [f"class {label}" for label in LABELS], [f"class {label}" for label in OTHER_LABELS]
    found = triplet_semihard_loss(text[0], X, ref_emb=OTHERS, ref_labels=text[1])
    expected = evaluate(LABELS, X, candidates=OTHERS, candidate_labels=OTHER_LABELS)
    assert same_bits(np.asarray(found), expected.loss)
    # Its numbers would have nothing to do with the array's.
    with pytest.raises(TypeError, match="ref_labels are text"):
        triplet_semihard_loss(jnp.asarray(LABELS), X, ref_emb=OTHERS, ref_labels=text[1])
    with pytest.raises(ValueError, match="cuts to 32 bits"):
        triplet_semihard_loss(wide, X, ref_emb=OTHERS, ref_labels=jnp.asarray(OTHER_LABELS))


def test_a_second_derivative_is_an_error():
    def loss(x):
        return triplet_semihard_loss(LABELS, x, ref_emb=OTHERS, ref_labels=OTHER_LABELS)

    with pytest.raises(NotImplementedError, match="differentiated once"):
        jax.hessian(loss)(X)
