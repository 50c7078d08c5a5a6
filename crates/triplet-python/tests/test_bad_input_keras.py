"""Inputs that the losses of Keras 3 refuse, with a message that says what is wrong, where, and what to do.

On torch, where errors are Python's own: TensorFlow and JAX raise theirs around the same text, and other
tests look for that text there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
if keras.backend.backend() != "torch":
    pytest.skip("the errors are those of torch", allow_module_level=True)

from bad_inputs import (  # noqa: E402 - the backend comes first
    BACKENDS,
    BOTH_WIDTHS,
    DISTANCES,
    DTYPE,
    FINITE,
    KIND,
    MARGIN,
    MASKED,
    NORM,
    NUMBER,
    ONE_A_ROW,
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
from triplet_loss.keras import TripletHardLoss, TripletLossMetric, TripletSemiHardLoss  # noqa: E402

TENSOR = keras.ops.convert_to_tensor


def loss(labels: Any = Y, rows: Any = Z, weights: Any = None, **settings: Any) -> Callable[[], Any]:
    """A call of a loss."""
    return lambda: TripletSemiHardLoss(**settings)(labels, rows, weights)


def weighted(weights: Any) -> Callable[[], Any]:
    """A call with weights."""
    return loss(Y, Z, weights)


def made(**settings: Any) -> Callable[[], Any]:
    """A loss with settings."""
    return lambda: TripletSemiHardLoss(**settings)


def read(config: Any) -> Callable[[], Any]:
    """A loss of a configuration."""
    return lambda: TripletSemiHardLoss.from_config(config)


def own(**change: Any) -> Callable[[], Any]:
    """A loss of a configuration of this package."""
    return lambda: TripletSemiHardLoss.from_config(TripletSemiHardLoss().get_config() | change)


def against(**change: Any) -> Callable[[], Any]:
    """A call with references."""
    given = {"y_true": Y, "y_pred": Z, "ref_true": Y[:5], "ref_pred": Z[:5]}
    return lambda: TripletSemiHardLoss().against(**(given | change))


def measured(labels: Any = Y, rows: Any = Z, **settings: Any) -> Callable[[], Any]:
    """An update of the metric."""
    return lambda: TripletLossMetric(**settings).update_state(labels, rows)


def fitted(labels: Any = Y, rows: Any = Z, **settings: Any) -> Callable[[], Any]:
    """A step of a model whose embeddings are its inputs."""

    def fit() -> Any:
        net = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(4, "linear", False, "identity")])
        net.compile("sgd", TripletSemiHardLoss(**settings))
        return net.fit(rows, labels, batch_size=12, verbose=0)

    return fit


def symbol(*shape: Any) -> Any:
    return keras.KerasTensor(shape)


_SYMBOL = "cannot be read as an array: A KerasTensor is symbolic"

EMBEDDINGS = [
    ("a row", ValueError, rf"embeddings have shape \[4\]: {TWO}", loss(Y, Z[0])),
    ("a number", ValueError, rf"embeddings have shape \[\]: {TWO}", loss(Y, 1.0)),
    ("no width", ValueError, r"shape \[12, 0\]: the embedding width must be at least 1", loss(Y, Z[:, :0])),
    ("None", TypeError, "embeddings: a NoneType is neither", loss(Y, None)),
    ("dict", TypeError, "embeddings: a dict is neither an array nor a list", loss(Y, {"rows": Z})),
    ("ragged list", TypeError, "embeddings cannot be read as an array", loss(Y, [[1.0], [1.0, 2.0]])),
    ("masked array", TypeError, f"embeddings are a {MASKED}", loss(Y, np.ma.array(Z))),
    ("text", TypeError, "embeddings have dtype", loss(Y, Z.astype(str))),
    ("object", TypeError, "embeddings have dtype", loss(Y, Z.astype(object))),
    ("structured", TypeError, "embeddings have dtype", loss(Y, np.zeros((12, 4), [("a", "f4")]))),
    ("dates", TypeError, "embeddings have dtype", loss(Y, np.zeros((12, 4), "M8[s]"))),
    ("bool", TypeError, f"embeddings have dtype bool: {DTYPE}", loss(Y, Z > 0)),
    ("complex", TypeError, "embeddings have dtype complex", loss(Y, Z + 1j)),
    ("complex tensor", TypeError, "embeddings have dtype .*complex", loss(Y, TENSOR(Z + 1j))),
    ("integer that rounds", ValueError,
     r"embeddings\[0, 0\] is 16777217: an integer that float32 cannot hold",
     loss(Y, np.full((12, 4), 2**24 + 1))),
    ("NaN", ValueError, rf"embeddings\[7, 2\] is NaN: {FINITE}", loss(Y, wrong(np.nan))),
    ("-inf in a tensor", ValueError, rf"embeddings\[7, 2\] is -inf: {FINITE}",
     loss(Y, TENSOR(wrong(-np.inf)))),
    ("NaN, fitted", ValueError, rf"embeddings\[\d+, \d\] is NaN: {FINITE}", fitted(Y, wrong(np.nan))),
    ("squares overflow", ValueError, f"row 7 has a squared norm of 1.000e60, .*: {NORM}",
     loss(Y, wrong(1e30))),
    ("f64 that Keras cuts", ValueError, r"embeddings\[7, 2\] is 1e\+?200|norm",
     loss(Y, wrong(1e200, rows=Z.astype(float)))),
    ("loss of f16 overflows", ValueError, "the loss leaves the range of torch.float16",
     loss(margin=1e5, dtype="float16")),
    ("integer dtype of the loss", TypeError, f"embeddings have dtype torch.int32 .*: {DTYPE}",
     loss(dtype="int32")),
    ("symbol", TypeError, f"embeddings {_SYMBOL}", loss(Y, symbol(None, 4))),
    ("symbol of no width", TypeError, f"embeddings {_SYMBOL}", loss(Y, symbol(None, None))),
    ("input", TypeError, f"embeddings {_SYMBOL}", loss(Y, keras.Input((4,)))),
    ("symbol, called", TypeError, f"embeddings {_SYMBOL}",
     lambda: TripletSemiHardLoss().call(Y, symbol(None, None))),
]  # fmt: skip

LABELS = [
    ("too few labels", ValueError, rf"shape \[11\] but .* \[12, 4\]: {ONE_A_ROW}", loss(Y[1:])),
    ("one-hot labels", ValueError, r"labels have shape \[12, 3\]: expected \[batch_size\]",
     loss(np.eye(3)[Y])),
    ("one-hot labels, fitted", ValueError, r"labels have shape \[12, 3\]: expected", fitted(np.eye(3)[Y])),
    ("fraction", ValueError, whole(r"labels\[0\]", "0.5"), loss(Y + 0.5)),
    ("fraction in a tensor", ValueError, whole(r"labels\[0\]", "0.5", 24),
     loss(TENSOR(Y.astype("f4") + 0.5))),
    ("fraction, fitted", ValueError, whole(r"labels\[\d+\]", r"\d.5", 24), fitted(Y + 0.5)),
    ("NaN label, fitted", ValueError, r"labels\[0\] is nan: a missing value", fitted(Y * np.nan)),
    ("label of 64 bits", ValueError, r"labels\[0\] is 9223372036854775808: labels must fit",
     loss([2**63] * 12)),
    ("complex labels", TypeError, f"labels have dtype complex128: {KIND}", loss(Y + 0j)),
    ("mixed labels", TypeError, "labels mix text and integers", loss(["a", 1] * 6)),
    ("masked labels", TypeError, f"labels are a {MASKED}", loss(np.ma.array(Y))),
    ("labels None", TypeError, "labels: a NoneType is neither", loss(None)),
    ("symbol as labels", TypeError, f"labels {_SYMBOL}", loss(symbol(None))),
    ("no positives", ValueError, "no two of the 12 rows share a label",
     loss(np.arange(12), require_positives=True)),
]  # fmt: skip

WEIGHTS = [
    ("negative weight", ValueError, rf"sample_weight\[0\] is -1: {WEIGHT}", weighted(-np.ones(12))),
    ("negative weight in a tensor", ValueError, rf"\[0\] is -1: {WEIGHT}", weighted(TENSOR(-np.ones(12)))),
    ("NaN weight", ValueError, rf"sample_weight\[0\] is NaN: {WEIGHT}", weighted(np.full(12, np.nan))),
    ("negative scalar weight", ValueError, f"is -1: {WEIGHT}", weighted(-1)),
    ("too few weights", ValueError, r"sample_weight has shape \[3\] but .*: give a scalar",
     weighted(np.ones(3))),
    ("weights of text", TypeError, "sample_weight has dtype str.*: expected numbers", weighted(["a"] * 12)),
    ("missing weight", TypeError, r"sample_weight\[0\] is of type NoneType", weighted([None] * 12)),
    ("complex weights", TypeError, "sample_weight has dtype complex128", weighted(np.ones(12) + 0j)),
    ("masked weights", TypeError, f"sample_weight are a {MASKED}", weighted(np.ma.ones(12))),
    ("symbol as weights", TypeError, f"sample_weight {_SYMBOL}", weighted(symbol(12))),
]  # fmt: skip

SETTINGS = [
    ("margin NaN", ValueError, f"margin is NaN: {MARGIN}", made(margin=float("nan"))),
    ("margin text", TypeError, f"margin is a str: {NUMBER}", made(margin="1")),
    ("margin array", ValueError, r"margin has shape \[2\]: expected one number", made(margin=np.ones(2))),
    ("margin symbol", TypeError, "margin cannot be read as a number: A KerasTensor", made(margin=symbol())),
    ("variable NaN", ValueError, f"margin is NaN: {MARGIN}",
     lambda: TripletSemiHardLoss(keras.Variable(float("nan")))),
    ("schedule gives inf", ValueError, f"margin is inf: {MARGIN}", loss(margin=lambda: float("inf"))),
    ("distance", ValueError, DISTANCES, made(distance_metric="cosine")),
    ("distance None", TypeError, "distance_metric is a NoneType: expected 'L2', 'squared-L2' or 'angular'",
     made(distance_metric=None)),
    ("reduction", ValueError, "Expected one of .*sum_over_batch_size.*reduction=avg", made(reduction="avg")),
    ("backend", ValueError, f'unknown backend "torch": {BACKENDS}', made(backend="torch")),
    ("threads", TypeError, "threads is a str: expected an integer", made(threads="2")),
    ("dtype", ValueError, "Cannot convert 'foo' to .*DTypePolicy. Valid policies", made(dtype="foo")),
    ("require_positives", TypeError, "require_positives is a str: expected", made(require_positives="no")),
    ("literal", TypeError, "literal is a str: expected", made(literal="no")),
    ("soft", TypeError, "soft is a str: expected", lambda: TripletHardLoss(soft="no")),
    ("attribute", AttributeError, "no attribute 'margn': margin, name, reduction can be set",
     lambda: setattr(TripletSemiHardLoss(), "margn", 1.0)),
]  # fmt: skip

CONFIGS = [
    ("unknown key", ValueError, 'unknown config key "margn": the keys are reduction, name',
     read({"margn": 1})),
    ("margin text", ValueError, '"margin" holds the string "a": expected a number', read({"margin": "a"})),
    ("distance", ValueError, 'unknown distance_metric "x": choose one of', read({"distance_metric": "x"})),
    ("a list", ValueError, "the config is not a JSON object: found the array", read([1])),
    ("None", (TypeError, ValueError), "config", read(None)),
    ("margin NaN", ValueError, "not JSON compliant", read({"margin": float("nan")})),
    ("own margin NaN", ValueError, f"margin is NaN: {MARGIN}", own(margin=float("nan"))),
    ("own threads", TypeError, "threads is a str: expected an integer", own(threads="2")),
]  # fmt: skip

REFERENCES = [
    ("embeddings missing", ValueError, "go together: ref_emb is missing", against(ref_pred=None)),
    ("labels missing", ValueError, "go together: ref_labels is missing", against(ref_true=None)),
    ("both missing", (TypeError, ValueError), "ref_", against(ref_true=None, ref_pred=None)),
    ("width", ValueError, f"4 but the candidates have width 2: {BOTH_WIDTHS}", against(ref_pred=Z[:5, :2])),
    ("NaN", ValueError, rf"in the candidates: embeddings\[3, 1\] is NaN: {FINITE}",
     against(ref_pred=wrong(np.nan, 3, 1)[:5])),
    ("a row", ValueError, rf"in ref_emb: embeddings have shape \[4\]: {TWO}", against(ref_pred=Z[0])),
    ("masked array", TypeError, f"references are a {MASKED}", against(ref_pred=np.ma.array(Z[:5]))),
    ("labels", ValueError, rf"in the candidates: .* \[2\] but .*: {ONE_A_ROW}", against(ref_true=[1, 2])),
    ("labels of another kind", TypeError, "labels are integers but ref_labels are text",
     against(ref_true=list("abcde"))),
    ("label a fraction", ValueError, whole(r"ref_labels\[0\]", "0.5"), against(ref_true=[0.5] * 5)),
    ("ids alone", ValueError, "ids and ref_ids go together", against(ids=range(12))),
    ("too few ids", ValueError, "there are 1 ids for 12 rows of the anchors",
     against(ids=[1], ref_ids=range(5))),
    ("negative weight", ValueError, rf"sample_weight\[0\] is -1: {WEIGHT}",
     against(sample_weight=-np.ones(12))),
    ("reduction", ValueError, "'mean_with_sample_weight': against takes a mean, a sum or none",
     lambda: TripletSemiHardLoss(reduction="mean_with_sample_weight").against(Y, Z, Y, Z)),
]  # fmt: skip

METRIC = [
    ("loss", TypeError, "loss is a int: expected an object of a loss class", lambda: TripletLossMetric(3)),
    ("class", TypeError, "loss is a type: expected an object",
     lambda: TripletLossMetric(TripletSemiHardLoss)),
    ("reduction", ValueError, "reduction='none': a mean over batches needs one number for each",
     lambda: TripletLossMetric(TripletSemiHardLoss(reduction="none"))),
    ("labels", ValueError, rf"labels have shape \[11\] but .*: {ONE_A_ROW}", measured(Y[1:])),
    ("fraction", ValueError, whole(r"labels\[0\]", "0.5"), measured(Y + 0.5)),
    ("NaN", ValueError, rf"embeddings\[7, 2\] is NaN: {FINITE}", measured(Y, wrong(np.nan))),
    ("symbol", TypeError, f"embeddings {_SYMBOL}", measured(Y, symbol(None, 4))),
]  # fmt: skip

TABLE = parameters(
    [
        *of("embeddings", EMBEDDINGS),
        *of("labels", LABELS),
        *of("weights", WEIGHTS),
        *of("settings", SETTINGS),
        *of("from_config", CONFIGS),
        *of("against", REFERENCES),
        *of("TripletLossMetric", METRIC),
    ]
)


@pytest.mark.filterwarnings("ignore")  # of the casts that Keras makes
@pytest.mark.parametrize("row", TABLE)
def test_bad_input_is_refused_by_value_place_and_remedy(row: Row) -> None:
    refused(row)


def test_subnormals_and_batches_of_no_rows_have_no_nan() -> None:
    for distance in ("squared-L2", "L2", "angular"):
        assert float(TripletSemiHardLoss(distance_metric=distance)(Y, np.full((12, 4), 1e-42, "f4"))) == 1
    assert float(TripletHardLoss()(Y[:0], Z[:0])) == 0


@pytest.mark.parametrize("order", ["strided", "read-only"])
def test_other_forms_of_the_same_rows_have_the_same_answer(order: str) -> None:
    rows = np.repeat(Z, 2, 1)[:, ::2]
    rows.flags.writeable = order != "read-only"
    assert float(TripletSemiHardLoss()(Y, rows)) == float(TripletSemiHardLoss()(Y, Z))


def test_byte_swapped_rows_are_rows() -> None:
    assert float(TripletSemiHardLoss()(Y, Z.astype(">f4"))) == float(TripletSemiHardLoss()(Y, Z))
