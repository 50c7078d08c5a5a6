"""Inputs that the JAX functions refuse, with a message that says what is wrong, where, and what to do.

What only a run can tell is an error of JAX's runtime, whose text ends in that of this package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from bad_inputs import (
    BACKENDS,
    BOTH_WIDTHS,
    DISTANCES,
    DTYPE,
    FINITE,
    HUGE,
    KIND,
    MARGIN,
    MASKED,
    NORM,
    NUMBER,
    ONE_A_ROW,
    REDUCTIONS,
    TWO,
    WEIGHT,
    Row,
    Y,
    Z,
    of,
    parameters,
    refused,
    whole,
    wrong,
)
from triplet_loss.jax import triplet_hard_loss, triplet_semihard_loss

RUNS = (RuntimeError, ValueError)
OTHERS = {"ref_emb": Z[:5], "ref_labels": Y[:5]}


def loss(labels: Any = Y, rows: Any = Z, *more: Any, **given: Any) -> Callable[[], Any]:
    """A call, and its end."""
    return lambda: jax.block_until_ready(triplet_semihard_loss(labels, rows, *more, **given))


def jitted(labels: Any = Y, rows: Any = Z, **given: Any) -> Callable[[], Any]:
    """The same of traced labels and rows."""
    run = jax.jit(lambda labels, rows: triplet_semihard_loss(labels, rows, **given))
    return lambda: jax.block_until_ready(run(labels, rows))


def traced(name: str, value: Any, of: Callable[..., Any] = triplet_semihard_loss) -> Callable[[], Any]:
    """A call in which one setting is traced."""
    run = jax.jit(lambda value: of(Y, Z, **{name: value}))
    return lambda: jax.block_until_ready(run(value))


def against(**change: Any) -> Callable[[], Any]:
    """A call with references."""
    return loss(**(OTHERS | change))


EMBEDDINGS = [
    ("a row", ValueError, rf"embeddings have shape \[4\]: {TWO}", loss(Y, Z[0])),
    ("three dimensions", ValueError, rf"shape \[1, 12, 4\]: {TWO}", loss(Y, Z[None])),
    ("no width", ValueError, "the embedding width must be at least 1", loss(Y, Z[:, :0])),
    ("integers", TypeError, f"embeddings have dtype int.*: {DTYPE}", loss(Y, Z.astype(int))),
    ("bool", TypeError, f"embeddings have dtype bool: {DTYPE}", loss(Y, Z > 0)),
    ("complex", TypeError, f"embeddings have dtype complex64: {DTYPE}", loss(Y, Z + 0j)),
    ("float8", TypeError, f"dtype float8_e5m2: {DTYPE}", loss(Y, jnp.asarray(Z, jnp.float8_e5m2))),
    ("None", TypeError, "embeddings: a NoneType is neither", loss(Y, None)),
    ("dict", TypeError, "embeddings: a dict is neither an array nor a list", loss(Y, {"rows": Z})),
    ("ragged list", TypeError, "embeddings cannot be read as an array", loss(Y, [[1.0], [1.0, 2.0]])),
    ("masked array", TypeError, f"embeddings are a {MASKED}", loss(Y, np.ma.array(Z))),
    ("text", TypeError, "embeddings", loss(Y, "abc")),
    ("object", TypeError, "embeddings", loss(Y, Z.astype(object))),
    ("structured", TypeError, "embeddings", loss(Y, np.zeros((12, 4), [("a", "f4")]))),
    ("dates", TypeError, "embeddings", loss(Y, np.zeros((12, 4), "M8[s]"))),
    ("shape alone", TypeError, "embeddings: a ShapeDtypeStruct is neither",
     loss(Y, jax.ShapeDtypeStruct((12, 4), "float32"))),
    ("NaN", RUNS, rf"embeddings\[7, 2\] is NaN: {FINITE}", loss(Y, wrong(np.nan))),
    ("NaN, jitted", RUNS, rf"embeddings\[7, 2\] is NaN: {FINITE}", jitted(Y, wrong(np.nan))),
    ("NaN, differentiated", RUNS, rf"embeddings\[7, 2\] is NaN: {FINITE}",
     lambda: jax.block_until_ready(jax.grad(lambda x: triplet_semihard_loss(Y, x))(wrong(np.nan)))),
    ("NaN of the second batch", RUNS, rf"embeddings\[7, 2\] is NaN: {FINITE}",
     lambda: jax.block_until_ready(
         jax.vmap(lambda x: triplet_semihard_loss(Y, x))(np.stack([Z, wrong(np.nan)])))),
    ("inf of f16", RUNS, rf"embeddings\[7, 2\] is inf: {FINITE}", loss(Y, wrong(np.inf).astype(np.float16))),
    ("squares overflow", RUNS, f"row 7 has a squared norm of 1.000e60, .*: {NORM}", loss(Y, wrong(1e30))),
    ("loss of f16 overflows", RUNS, "the loss leaves the range of float16", loss(Y, Z.astype("f2"), 1e5)),
    ("f64 that JAX cuts", RUNS, r"embeddings\[7, 2\] is 1e\+?200|norm",
     loss(Y, wrong(1e200, rows=Z.astype(float)))),
    ("second derivative", NotImplementedError, "can be differentiated once: .* detach the gradient",
     lambda: jax.hessian(lambda x: triplet_semihard_loss(Y, x))(Z)),
]  # fmt: skip

LABELS = [
    ("too few labels", ValueError, rf"labels have shape \[11\] but .* \[12, 4\]: {ONE_A_ROW}", loss(Y[1:])),
    ("too few labels, traced", ValueError, rf"labels have shape \[11\] but .*: {ONE_A_ROW}",
     lambda: jax.eval_shape(triplet_semihard_loss, jnp.zeros(11, int), Z)),
    ("one-hot labels", ValueError, r"labels have shape \[12, 3\]: expected \[batch_size\]",
     loss(np.eye(3)[Y])),
    ("0-d labels", ValueError, r"labels have shape \[\]: expected", loss(3)),
    ("fraction", ValueError, whole(r"labels\[0\]", "0.5"), loss(Y + 0.5)),
    ("fraction of JAX", RUNS, whole(r"labels\[0\]", "0.5", 24), loss(jnp.asarray(Y) + 0.5)),
    ("NaN label, jitted", RUNS, r"labels\[0\] is nan: a missing value is no class", jitted(Y * np.nan)),
    ("complex labels", TypeError, f"labels have dtype complex128: {KIND}", loss(Y + 0j)),
    ("complex labels of JAX", (RuntimeError, TypeError), f"labels have dtype complex64: {KIND}",
     loss(jnp.asarray(Y) + 0j)),
    ("label of 64 bits", ValueError, r"labels\[0\] is 9223372036854775808: labels must fit",
     loss([2**63] * 12)),
    ("mixed labels", TypeError, "labels mix text and integers", loss(["a", 1] * 6)),
    ("missing label", ValueError, r"labels\[1\] is nan: a missing value", loss(["a", float("nan")] * 6)),
    ("masked labels", TypeError, f"labels are a {MASKED}", loss(np.ma.array(Y))),
    ("labels None", TypeError, "labels: a NoneType is neither", loss(None)),
    ("tracers in a list", TypeError, r"labels\[0\] cannot be read as an array",
     lambda: jax.jit(lambda labels: triplet_semihard_loss(list(labels), Z))(Y)),
    ("2**48 labels", MemoryError, rf"\({HUGE},\)", loss(np.broadcast_to(np.int32(0), HUGE))),
    ("no positives", RUNS, "no two of the 12 rows share a label: .* sample at least two rows",
     loss(np.arange(12), require_positives=True)),
]  # fmt: skip

WEIGHTS = [
    ("negative weight", RUNS, rf"sample_weight\[0\] is -1: {WEIGHT}", loss(sample_weight=-np.ones(12))),
    ("negative weight, jitted", RUNS, rf"sample_weight\[0\] is -1: {WEIGHT}",
     jitted(sample_weight=-np.ones(12))),
    ("negative scalar weight", RUNS, f"is -1: {WEIGHT}", loss(sample_weight=-1)),
    ("too few weights", ValueError, r"sample_weight has shape \[3\] but .*: give a scalar",
     loss(sample_weight=np.ones(3))),
    ("weights of two columns", ValueError, r"sample_weight has shape \[12, 2\] but",
     loss(sample_weight=np.ones((12, 2)))),
    ("masked weights", TypeError, f"sample_weight are a {MASKED}", loss(sample_weight=np.ma.ones(12))),
    ("weights of text", TypeError, "sample_weight", loss(sample_weight="a")),
    ("complex weights", TypeError, "sample_weight", loss(sample_weight=np.ones(12) + 1j)),
    ("dates as weights", TypeError, "sample_weight", loss(sample_weight=np.ones(12, "M8[s]"))),
    ("numbers as text", TypeError, "sample_weight", loss(sample_weight=["1"] * 12)),
]  # fmt: skip

SETTINGS = [
    ("margin NaN", RUNS, f"margin is NaN: {MARGIN}", loss(Y, Z, float("nan"))),
    ("traced margin NaN", RUNS, f"margin is NaN: {MARGIN}", traced("margin", float("nan"))),
    ("margins of which one is NaN", RUNS, f"margin is NaN: {MARGIN}",
     lambda: jax.block_until_ready(
         jax.vmap(lambda m: triplet_semihard_loss(Y, Z, m))(jnp.array([1, jnp.nan])))),
    ("margin beyond f32", RUNS, f"margin is 1e39: {MARGIN}", loss(Y, Z, 1e39)),
    ("margin text", TypeError, f"margin is a str: {NUMBER}", loss(Y, Z, "1")),
    ("margin array", ValueError, r"margin has shape \[2\]: expected one number", loss(Y, Z, np.ones(2))),
    ("traced margin array", TypeError, r"margin is float.*\[2\]: expected a real",
     traced("margin", np.ones(2))),
    ("traced margin bool", TypeError, r"margin is bool\[\]: expected a real number", traced("margin", True)),
    ("schedule gives text", (RuntimeError, TypeError), f"margin is a str: {NUMBER}",
     lambda: jax.block_until_ready(jax.jit(lambda: triplet_semihard_loss(Y, Z, lambda: "a"))())),
    ("derivative by the margin", NotImplementedError, r"not computed: jax.lax.stop_gradient\(margin\)",
     lambda: jax.grad(lambda margin: triplet_semihard_loss(Y, Z, margin))(1.0)),
    ("distance", ValueError, DISTANCES, loss(distance="cosine")),
    ("distance None", TypeError, "distance is a NoneType: expected a name", loss(distance=None)),
    ("distance list", TypeError, "distance is a list: expected", loss(distance=["l2"])),
    ("traced reduction", TypeError, "reduction is", traced("reduction", 1)),
    ("traced threads", TypeError, "threads is", traced("threads", 1)),
    ("traced soft", TypeError, "soft is a .*: expected True or False",
     traced("soft", True, triplet_hard_loss)),
    ("reduction", ValueError, REDUCTIONS, loss(reduction="avg")),
    ("backend", ValueError, f'unknown backend "gpu": {BACKENDS}', loss(backend="gpu")),
    ("threads", ValueError, "threads is 0: at least one is needed", loss(threads=0)),
    ("require_positives", TypeError, "require_positives is a str: expected", loss(require_positives="no")),
    ("literal", TypeError, "literal is a str: expected", loss(literal="no")),
    ("soft", TypeError, "soft is a str: expected", lambda: triplet_hard_loss(Y, Z, soft="no")),
]  # fmt: skip

REFERENCES = [
    ("alone", ValueError, "go together: ref_labels is missing", loss(ref_emb=Z)),
    ("width", RUNS, f"4 but the candidates have width 2: {BOTH_WIDTHS}", against(ref_emb=Z[:5, :2])),
    ("labels", RUNS, rf"in the candidates: labels have shape \[1\] but .*: {ONE_A_ROW}",
     against(ref_labels=[1])),
    ("NaN", RUNS, rf"in the candidates: embeddings\[3, 1\] is NaN: {FINITE}",
     against(ref_emb=wrong(np.nan, 3, 1)[:5])),
    ("a row", ValueError, rf"ref_emb.*shape \[4\]: {TWO}", against(ref_emb=Z[0])),
    ("integers", TypeError, "ref_emb.*dtype int", against(ref_emb=np.ones((5, 4), int))),
    ("text", TypeError, "ref_emb", against(ref_emb="abc")),
    ("ragged list", (TypeError, ValueError), "ref_emb", against(ref_emb=[[1.0], [1.0, 2.0]])),
    ("masked array", TypeError, f"in ref_emb: embeddings are a {MASKED}",
     against(ref_emb=np.ma.array(Z[:5]))),
    ("masked weights", TypeError, MASKED, against(sample_weight=np.ma.array(np.ones(12), mask=True))),
    ("None as embeddings", TypeError, "embeddings", loss(Y, None, **OTHERS)),
    ("too few weights", RUNS, r"sample_weight has shape \[3\] but", against(sample_weight=np.ones(3))),
    ("labels of another kind", TypeError, "labels are integers but ref_labels are text",
     against(ref_labels=list("abcde"))),
    ("NaN label of JAX", RUNS, r"ref_labels\[0\] is nan: a missing value",
     against(ref_labels=jnp.full(5, jnp.nan))),
    ("labels that JAX cuts", ValueError,
     "ref_labels has 4294967296, which JAX cuts to 32 bits: pass smaller ones",
     lambda: jax.jit(lambda labels: triplet_semihard_loss(
         labels, Z, ref_emb=Z[:5], ref_labels=np.full(5, 2**32)))(Y)),
    ("ids alone", ValueError, "ids and ref_ids go together", against(ids=[1] * 12)),
    ("too few ids", RUNS, "there are 1 ids for 12 rows of the anchors", against(ids=[1], ref_ids=range(5))),
    ("id a fraction", ValueError, whole(r"ids\[0\]", "0.5"), against(ids=[0.5] * 12, ref_ids=range(5))),
    ("traced margin", TypeError, "margin is traced: with ref_emb it must be a number",
     lambda: jax.jit(lambda margin: triplet_semihard_loss(Y, Z, margin, **OTHERS))(1.0)),
    ("margin NaN", RUNS, f"margin is NaN: {MARGIN}", loss(Y, Z, float("nan"), **OTHERS)),
]  # fmt: skip

TABLE = parameters(
    [
        *of("embeddings", EMBEDDINGS),
        *of("labels", LABELS),
        *of("weights", WEIGHTS),
        *of("settings", SETTINGS),
        *of("references", REFERENCES),
    ]
)


@pytest.mark.filterwarnings("ignore")  # JAX's, of the types that it cuts
@pytest.mark.parametrize("row", TABLE)
def test_bad_input_is_refused_by_value_place_and_remedy(row: Row) -> None:
    refused(row)


def test_byte_swapped_rows_are_rows() -> None:
    assert triplet_semihard_loss(Y, Z.astype(">f4")) == triplet_semihard_loss(Y, Z)


def test_subnormals_and_batches_of_no_rows_have_no_nan() -> None:
    for distance in ("squared-l2", "l2", "angular"):
        value, gradient = jax.value_and_grad(
            lambda x, name=distance: triplet_semihard_loss(Y, x, distance=name)
        )(np.full((12, 4), 1e-42, np.float32))
        assert value == 1
        assert np.isfinite(gradient).all()
    value, gradient = jax.value_and_grad(lambda x: triplet_hard_loss(Y[:0], x))(Z[:0])
    assert (value, gradient.shape) == (0, (0, 4))


def test_a_refused_call_leaves_the_next_one_as_it_is() -> None:
    step = jax.jit(jax.value_and_grad(lambda x: triplet_semihard_loss(Y, x)))
    expected = step(Z)
    with pytest.raises(RUNS, match=r"embeddings\[7, 2\] is NaN"):
        jax.block_until_ready(step(wrong(np.nan)))
    assert all((one == other).all() for one, other in zip(step(Z), expected))
