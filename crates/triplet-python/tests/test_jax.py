"""The JAX functions: jit, grad, vmap, types, mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import DISTANCES, batch, same_bits
from triplet_loss import evaluate

jax = pytest.importorskip("jax")
jnp = jax.numpy

from triplet_loss.jax import triplet_hard_loss, triplet_semihard_loss  # noqa: E402

FUNCTIONS = [
    *((triplet_semihard_loss, {"distance": distance}, "semi-hard") for distance in DISTANCES),
    (triplet_semihard_loss, {"literal": True, "margin": 0.3}, "semi-hard-literal"),
    (triplet_hard_loss, {"distance": "l2"}, "hard"),
    (triplet_hard_loss, {"soft": True}, "hard-soft"),
]


@pytest.mark.parametrize(("function", "options", "rule"), FUNCTIONS)
@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_value_and_gradient_are_the_engines_bits(function, options, rule, wrap):
    labels, x = batch()
    value, gradient = wrap(jax.value_and_grad(lambda x: function(labels, x, **options)))(x)
    plain = {key: options[key] for key in ("distance", "margin") if key in options}
    expected = evaluate(labels, x, rule=rule, **plain)
    assert same_bits(value, expected.loss)
    assert same_bits(gradient, expected.gradient)
    assert same_bits(wrap(lambda x: function(labels, x, **options))(x), expected.loss)


def test_reductions_weights_and_upstream():
    labels, x = batch()
    weights = np.linspace(0, 2, 32, dtype=np.float32)
    up = jnp.linspace(-1, 1, 32)
    rows = jax.jit(lambda x: triplet_semihard_loss(labels, x, sample_weight=weights, reduction="none"))
    assert same_bits(rows(x), evaluate(labels, x, sample_weight=weights, reduction="none").loss)
    gradient = jax.grad(lambda x: (rows(x) * up).sum())(x)
    split = sum(u * g for u, g in zip(np.asarray(up), np.asarray(jax.jacrev(rows)(x))))
    # 32 terms of f32, each rounded: 32 * 6e-8 of the largest.
    assert np.abs(gradient - split).max() <= 2e-6 * np.abs(split).max()
    double = jax.grad(lambda x: 2 * triplet_semihard_loss(labels, x))(x)
    assert same_bits(double, 2 * evaluate(labels, x).gradient)


def test_vmap_over_batches():
    labels = np.stack([batch(seed=seed)[0] for seed in range(4)])
    x = np.stack([batch(seed=seed)[1] for seed in range(4)])
    step = jax.vmap(jax.value_and_grad(lambda x, y: triplet_semihard_loss(y, x)))
    values, gradients = jax.jit(step)(x, labels)
    for number in range(4):
        expected = evaluate(labels[number], x[number])
        assert same_bits(values[number], expected.loss)
        assert same_bits(gradients[number], expected.gradient)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_vmap_over_any_argument_and_nested(reduction, wrap):
    y = np.stack([batch(seed=seed)[0] for seed in range(2)])
    x = np.stack([batch(seed=seed)[1] for seed in range(3)])
    weights = np.linspace(0, 2, 32, dtype=np.float32)[:, None]
    margins = np.array([0.5, 1.0, 2.0], np.float32)

    def summed(x, y, margin):
        return triplet_semihard_loss(y, x, margin, sample_weight=weights, reduction=reduction).sum()

    one = jax.value_and_grad(summed)
    over_margins = jax.vmap(one, (None, None, 0))
    values, gradients = wrap(jax.vmap(jax.vmap(one, (None, 0, None)), (0, None, 0)))(x, y, margins)
    assert values.shape == (3, 2)
    assert gradients.shape == (3, 2, 32, 16)
    for i in range(3):
        for j in range(2):
            value, gradient = one(x[i], y[j], margins[i])
            assert same_bits(gradients[i, j], gradient)
            assert np.isclose(values[i, j], value, rtol=1e-6)  # summed by JAX
    values, gradients = wrap(over_margins)(x[0], y[0], margins)
    assert same_bits(gradients, np.stack([one(x[0], y[0], m)[1] for m in margins]))
    assert jax.vmap(triplet_semihard_loss)(y[:0], x[:0]).shape == (0,)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves(dtype):
    labels, x = batch()
    half = jnp.asarray(x, dtype)
    value, gradient = jax.value_and_grad(lambda x: triplet_semihard_loss(labels, x))(half)
    assert value.dtype == gradient.dtype == dtype
    wide = evaluate(labels, np.asarray(half.astype(jnp.float32)))
    assert value == jnp.asarray(wide.loss).astype(dtype)
    assert (gradient == jnp.asarray(wide.gradient).astype(dtype)).all()


def test_double_precision():
    labels, x = batch(dtype=np.float64)
    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(lambda x: triplet_semihard_loss(labels, x))(jnp.asarray(x))
        expected = evaluate(labels, x)
        assert same_bits(value, expected.loss)
        assert same_bits(gradient, expected.gradient)


def test_inside_shard_map():
    labels, x = batch()
    mesh = jax.make_mesh((1,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = jax.sharding.PartitionSpec("rows")
    for reduction in ("mean", "none"):

        def summed(x, y, reduction=reduction):
            return triplet_semihard_loss(y, x, reduction=reduction).sum()

        step = jax.shard_map(jax.grad(summed), mesh=mesh, in_specs=(rows, rows), out_specs=rows)
        expected = evaluate(labels, x, reduction=reduction).gradient
        assert same_bits(jax.jit(step)(jnp.asarray(x), jnp.asarray(labels)), expected)


def test_an_upstream_gradient_that_is_not_finite_stays_so():
    labels, x = batch()
    for reduction in ("mean", "none"):
        gradient = jax.grad(
            lambda x, r=reduction: triplet_semihard_loss(labels, x, reduction=r).sum() * jnp.inf
        )
        assert not np.isfinite(gradient(x)).any()


def test_a_second_derivative_is_an_error():
    labels, x = batch()
    for reduction in ("mean", "none"):

        def summed(x, reduction=reduction):
            return triplet_semihard_loss(labels, x, reduction=reduction).sum()

        for second in (
            jax.hessian(summed),
            jax.grad(lambda x: jax.grad(summed)(x).sum()),
            jax.jacrev(jax.grad(summed)),
        ):
            for call in (second, jax.jit(second)):
                with pytest.raises(NotImplementedError, match="can be differentiated once"):
                    call(x)


EXTREMES = np.iinfo(np.int64)


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize(
    "names",
    [
        (EXTREMES.min, 0, 1),
        (EXTREMES.min, EXTREMES.max, 0),
        (EXTREMES.min, EXTREMES.min + 2**32, 0),
        (-(2**31) - 1, 2**31 - 1, 0),
        (2**31, -(2**31), 0),
        (2**32, 0, 1),
        (2**32 + 1, 1, -(2**32)),
    ],
)
def test_labels_beyond_32_bits_stay_apart(names, x64):
    labels, x = batch(32, 16, 3)
    far = np.array(names)[labels]
    with jax.enable_x64(x64):
        assert triplet_semihard_loss(far, x) == triplet_semihard_loss(labels, x)
        assert triplet_semihard_loss(np.array(names), jnp.asarray(x[:3])) == 0


def test_unsigned_labels():
    labels, x = batch()
    near = triplet_semihard_loss(labels, x)
    assert triplet_semihard_loss(labels.astype(np.uint64) + 2**40, x) == near
    assert triplet_semihard_loss(labels.astype(np.uint8) + 250, x) == near
    with pytest.raises(ValueError, match="labels"):
        triplet_semihard_loss(labels.astype(np.uint64) + 2**63, x)


def test_many_steps_at_once_do_not_wait_for_each_other():
    labels, x = batch(256, 32, 30)
    step = jax.jit(jax.grad(lambda x: triplet_semihard_loss(labels, x)))
    x = jnp.asarray(x)
    results = [step(x * (1 + 0.01 * turn)) for turn in range(50)]
    assert all(bool(jnp.isfinite(result).all()) for result in results)


def test_mistakes():
    labels, x = batch()
    with pytest.raises(ValueError, match=r"labels have shape \(?\[31\] but embeddings have shape \[32, 16\]"):
        triplet_semihard_loss(labels[1:], x)
    with pytest.raises(ValueError, match=r"embeddings have shape \[32\]"):
        triplet_semihard_loss(labels, x[:, 0])
    with pytest.raises(TypeError, match="embeddings have dtype int32"):
        triplet_semihard_loss(labels, jnp.ones((32, 2), "int32"))
    with pytest.raises(ValueError, match=r"sample_weight has shape \[3\] but the batch has shape \[32\]"):
        jax.jit(triplet_semihard_loss)(labels, x, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match=r"embeddings have shape \[32, 0\]"):
        triplet_semihard_loss(labels, x[:, :0])
    with pytest.raises(Exception, match="the loss leaves the range of float16"):
        triplet_semihard_loss(labels, jnp.asarray(x, "float16"), margin=1e5).block_until_ready()
    with pytest.raises(ValueError, match='unknown distance "cosine"'):
        triplet_semihard_loss(labels, x, distance="cosine")
    x[3, 4] = np.nan
    with pytest.raises(Exception, match=r"embeddings\[3, 4\] is NaN"):
        jax.jit(triplet_semihard_loss)(labels, x).block_until_ready()


def test_masked_arrays_are_refused():
    labels, x = batch()
    for arguments in (
        (np.ma.array(labels), x, None),
        (labels, np.ma.array(x), None),
        (labels, x, np.ma.array(np.ones(32))),
    ):
        with pytest.raises(TypeError, match="masked array, whose mask would be ignored"):
            triplet_semihard_loss(arguments[0], arguments[1], sample_weight=arguments[2])


@pytest.mark.parametrize("batched", [False, True], ids=["one", "vmap"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_calls_outside_jit_compile_once(reduction, batched):
    """Whatever the margin is; of a shape that no other test has."""
    labels, x = batch(rows=35 if reduction == "mean" else 37)
    step = jax.grad(lambda x, m: triplet_semihard_loss(labels, x, m, reduction=reduction).sum())
    if batched:
        x, step = np.stack([x, 2 * x]), jax.vmap(step, (0, None))
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, seconds, **_: compiled.append(name) if "backend_compile" in name else None
    )
    for turn in range(3):
        step(x, 0.5 + turn)
    before = len(compiled)
    for turn in range(200):
        step(x, 0.5 + turn / 64)
    assert before > 0
    assert len(compiled) == before
