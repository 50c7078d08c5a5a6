"""The torch modules: autograd, types, autocast, compile, mining, mistakes."""

from __future__ import annotations

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import DISTANCES, batch, same_bits
from triplet_loss import evaluate

torch = pytest.importorskip("torch")

from triplet_loss.torch import TripletHardLoss, TripletSemiHardLoss  # noqa: E402


def tensors(rows=32, width=16, classes=5, dtype=torch.float32, seed=1):
    labels, x = batch(rows, width, classes, np.float64, seed)
    return torch.tensor(labels), torch.tensor(x, dtype=dtype, requires_grad=True)


LOSSES = [
    *(TripletSemiHardLoss(distance=distance) for distance in DISTANCES),
    TripletSemiHardLoss(0.2, "l2", literal=True),
    *(TripletHardLoss(distance=distance) for distance in DISTANCES),
    TripletHardLoss(soft=True, distance="l2"),
]
IDS = [f"{type(loss).__name__}-{loss.extra_repr()}" for loss in LOSSES]


def numpys(loss, labels, x, **more):
    s = loss._loss.settings
    return evaluate(
        labels.numpy(), x.detach().numpy(), s.margin, s.distance, s.rule, reduction=s.reduction, **more
    )


@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_forward_and_backward_are_the_engines_bits(loss, dtype):
    labels, x = tensors(dtype=dtype)
    value = loss(x, labels)
    value.backward()
    expected = numpys(loss, labels, x)
    assert same_bits(value.detach().numpy(), expected.loss)
    assert same_bits(x.grad.numpy(), expected.gradient)
    assert loss.statistics == expected.statistics
    with torch.no_grad():
        assert loss(x, labels).item() == value.item()
    assert not loss(x.detach(), labels).requires_grad


@pytest.mark.parametrize("loss", LOSSES, ids=IDS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_gradcheck(loss, reduction):
    labels, x = tensors(14, 4, 3, torch.float64)
    loss = copy.deepcopy(loss)
    loss._loss = loss._loss.with_reduction(reduction)
    weights = torch.linspace(0.5, 2, 14, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels), (x,))
    assert torch.autograd.gradcheck(lambda x: loss(x * 2, labels, weights).sum() * 3, (x,))


def test_an_upstream_vector_weighs_the_rows():
    labels, x = tensors()
    loss = TripletSemiHardLoss(reduction="none")
    up = torch.linspace(-1, 1, 32)
    loss(x, labels).backward(up)
    summed = torch.zeros_like(x)
    for row in range(32):
        (one,) = torch.autograd.grad(loss(x, labels)[row], x)
        summed += up[row] * one
    # 32 terms of f32, each rounded: 32 * 6e-8 of the largest.
    assert (x.grad - summed).abs().max() <= 2e-6 * summed.abs().max()


def test_upstream_factors_scale_the_gradient():
    labels, x = tensors()
    loss = TripletSemiHardLoss()
    (plain,) = torch.autograd.grad(loss(x, labels), x)
    (scaled,) = torch.autograd.grad(1024 * loss(x, labels), x)
    assert torch.equal(scaled, 1024 * plain)
    value = loss(x, labels)
    value.backward(retain_graph=True)
    first = x.grad.clone()
    x.grad.mul_(0)  # what was kept for the second pass must not be this tensor
    value.backward()
    assert torch.equal(first, x.grad)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_halves_are_computed_in_f32(dtype, reduction):
    labels, x = tensors(dtype=dtype)
    loss = TripletSemiHardLoss(reduction=reduction)
    value = loss(x, labels)
    value.sum().backward()
    wide = x.detach().float().requires_grad_()
    expected = loss(wide, labels)
    expected.sum().backward()
    assert value.dtype == x.grad.dtype == dtype
    assert torch.equal(value, expected.to(dtype))
    assert torch.equal(x.grad, wide.grad.to(dtype))
    if dtype is torch.float16:
        with pytest.raises(ValueError, match=r"leaves the range of torch.float16"):
            TripletSemiHardLoss(margin=1e5)(x, labels)


