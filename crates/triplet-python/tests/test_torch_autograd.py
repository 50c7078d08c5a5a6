"""The torch modules as functions with a backward pass."""

from __future__ import annotations

import copy

import pytest
from conftest import DISTANCES, REDUCTIONS, same_bits, tensors
from triplet_loss import evaluate

torch = pytest.importorskip("torch")

from triplet_loss.torch import TripletHardLoss, TripletSemiHardLoss  # noqa: E402

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
@pytest.mark.parametrize("reduction", REDUCTIONS)
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


@pytest.mark.parametrize("kind", ["eager", "compiled", "torch.func"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_gradient_is_linear_in_the_derivative_from_above_also_for_autograd(reduction, kind):
    labels, x = tensors(12, 4, 3, torch.float64)
    loss = TripletSemiHardLoss(reduction=reduction)
    weights, direction = torch.linspace(0.5, 2, 12, dtype=torch.float64), torch.randn_like(x)
    jacobian = torch.autograd.functional.jacobian(lambda x: loss(x, labels, weights), x.detach())
    right = (jacobian * direction).sum((-1, -2))  # along the direction
    assert right.abs().max() > 0.1

    def summed(x, scale):
        return (loss(x, labels, weights) * scale).sum()

    scale = torch.ones_like(right, requires_grad=True)
    if kind == "torch.func":

        def slope(scale):
            return (torch.func.grad(summed)(x.detach(), scale) * direction).sum()

        by_scale = torch.func.grad(slope)(scale.detach())
    else:
        torch.compiler.reset()
        call = torch.compile(summed, backend="eager") if kind == "compiled" else summed
        (gradient,) = torch.autograd.grad(call(x, scale), x, create_graph=True)
        with torch.device("meta"):  # nothing is made on torch's default device
            (by_scale,) = torch.autograd.grad((gradient * direction).sum(), scale, retain_graph=True)
        with pytest.raises(NotImplementedError, match="can be differentiated once"):
            (gradient * direction).sum().backward()
    assert torch.allclose(by_scale, right, rtol=1e-12, atol=0)
    if kind == "eager":
        _, along = torch.autograd.functional.jvp(lambda x: loss(x, labels, weights), x.detach(), direction)
        assert torch.allclose(along, right, rtol=1e-12, atol=0)


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
    with pytest.raises(NotImplementedError, match="no forward mode"), torch.autograd.forward_ad.dual_level():
        summed(torch.autograd.forward_ad.make_dual(x.detach(), torch.ones_like(x)))


def test_what_is_done_to_a_gradient_is_not_done_to_the_next():
    labels, x = tensors()
    value = TripletSemiHardLoss()(x, labels)
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    kept = first.clone()
    first.mul_(2)
    first.numpy()[:] = 0
    assert torch.equal(torch.autograd.grad(value, x)[0], kept)


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
