"""TFA's `metric_learning` in every framework, and the names around it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from conftest import batch
from triplet_loss import evaluate
from triplet_loss.tfa import losses, metric_learning, triplet, triplet_semihard_loss
from triplet_loss.tfa.losses.metric_learning import angular_distance, pairwise_distance

FRAMEWORKS = ["numpy", "torch", "tensorflow", "jax"]
LABELS, X = batch(12, 5, 3)
X[3] = X[2]  # two rows at distance 0
X[7] = 0.0
KINDS = {
    "l2": pairwise_distance,
    "squared-l2": lambda x: pairwise_distance(x, squared=True),
    "angular": angular_distance,
}


def tensor(framework: str, values: np.ndarray):
    if framework == "numpy":
        return values
    module = pytest.importorskip(framework)
    if framework == "jax":
        return module.numpy.asarray(values)
    return module.tensor(values) if framework == "torch" else module.constant(values)


def exact(kind: str, x: np.ndarray) -> np.ndarray:
    """In f64, from differences."""
    x = x.astype(np.float64)
    if kind == "angular":
        unit = x / np.sqrt(np.maximum((x * x).sum(1, keepdims=True), 1e-12))
        return np.maximum(1 - unit @ unit.T, 0)
    squares = ((x[:, None] - x[None]) ** 2).sum(-1)
    return squares if kind == "squared-l2" else np.sqrt(squares)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("kind", KINDS)
def test_values(kind, framework):
    x = tensor(framework, X)
    found = KINDS[kind](x)
    assert type(found).__module__.partition(".")[0] == type(x).__module__.partition(".")[0]
    assert np.asarray(found).dtype == np.float32
    # A squared norm has 5 terms of about 1 in f32; its root loses half the digits at 0.
    assert np.allclose(np.asarray(found), exact(kind, X), atol=2e-3 if kind == "l2" else 1e-5)
    if kind != "angular":
        assert (np.diag(np.asarray(found)) == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_the_distances_of_the_losses(kind):
    mined = evaluate(LABELS, X, 1.0, kind, triplets=True).triplets
    found = KINDS[kind](X)
    for row, distance in (
        (mined.positive, mined.positive_distance),
        (mined.negative, mined.negative_distance),
    ):
        there = row >= 0
        assert np.allclose(found[mined.anchor[there], row[there]], distance[there], atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_at_distance_zero_and_the_same_everywhere(kind):
    weights = np.linspace(0, 1, 144, dtype=np.float32).reshape(12, 12)
    torch = pytest.importorskip("torch")
    x = torch.tensor(X, requires_grad=True)
    (KINDS[kind](x) * torch.tensor(weights)).sum().backward()
    found = {"torch": x.grad.numpy()}
    if importlib.util.find_spec("tensorflow"):
        import tensorflow as tf

        for wrap in (lambda f: f, tf.function):
            with tf.GradientTape() as tape:
                y = tf.constant(X)
                tape.watch(y)
                value = tf.reduce_sum(wrap(KINDS[kind])(y) * weights)
            found[f"tensorflow {wrap}"] = tape.gradient(value, y).numpy()
    if importlib.util.find_spec("jax"):
        import jax

        step = jax.jit(jax.grad(lambda y: (KINDS[kind](y) * weights).sum()))
        found["jax"] = np.asarray(step(X))
    for gradient in found.values():
        assert np.isfinite(gradient).all()
        # The zero row's angular gradient is about 1e5.
        scale = 1 + np.abs(found["torch"]).max(1, keepdims=True)
        assert (np.abs(gradient - found["torch"]) <= 1e-3 * scale).all()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_types(framework):
    x = tensor(framework, X.astype(np.float16))
    assert "float16" in str(pairwise_distance(x).dtype)
    if framework != "jax":  # without x64
        assert "float64" in str(angular_distance(tensor(framework, X.astype(np.float64))).dtype)
    for call in (pairwise_distance, angular_distance):
        with pytest.raises(TypeError, match="embeddings have dtype int"):
            call(tensor(framework, np.ones((3, 2), np.int32)))
        with pytest.raises(ValueError, match=r"embeddings have shape \[3\]: expected two dimensions"):
            call(tensor(framework, np.ones(3, np.float32)))
        with pytest.raises(TypeError, match="masked array"):
            call(np.ma.array(X))


def test_nan_stays():
    x = X.copy()
    x[1, 1] = np.nan
    for call in KINDS.values():
        assert np.isnan(call(x)[1]).all()
        assert np.isfinite(np.delete(np.delete(call(x), 1, 0), 1, 1)).all()


def test_the_names_of_tfa():
    assert losses.triplet.triplet_semihard_loss is triplet.triplet_semihard_loss is triplet_semihard_loss
    assert losses.metric_learning.pairwise_distance is metric_learning.pairwise_distance
    assert losses.TripletHardLoss is triplet.TripletHardLoss


@pytest.mark.skipif(importlib.util.find_spec("tensorflow_addons") is None, reason="needs TFA itself")
def test_values_are_tfas():
    import tensorflow_addons as tfa

    old = tfa.losses.metric_learning
    x = tensor("tensorflow", X)
    for squared in (False, True):
        found = pairwise_distance(x, squared).numpy()
        assert np.allclose(found, old.pairwise_distance(x, squared).numpy(), atol=2e-3)
    assert np.allclose(angular_distance(x).numpy(), old.angular_distance(x).numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", [pairwise_distance, angular_distance])
def test_tensors_of_unknown_rank(kind):
    tf = pytest.importorskip("tensorflow")
    x = np.random.default_rng(3).standard_normal((5, 3)).astype(np.float32)
    run = tf.function(kind, input_signature=[tf.TensorSpec(None, tf.float32)])
    assert np.allclose(run(x), kind(x), atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible with expected shape"):
        run(x[0])
