"""The torch modules as modules: statistics, mining, devices, layouts, mistakes."""

from __future__ import annotations

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import tensors, tensors_elsewhere
from triplet_loss import evaluate

torch = pytest.importorskip("torch")

from triplet_loss.torch import TripletHardLoss, TripletSemiHardLoss  # noqa: E402


def test_modules_are_modules():
    loss = TripletSemiHardLoss(0.5, "angular")
    assert repr(loss) == (
        "TripletSemiHardLoss(margin=0.5, distance='angular', rule='semi-hard', reduction='mean')"
    )
    labels, x = tensors()
    value = loss(x, labels)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert other(x, labels).item() == value.item()
    file = io.BytesIO()
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2), loss).state_dict(), file)
    assert not list(loss.parameters())


def test_statistics_and_distances_of_the_last_step():
    labels, x = tensors(64, 8, 6)
    loss = TripletSemiHardLoss(distance="l2")
    assert loss.statistics is None
    assert loss.percentiles() is None
    assert loss.distances is None
    loss(x, labels)
    result = evaluate(labels, x.detach(), distance="l2", triplets=True)
    near, far = loss.distances
    assert sorted(near) == sorted(result.triplets.positive_distance)
    assert sorted(far) == sorted(result.triplets.negative_distance)
    near[:] = far[:] = np.nan  # the caller's own
    near, far = loss.distances
    assert not np.isnan(near).any()
    assert not np.isnan(far).any()
    shown = loss.percentiles((50, 90))
    assert np.allclose(shown.positive, np.percentile(near, (50, 90)))
    assert np.allclose(shown.negative, np.percentile(far, (50, 90)))
    assert "50 90 %" in repr(shown)
    loss(x[:1], labels[:1])
    assert np.isnan(loss.percentiles().positive).all()


def test_a_sample_of_the_distances_stands_for_all(monkeypatch):
    from triplet_loss import _loss

    labels, x = tensors(500, 8, 4)
    loss = TripletSemiHardLoss()
    loss(x, labels)
    everything = loss.percentiles()
    monkeypatch.setattr(_loss, "_MAX_DISTANCES", 5000)
    loss(x, labels)
    assert len(loss.distances[0]) <= 5000
    # A 12th of 60,000 pairs: quartiles move by a few standard errors, about 1 % each.
    assert np.allclose(loss.percentiles().positive, everything.positive, rtol=0.05)


def test_statistics_stay_while_calls_run_and_when_they_fail():
    labels, x = tensors(500, 32, 20)
    loss = TripletSemiHardLoss()
    loss(x, labels)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: [loss(x, labels).item() for _ in range(50)])
        while not running.done():
            assert loss.statistics.triplets > 0
            assert loss.percentiles(50).positive.shape == (1,)
    with pytest.raises(ValueError, match="labels have shape"):
        loss(x, labels[1:])
    assert loss.statistics.triplets > 0


def test_mining_feeds_pytorch_metric_learning():
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    labels, x = tensors(48, 8, 6)
    loss = TripletSemiHardLoss(margin=0.3, distance="l2")
    triplets = loss.mine(x, labels)
    assert all(rows.dtype == torch.int64 for rows in triplets)
    # Its own loss over our triplets is our loss, if it neither normalises nor drops zeros.
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.reducers import MeanReducer

    theirs = losses.TripletMarginLoss(
        margin=0.3, distance=LpDistance(normalize_embeddings=False), reducer=MeanReducer()
    )
    value = theirs(x, labels, indices_tuple=triplets)
    assert abs(value.item() - loss(x, labels).item()) < 1e-5
    assert losses.NTXentLoss()(x, labels, indices_tuple=triplets).isfinite()
    alone = TripletHardLoss().mine(x[:3], torch.tensor([1, 1, 1]))
    assert [len(rows) for rows in alone] == [0, 0, 0]


