"""The golden files of the real TFA through ``triplet_loss.tfa``, in every framework."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Golden
from triplet_loss import evaluate


def check(golden: Golden, loss: float, gradient: np.ndarray | None) -> None:
    loss_tolerance, gradient_tolerance = golden.tolerances()
    assert abs(loss - golden.expected_loss) <= loss_tolerance
    if gradient is not None and not golden.has_ties:
        assert np.abs(gradient - golden.expected_gradient).max(initial=0.0) <= gradient_tolerance


def callables(golden: Golden):
    """The function and the class of TFA's names, as one would call them."""
    from triplet_loss import tfa

    if golden.loss == "semihard":
        yield lambda y, x: tfa.triplet_semihard_loss(y, x, golden.margin, golden.metric)
        yield tfa.TripletSemiHardLoss(golden.margin, golden.metric)
    else:
        yield lambda y, x: tfa.triplet_hard_loss(y, x, golden.margin, golden.soft, golden.metric)
        yield tfa.TripletHardLoss(golden.margin, golden.soft, golden.metric)


def test_numpy(golden):
    rule = {"semihard": "semi-hard", "hard": "hard-soft" if golden.soft else "hard"}[golden.loss]
    result = evaluate(golden.labels, golden.embeddings, golden.margin, golden.metric, rule)
    check(golden, result.loss, result.gradient)
    for call in callables(golden):
        loss = float(np.asarray(call(golden.labels, golden.embeddings)))
        check(golden, loss, None)
        assert loss == result.loss


def test_torch(golden):
    torch = pytest.importorskip("torch")
    for call in callables(golden):
        x = torch.tensor(golden.embeddings, requires_grad=True)
        loss = call(torch.tensor(golden.labels), x)
        assert isinstance(loss, torch.Tensor)
        loss.backward()
        check(golden, loss.item(), x.grad.numpy())


def test_jax(golden):
    jax = pytest.importorskip("jax")
    labels = golden.labels
    for call in callables(golden):
        loss, gradient = jax.value_and_grad(lambda x, call=call: call(labels, x))(
            jax.numpy.asarray(golden.embeddings)
        )
        check(golden, float(loss), np.asarray(gradient))


def test_tensorflow(golden):
    tf = pytest.importorskip("tensorflow")
    for call in callables(golden):
        x = tf.constant(golden.embeddings)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = call(tf.constant(golden.labels), x)
        check(golden, float(loss), tape.gradient(loss, x).numpy())
