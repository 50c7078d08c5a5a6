"""What the Keras losses do with rows: subclasses' `call`, masks, weights, and batches without pairs."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import batch
from triplet_loss import evaluate, tfa

keras = pytest.importorskip("keras")

try:
    from keras.src.backend import set_keras_mask
except ImportError:  # earlier releases keep the mask with the tensor

    def set_keras_mask(x, mask):
        x._keras_mask = mask


from triplet_loss.keras import TripletLossMetric, TripletSemiHardLoss  # noqa: E402

LABELS, X = batch(24, 3, 4)
WEIGHTS = np.linspace(0, 2, 24, dtype=np.float32)
MASK = X[:, 0] > -0.5


class Scaled(TripletSemiHardLoss):
    def call(self, y_true, y_pred):
        return 10.0 * super().call(y_true, y_pred)


class Halved(TripletSemiHardLoss):
    """Changes the embeddings first, so that a mask must be taken before."""

    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred / 2.0)


class Positive(keras.layers.Layer):
    """Masks the rows below; of new tensors, as most layers give."""

    supports_masking = True

    def compute_mask(self, inputs, mask=None):
        return inputs[:, 0] > -0.5

    def call(self, inputs):
        return inputs * 1.0


def rows_of(kind) -> np.ndarray:
    x = X / np.float32(2) if kind is Halved else X
    rows = evaluate(LABELS, x, 1.0, "l2", reduction="none", gradient=False).loss
    return rows * np.float32(10) if kind is Scaled else rows


KINDS = pytest.mark.parametrize("kind", [TripletSemiHardLoss, Scaled, Halved])


@KINDS
@pytest.mark.parametrize("weights", [None, WEIGHTS, WEIGHTS[:, None]], ids=["alone", "rows", "column"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none", "mean_with_sample_weight"])
def test_a_subclass_has_its_own_rows(kind, weights, reduction):
    # Keras answers [B, 1] to weights of that shape.
    found = np.squeeze(keras.ops.convert_to_numpy(kind(reduction=reduction)(LABELS, X, weights)))
    rows = rows_of(kind) * (1 if weights is None else WEIGHTS)
    total = 24 if weights is None else WEIGHTS.sum()
    wanted = {"sum": rows.sum(), "none": rows, "mean_with_sample_weight": rows.sum() / total}
    assert np.allclose(found, wanted.get(reduction, rows.mean()), rtol=1e-5)


@KINDS
@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
def test_masked_rows_have_no_loss(kind, eager):
    assert 0 < MASK.sum() < 24
    net = keras.Sequential([keras.layers.Input((3,)), Positive()])
    loss = kind()
    net.compile("sgd", loss=loss, run_eagerly=eager)
    rows = rows_of(kind)
    found = net.evaluate(X, LABELS, batch_size=24, verbose=0)
    assert np.isclose(found, rows[MASK].mean(), rtol=1e-5)
    weighed = net.evaluate(X, LABELS, batch_size=24, verbose=0, sample_weight=WEIGHTS)
    assert np.isclose(weighed, (rows * WEIGHTS)[MASK].mean(), rtol=1e-5)
    assert loss.statistics.positive_pairs == evaluate(LABELS, X).statistics.positive_pairs


@KINDS
@pytest.mark.parametrize("make", [np.array, keras.ops.convert_to_tensor, keras.Variable])
def test_weights_of_masked_rows_are_not_changed(kind, make):
    embeddings = keras.ops.convert_to_tensor(X)
    set_keras_mask(embeddings, keras.ops.convert_to_tensor(MASK))
    weights = make(WEIGHTS)
    rows = (rows_of(kind) * WEIGHTS)[MASK].mean()
    for _ in range(2):
        found = kind()(LABELS, embeddings, weights)
        assert np.isclose(float(keras.ops.convert_to_numpy(found)), rows, rtol=1e-5)
    assert np.array_equal(keras.ops.convert_to_numpy(weights), WEIGHTS)


BAD_WEIGHTS = {
    "negative": np.where(np.arange(24) == 3, -1.0, WEIGHTS),
    "NaN": np.where(np.arange(24) == 3, np.nan, WEIGHTS),
    "infinite": np.where(np.arange(24) == 3, np.inf, WEIGHTS)[:, None],
    "negative scalar": -1.0,
    "row": WEIGHTS[None],
    "one": [5.0],
    "pairs": np.ones((24, 24)),
    "short": [1.0, 2.0],
    "text": ["a"] * 24,
}


@pytest.mark.parametrize("weights", BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_weights_of_subclasses_and_masked_rows_are_held_to_the_same_rules(weights):
    def refused(call):
        with pytest.raises((TypeError, ValueError), match="sample_weight") as caught:
            call()
        return caught.type, str(caught.value)

    def masked():
        embeddings = keras.ops.convert_to_tensor(X)
        set_keras_mask(embeddings, keras.ops.convert_to_tensor(MASK))
        return TripletSemiHardLoss()(LABELS, embeddings, weights)

    wanted = refused(lambda: evaluate(LABELS, X, sample_weight=weights))
    assert refused(lambda: Scaled()(LABELS, X, weights)) == wanted
    assert (
        refused(lambda: TripletSemiHardLoss(reduction="mean_with_sample_weight")(LABELS, X, weights))
        == wanted
    )
    assert refused(masked) == wanted
    if not isinstance(weights, list):
        tensor = keras.ops.convert_to_tensor(weights)
        assert refused(lambda: Scaled()(LABELS, X, tensor))[0] is wanted[0]


@KINDS
def test_integers_that_float32_cannot_hold_are_refused(kind):
    x = np.round(X * 10).astype(np.int64)
    found = float(keras.ops.convert_to_numpy(kind()(LABELS, x)))
    assert found == float(keras.ops.convert_to_numpy(kind()(LABELS, x.astype(np.float32))))
    assert found == float(keras.ops.convert_to_numpy(kind()(LABELS, x.tolist())))
    x[2, 1] = 2**24 + 1
    for values in (x, x.tolist()):
        with pytest.raises(
            ValueError, match=r"embeddings\[2, 1\] is 16777217: an integer that float32 cannot"
        ):
            kind()(LABELS, values)


def test_call_of_an_instance_is_honoured():
    loss = TripletSemiHardLoss()
    loss.call = lambda y_true, y_pred: y_pred[:, 0]
    assert np.isclose(float(keras.ops.convert_to_numpy(loss(LABELS, X))), X[:, 0].mean(), rtol=1e-5)


def test_a_subclass_is_given_labels_that_are_apart():
    seen = []

    class Seen(TripletSemiHardLoss):
        def call(self, y_true, y_pred):
            seen.append(keras.ops.convert_to_numpy(y_true))
            return super().call(y_true, y_pred)

    far = np.where(LABELS == 0, 2**32 + 1, LABELS)
    assert np.isclose(float(keras.ops.convert_to_numpy(Seen()(far, X))), rows_of(None).mean(), rtol=1e-5)
    assert len(np.unique(seen[0])) == len(np.unique(LABELS))


def test_training_with_a_subclass_scales_its_gradient():
    kernels = []
    for loss, rate in ((TripletSemiHardLoss(), 1e-2), (Scaled(), 1e-3)):
        keras.utils.set_random_seed(7)
        net = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
        net.compile(keras.optimizers.SGD(rate), loss=loss)
        net.fit(X, LABELS, batch_size=24, epochs=3, verbose=0, shuffle=False)
        kernels.append(np.asarray(net.get_weights()[0]))
    assert np.allclose(*kernels, rtol=1e-4, atol=1e-6)


MASKED = {
    "labels": lambda loss: loss(np.ma.array(LABELS), X),
    "embeddings": lambda loss: loss(LABELS, np.ma.array(X)),
    "sample_weight": lambda loss: loss(LABELS, X, np.ma.array(WEIGHTS)),
    "rows of embeddings": lambda loss: loss(LABELS, [np.ma.array(row) for row in X]),
    "call": lambda loss: loss.call(LABELS, np.ma.array(X)),
    "labels, call": lambda loss: loss.call(np.ma.array(LABELS), X),
    "function": lambda _: tfa.triplet_semihard_loss(np.ma.array(LABELS), keras.ops.convert_to_tensor(X)),
}


@pytest.mark.parametrize("kind", [TripletSemiHardLoss, Scaled])
@pytest.mark.parametrize("what", MASKED)
def test_masked_arrays_are_refused(what, kind):
    with pytest.raises(TypeError, match="masked array, whose mask would be ignored"):
        MASKED[what](kind())


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX refuses masked arrays")
def test_fit_and_evaluate_make_plain_arrays_of_masked_ones():
    net = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(3, kernel_initializer="identity")])
    net.compile("sgd", loss=TripletSemiHardLoss())
    rows = evaluate(LABELS, X, 1.0, "l2", reduction="none").loss
    masked = np.ma.array(X, mask=np.broadcast_to(~MASK[:, None], X.shape))
    assert np.isclose(net.evaluate(masked, LABELS, batch_size=24, verbose=0), rows.mean(), rtol=1e-5)
    # What is to be done instead.
    weights = MASK.astype(np.float32)
    found = net.evaluate(X, LABELS, batch_size=24, verbose=0, sample_weight=weights)
    assert np.isclose(found, (rows * weights).mean(), rtol=1e-5)


def test_batches_without_a_positive_pair_count_as_zero_in_the_loss_and_not_in_the_metric():
    labels = np.concatenate([LABELS[:8], np.arange(8), LABELS[8:16]])  # the second batch has none
    net = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(3, kernel_initializer="identity")])
    net.compile("sgd", loss=TripletSemiHardLoss(), metrics=[TripletLossMetric(TripletSemiHardLoss())])
    found = net.evaluate(X, labels, batch_size=8, verbose=0, return_dict=True)
    first, last = (evaluate(labels[a : a + 8], X[a : a + 8], distance="l2").loss for a in (0, 16))
    assert np.isclose(found["loss"], (first + last) / 3, rtol=1e-5)
    assert np.isclose(found["triplet_loss"], (first + last) / 2, rtol=1e-5)
    alone = net.evaluate(X[8:16], labels[8:16], batch_size=8, verbose=0, return_dict=True)
    assert alone["loss"] == 0
    assert np.isnan(alone["triplet_loss"])
    net.compile("sgd", loss=TripletSemiHardLoss(require_positives=True))
    with pytest.raises(Exception, match="no two of the 8 rows share a label"):
        net.evaluate(X, labels, batch_size=8, verbose=0)


def test_the_metric_counts_a_batch_by_its_rows_and_is_saved(tmp_path):
    metric = TripletLossMetric(TripletSemiHardLoss(0.5), name="mine")
    for rows in (slice(0, 16), slice(16, 24)):
        metric.update_state(LABELS[rows, None], X[rows])
    parts = [
        evaluate(LABELS[r], X[r], 0.5, "l2").loss * n for r, n in ((slice(0, 16), 16), (slice(16, 24), 8))
    ]
    assert np.isclose(float(keras.ops.convert_to_numpy(metric.result())), sum(parts) / 24, rtol=1e-5)
    net = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    net.compile("sgd", loss=TripletSemiHardLoss(), metrics=[metric])
    net.fit(X, LABELS, verbose=0)
    net.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras")
    wanted = net.evaluate(X, LABELS, verbose=0, return_dict=True)
    assert again.evaluate(X, LABELS, verbose=0, return_dict=True) == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(ValueError, match="reduction='none'"):
        TripletLossMetric(TripletSemiHardLoss(reduction="none"))


def test_the_metric_takes_what_the_loss_takes():
    wanted = evaluate(LABELS, X, 1.0, "l2").loss
    for labels, x in ((LABELS.tolist(), X.tolist()), (LABELS[:, None].tolist(), X), (LABELS, list(X))):
        metric = TripletLossMetric()
        metric.update_state(labels, x)
        assert np.isclose(float(keras.ops.convert_to_numpy(metric.result())), wanted, rtol=1e-5)
        assert float(keras.ops.convert_to_numpy(metric.count)) == 24
    metric = TripletLossMetric()
    assert np.isnan(float(keras.ops.convert_to_numpy(metric.result())))
    for wrong, kind in (
        (tfa.triplet_semihard_loss, "function"),
        (TripletSemiHardLoss, "type"),
        ("mse", "str"),
    ):
        with pytest.raises(TypeError, match=f"loss is a {kind}: expected an object of a loss class"):
            TripletLossMetric(wrong)