def test_layouts_and_types_of_labels_do_not_matter():
    labels, x = tensors()
    loss = TripletSemiHardLoss()
    expected = loss(x, labels).item()
    for other in (labels.int(), labels[:, None], labels.double(), labels.bfloat16(), labels.tolist()):
        assert loss(x, other).item() == expected
    across = x.detach().T.contiguous().T.requires_grad_()
    loss(across, labels).backward()
    loss(x, labels).backward()
    assert torch.equal(across.grad, x.grad)
    part = torch.zeros(32, 40)
    part[:, 3:19] = x.detach()
    assert loss(part[:, 3:19], labels).item() == expected


def test_views_of_another_sign_are_read_as_what_they_are():
    labels, x = tensors()
    loss = TripletSemiHardLoss()
    rows = x.detach()
    imaginary = torch.complex(rows, -2 * rows).conj().imag
    assert imaginary.is_neg()
    assert loss(imaginary, labels).item() == loss(2 * rows, labels).item()
    for dtype in (torch.float32, torch.bfloat16):
        view = torch._neg_view(rows.to(dtype))
        assert loss(view, labels).item() == loss((-rows).to(dtype), labels).item()
    assert loss(rows, torch._neg_view(labels)).item() == loss(rows, labels).item()
    (gradient,) = torch.autograd.grad(loss(torch._neg_view(x), labels), x)
    (right,) = torch.autograd.grad(loss(-x, labels), x)
    assert torch.equal(gradient, right)


def test_the_loss_is_on_the_cpu_whatever_the_default_device():
    labels, x = tensors()
    loss = TripletSemiHardLoss()
    with torch.device("meta"):
        assert loss(x, labels).item() == loss(x.detach(), labels).item()


Elsewhere = tensors_elsewhere()


def test_tensors_of_other_devices_are_transferred_if_asked_for():
    labels, x = tensors()
    far = (x * 1).as_subclass(Elsewhere)
    with pytest.raises(TypeError, match=r"embeddings are on cpu: .*device_transfer=True"):
        TripletSemiHardLoss()(far, labels)
    loss = TripletSemiHardLoss(device_transfer=True)
    loss(far, labels.as_subclass(Elsewhere)).backward()
    (expected,) = torch.autograd.grad(loss(y := x.detach().requires_grad_(), labels), y)
    assert torch.equal(x.grad, expected)
    here, there = loss.mine(x, labels), loss.mine(far, labels.as_subclass(Elsewhere))
    assert all(map(torch.equal, here, there))
    assert all(map(torch.equal, here, loss.mine(far, labels.numpy())))


def nested(rows):
    return torch.nested.nested_tensor([rows.detach()[:3], rows.detach()[3:]])


def jagged(rows):
    return torch.nested.nested_tensor([rows.detach()[:3], rows.detach()[3:]], layout=torch.jagged)


def masked(rows):
    return torch.masked.masked_tensor(rows.detach(), torch.ones_like(rows, dtype=torch.bool))


def quantized(rows):
    return torch.quantize_per_tensor(rows.detach().float(), 1.0, 0, torch.qint8)


def fake(rows):
    return torch._subclasses.fake_tensor.FakeTensorMode().from_tensor(rows)