def test_autocast_gives_a_float32_loss():
    labels, x = tensors()
    layer = torch.nn.Linear(16, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embeddings = layer(x)
        value = TripletSemiHardLoss()(embeddings, labels)
    assert embeddings.dtype == torch.bfloat16
    assert value.dtype == torch.float32
    value.backward()
    assert layer.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_compile_has_no_graph_break_and_gives_the_same_bits(backend, reduction):
    torch.compiler.reset()
    loss = TripletSemiHardLoss(distance="l2", reduction=reduction)
    up = torch.linspace(0.5, 2, 32)

    def step(x, labels, weights):
        value = loss(x, labels, weights)
        return (value * up).sum() if reduction == "none" else value * 2

    compiled = torch.compile(step, fullgraph=True, backend=backend)
    for weights in (None, torch.rand(32)):
        labels, x = tensors()
        y = x.detach().clone().requires_grad_()
        eager, fast = step(x, labels, weights), compiled(y, labels, weights)
        counts = loss.statistics
        eager.backward()
        fast.backward()
        # A compiler may add up in another order; nothing else is between.
        assert torch.allclose(eager, fast, rtol=1e-6, atol=0)
        assert torch.equal(x.grad, y.grad)
        assert counts is not None
        assert counts.triplets > 0
    with torch._dynamo.config.patch(error_on_recompile=True):  # steps leave what they compiled as it is
        compiled(y, labels, weights)
    with torch.no_grad():
        assert torch.allclose(compiled(y, labels, weights), fast, rtol=1e-6, atol=0)


def test_compiled_functions_refuse_what_the_loss_refuses():
    torch.compiler.reset()
    labels, x = tensors()
    loss = TripletSemiHardLoss()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert compiled(x, labels.tolist()).item() == loss(x, labels).item()
    with pytest.raises(Exception, match="labels are on meta"):
        compiled(x, labels.to("meta"))
    with pytest.raises(Exception, match=r"labels have shape \[31\]"):
        compiled(x, labels[1:])
    wide = torch.compile(TripletSemiHardLoss(margin=1e5), backend="aot_eager")
    with pytest.raises(Exception, match=r"leaves the range of torch.float16"):
        wide(x.half(), labels)
    once = torch.compile(loss, backend="eager")
    (gradient,) = torch.autograd.grad(once(x, labels), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="can be differentiated once"):
        gradient.sum().backward()


def test_batches_of_every_size_are_compiled():
    torch.compiler.reset()
    loss = TripletSemiHardLoss(distance="l2")
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=True)
    for rows in (8, 9, 33, 64):
        labels, x = tensors(rows)
        (fast,) = torch.autograd.grad(compiled(x, labels), x)
        (eager,) = torch.autograd.grad(loss(x, labels), x)
        assert torch.equal(fast, eager)


def test_the_operation_passes_torchs_own_checks():
    labels, x = tensors(12, 4, 3)
    settings = (1.0, "l2", "semi-hard", "mean", "auto", -1, False, 0, False)
    torch.library.opcheck(torch.ops.triplet_loss.loss.default, (x, labels, None, *settings, True))
    rows = (1.0, "l2", "semi-hard", "none", "auto", -1, False, 0, False)
    torch.library.opcheck(torch.ops.triplet_loss.loss.default, (x, labels, torch.rand(12), *rows, False))


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_functional_transforms(reduction):
    labels, x = tensors()
    loss = TripletSemiHardLoss(reduction=reduction)

    def summed(x, labels):
        return loss(x, labels).sum()

    (expected,) = torch.autograd.grad(summed(x, labels), x)
    x = x.detach()
    gradient = torch.func.grad(summed)
    assert torch.equal(gradient(x, labels), expected)
    assert torch.equal(
        torch.func.vmap(summed, (0, None))(torch.stack([x, 2 * x]), labels)[0], summed(x, labels)
    )
    both = torch.func.vmap(gradient, in_dims=(1, 0))(
        torch.stack([2 * x, x], 1), torch.stack([labels + 7, labels])
    )
    assert torch.equal(both[1], expected)
    assert torch.func.jacrev(loss)(x, labels).shape == ((32, 32, 16) if reduction == "none" else (32, 16))
    with pytest.raises(NotImplementedError, match="jvp"):
        torch.func.jvp(lambda x: loss(x, labels), (x,), (x,))


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_second_derivative_is_a_clear_error(reduction):
    labels, x = tensors()
    loss = TripletSemiHardLoss(reduction=reduction)

    def summed(x):
        return loss(x, labels).sum()

    (gradient,) = torch.autograd.grad(summed(x), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="can be differentiated once"):
        gradient.sum().backward()
    with pytest.raises(NotImplementedError, match="can be differentiated once"):
        torch.autograd.functional.hessian(summed, x)
    with pytest.raises(NotImplementedError, match="can be differentiated once"):
        torch.func.grad(lambda x: torch.func.grad(summed)(x).sum())(x.detach())
    with pytest.raises(NotImplementedError, match="jvp"), torch.autograd.forward_ad.dual_level():
        summed(torch.autograd.forward_ad.make_dual(x.detach(), torch.ones_like(x)))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 3e38])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_an_upstream_gradient_that_is_not_finite_stays_so(reduction, bad):
    labels, x = tensors()
    value = TripletSemiHardLoss(reduction=reduction)(x * 1e3, labels)
    (gradient,) = torch.autograd.grad(value, x, torch.full_like(value, bad))
    assert not torch.isfinite(gradient).all()


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_loss_scaler_finds_its_scale(reduction):
    labels, x = tensors()
    layer = torch.nn.Linear(16, 8)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126, growth_interval=10**6)
    optimiser = torch.optim.SGD(layer.parameters(), 1e-3)
    for _ in range(4):
        optimiser.zero_grad()
        scaler.scale(
            TripletSemiHardLoss(reduction=reduction)(100 * layer(x.detach()), labels).mean()
        ).backward()
        scaler.step(optimiser)
        scaler.update()
    assert scaler.get_scale() < 2.0**126


