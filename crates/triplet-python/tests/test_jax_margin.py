"""Margins of the JAX functions: numbers, arrays, traced values, functions."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import batch, same_bits
from triplet_loss import evaluate

jax = pytest.importorskip("jax")
jnp = jax.numpy

from triplet_loss.jax import triplet_hard_loss, triplet_semihard_loss  # noqa: E402

MARGINS = [
    lambda: 0.7,
    lambda: np.float64(0.7),
    lambda: np.array(0.7),
    lambda: jnp.array(0.7),
    lambda: lambda: 0.7,
]


@pytest.mark.parametrize("make", MARGINS)
def test_margins_of_every_kind(make):
    labels, x = batch()
    wanted = evaluate(labels, x, 0.7, reduction="none")

    def summed(x, margin):
        return triplet_semihard_loss(labels, x, margin, reduction="none").sum()

    margin = make()
    assert same_bits(triplet_semihard_loss(labels, x, margin, reduction="none"), wanted.loss)
    assert same_bits(jax.grad(summed)(x, margin), wanted.gradient)
    assert same_bits(jax.jit(jax.grad(lambda x: summed(x, margin)))(x), wanted.gradient)
    if not callable(margin):
        assert same_bits(jax.jit(jax.grad(summed))(x, margin), wanted.gradient)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float8_e4m3fn, jnp.int8, jnp.uint16])
def test_traced_margins_of_every_real_type(dtype):
    labels, x = batch()
    margin = jnp.array(2, dtype)
    found = jax.jit(lambda m: triplet_semihard_loss(labels, x, m))(margin)
    assert same_bits(found, evaluate(labels, x, 2.0).loss)
    for wrong in (jnp.array(True), jnp.array(1j), jax.random.key(0)):
        with pytest.raises(TypeError, match=r"margin is .*expected a real number"):
            jax.jit(lambda m: triplet_semihard_loss(labels, x, m))(wrong)


def test_a_function_is_called_at_every_run():
    labels, x = batch()
    state = {"margin": 0.5}
    step = jax.jit(lambda x: triplet_semihard_loss(labels, x, lambda: state["margin"]))
    for margin in (0.5, 2.0):
        state["margin"] = margin
        assert same_bits(step(x), evaluate(labels, x, margin).loss)


def test_a_traced_margin_goes_through_a_scan():
    labels, x = batch()
    margins = jnp.array([0.1, 0.5, 2.0])
    _, found = jax.lax.scan(lambda c, m: (c, triplet_semihard_loss(labels, x, m)), 0, margins)
    assert same_bits(found, np.stack([evaluate(labels, x, float(m)).loss for m in margins]))


def test_what_is_no_margin_is_refused():
    labels, x = batch()
    for margin, kind, message in (
        ("1", TypeError, "margin is a str"),
        (None, TypeError, "margin is a NoneType"),
        (1j, TypeError, "margin is a complex"),
        (np.ones(2), ValueError, r"margin has shape \[2\]"),
        (float("nan"), ValueError, "margin is NaN"),
    ):
        for function in (triplet_semihard_loss, triplet_hard_loss):
            for wrap in (lambda f: f, jax.jit):
                with pytest.raises(kind, match=message):
                    wrap(lambda x, f=function, m=margin: f(labels, x, m))(x)
    with pytest.raises(TypeError, match=r"margin is float32\[2\]"):
        jax.jit(lambda m: triplet_semihard_loss(labels, x, m))(np.ones(2))
    for wrap in (lambda f: f, jax.jit):
        with pytest.raises(NotImplementedError, match="the derivative by the margin is not computed"):
            wrap(jax.grad(lambda m: triplet_semihard_loss(labels, x, m)))(0.5)
        free = wrap(jax.grad(lambda m: triplet_semihard_loss(labels, x, jax.lax.stop_gradient(m)) + m))
        assert free(0.5) == 1