MISTAKES = [
    (TypeError, "embeddings are a list", lambda x, y: ([1.0], y)),
    (TypeError, r"dtype torch.int64 \(they come first, labels second\)", lambda x, y: (y, x)),
    (ValueError, r"embeddings have shape \[32\]", lambda x, y: (x[:, 0], y)),
    (ValueError, r"labels have shape \[31\] but embeddings have shape \[32, 16\]", lambda x, y: (x, y[1:])),
    (ValueError, r"embeddings\[0, 0\] is inf", lambda x, y: (x / 0 * x.sign(), y)),
    (ValueError, r"sample_weight has shape \[2\]", lambda x, y: (x, y, torch.ones(2))),
    (ValueError, "sample_weight requires a gradient", lambda x, y: (x, y, x[:, 0])),
    (TypeError, "embeddings are on meta: .*device_transfer=True", lambda x, y: (x.to("meta"), y)),
    (TypeError, "labels are on meta: .*device_transfer=True", lambda x, y: (x, y.to("meta"))),
    (TypeError, r"embeddings: expected a dense tensor, .*sparse_coo", lambda x, y: (x.to_sparse(), y)),
    (TypeError, r"embeddings: expected a dense tensor, .*sparse_csr", lambda x, y: (x.to_sparse_csr(), y)),
    (TypeError, r"embeddings: expected a dense tensor, .*_mkldnn", lambda x, y: (x.detach().to_mkldnn(), y)),
    (TypeError, r"embeddings: expected a dense tensor, got a NestedTensor", lambda x, y: (nested(x), y)),
    (TypeError, r"embeddings: expected a dense tensor, got a NestedTensor", lambda x, y: (jagged(x), y)),
    (TypeError, r"embeddings: .* MaskedTensor: its mask would be ignored", lambda x, y: (masked(x), y)),
    (TypeError, r"embeddings: expected a dense tensor, got a quantized", lambda x, y: (quantized(x), y)),
    (TypeError, r"embeddings have dtype torch.complex64", lambda x, y: (x + 0j, y)),
    (TypeError, r"embeddings have dtype torch.float8_e4m3fn", lambda x, y: (x.to(torch.float8_e4m3fn), y)),
    (TypeError, r"labels: expected a dense tensor, .*sparse_coo", lambda x, y: (x, y.to_sparse())),
    (TypeError, r"labels: expected a dense tensor, got a NestedTensor", lambda x, y: (x, nested(y))),
    (TypeError, r"labels: expected a dense tensor, got a MaskedTensor", lambda x, y: (x, masked(y))),
    (TypeError, r"labels: expected a dense tensor, got a quantized", lambda x, y: (x, quantized(y))),
    (TypeError, r"labels: expected a dense tensor, got a FakeTensor", lambda x, y: (x, fake(y))),
    (TypeError, r"labels have dtype complex64", lambda x, y: (x, y + 0j)),
    (ValueError, r"labels\[0\] is 256.*below 2\*\*8", lambda x, y: (x, torch.full((32,), 256).bfloat16())),
    (TypeError, r"sample_weight: expected a dense tensor, .*coo", lambda x, y: (x, y, y.to_sparse())),
    (TypeError, r"sample_weight: expected a dense .*MaskedTensor", lambda x, y: (x, y, masked(x[:, 0]))),
    (TypeError, r"sample_weight: expected a dense .*quantized", lambda x, y: (x, y, quantized(y))),
    (TypeError, r"sample_weight has dtype torch.complex64", lambda x, y: (x, y, torch.ones(32) + 0j)),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's, of tensors that it means to change
@pytest.mark.parametrize(("kind", "message", "arguments"), MISTAKES, ids=[m[1][:50] for m in MISTAKES])
def test_mistakes(kind, message, arguments):
    labels, x = tensors()
    with pytest.raises(kind, match=message):
        TripletSemiHardLoss()(*arguments(x, labels))
    if "weight" not in message and ("meta" in message or "dense" in message):
        with pytest.raises(TypeError, match=message):
            TripletSemiHardLoss().mine(*arguments(x, labels))


def test_a_batch_without_positives_can_be_told_apart():
    labels, x = tensors()
    alone = torch.arange(32)
    loss = TripletSemiHardLoss()
    values = []
    for these in (labels, alone, labels):
        value = loss(x, these)
        if loss.statistics.positive_pairs:
            values.append(value.item())
        else:
            assert value.item() == 0
            assert not torch.autograd.grad(value, x)[0].any()
    assert values == [loss(x, labels).item()] * 2
    with pytest.raises(ValueError, match="no two of the 32 rows share a label"):
        TripletSemiHardLoss(require_positives=True)(x, alone)