def test_what_is_done_to_a_gradient_is_not_done_to_the_next():
    labels, x = tensors()
    value = TripletSemiHardLoss()(x, labels)
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    kept = first.clone()
    first.mul_(2)
    first.numpy()[:] = 0
    assert torch.equal(torch.autograd.grad(value, x)[0], kept)


def test_the_loss_is_on_the_cpu_whatever_the_default_device():
    labels, x = tensors()
    loss = TripletSemiHardLoss()
    with torch.device("meta"):
        assert loss(x, labels).item() == loss(x.detach(), labels).item()


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


def test_what_is_changed_between_the_passes_is_an_error_or_makes_no_difference():
    labels, x = tensors()
    loss, weights = TripletSemiHardLoss(reduction="none"), torch.rand(32, dtype=torch.float64)
    (expected,) = torch.autograd.grad(loss(x, labels, weights).sum(), x)
    value = loss(x, labels, weights).sum()
    labels.zero_()
    weights.zero_()
    assert torch.equal(torch.autograd.grad(value, x)[0], expected)
    value = loss(x, labels).sum()
    with torch.no_grad():
        x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


def test_statistics_and_distances_of_the_last_step():
    labels, x = tensors(64, 8, 6)
    loss = TripletSemiHardLoss(distance="l2")
    assert loss.statistics is None
    assert loss.percentiles() is None
    assert loss.distances is None
    loss(x, labels)
    result = numpys(loss, labels, x, triplets=True)
    near, far = loss.distances
    assert sorted(near) == sorted(result.triplets.positive_distance)
    assert sorted(far) == sorted(result.triplets.negative_distance)
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
    monkeypatch.setattr(_loss, "_SAMPLED", 5000)
    loss(x, labels)
    assert len(loss.distances[0]) <= 5000
    # A 12th of 60,000 pairs: quartiles move by a few standard errors, about 1 % each.
    assert np.allclose(loss.percentiles().positive, everything.positive, rtol=0.05)


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


def test_flushed_subnormals_do_not_change_a_bit():
    labels, x = tensors(200, 8, 10)
    tiny = (x.detach() * 1e-20).requires_grad_()  # squares are subnormal
    loss = TripletSemiHardLoss(margin=0.0)
    loss(tiny, labels).backward()
    expected = tiny.grad.clone()
    assert torch.set_flush_denormal(True)
    try:
        flushed = (torch.tensor(1e-38) / 16).item() == 0.0
        again = tiny.detach().clone().requires_grad_()
        loss(again, labels).backward()
        still = (torch.tensor(1e-38) / 16).item() == 0.0
    finally:
        torch.set_flush_denormal(False)
    assert flushed
    assert still, "the process's mode was not put back"
    assert torch.equal(again.grad, expected)
    assert expected.abs().max() > 0


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


class Elsewhere(torch.Tensor):
    """Stands in for a tensor of another device, of which a test machine has none."""

    @property
    def is_cpu(self):
        return False

    def cpu(self):
        return self.as_subclass(torch.Tensor)


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
]


@pytest.mark.parametrize(("kind", "message", "arguments"), MISTAKES, ids=[m[1][:30] for m in MISTAKES])
def test_mistakes(kind, message, arguments):
    labels, x = tensors()
    with pytest.raises(kind, match=message):
        TripletSemiHardLoss()(*arguments(x, labels))
    if "meta" in message:
        with pytest.raises(TypeError, match=message):
            TripletSemiHardLoss().mine(*arguments(x, labels))
