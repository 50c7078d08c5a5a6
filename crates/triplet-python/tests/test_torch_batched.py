"""Several losses or derivatives at once, and graphs that torch records: all give the eager bits."""

from __future__ import annotations

import copy
import io

import pytest
from conftest import REDUCTIONS, tensors

torch = pytest.importorskip("torch")

from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode  # noqa: E402
from torch.func import functional_call, grad, stack_module_state, vmap  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402
from triplet_loss.torch import TripletSemiHardLoss  # noqa: E402

BY_REDUCTION = pytest.mark.parametrize("reduction", REDUCTIONS)


def gradients(loss, labels, batches):
    """One after the other, as autograd gives them."""
    leaves = [x.detach().clone().requires_grad_() for x in batches]
    return torch.stack([torch.autograd.grad(0.3 * loss(x, labels).sum(), x)[0] for x in leaves])


@BY_REDUCTION
@pytest.mark.parametrize("compiled", [False, True])
def test_derivatives_through_vmap(reduction, compiled):
    torch.compiler.reset()
    labels, x = tensors()
    loss = TripletSemiHardLoss(reduction=reduction)
    batches = torch.stack([x, 2 * x, -3 * x]).detach()
    right = gradients(loss, labels, batches)

    def summed(batches):
        return 0.3 * vmap(lambda x: loss(x, labels))(batches).sum()

    outside, inside = grad(summed), vmap(grad(lambda x: 0.3 * loss(x, labels).sum()))
    if compiled:
        outside, inside = (torch.compile(f, backend="aot_eager") for f in (outside, inside))
    assert torch.equal(outside(batches), right)
    if not compiled:
        listed = grad(lambda x: 0.3 * loss(x, labels.tolist(), [1.0] * 32).sum())(batches[0])
        assert torch.equal(listed, right[0])
        with pytest.raises(ValueError, match=r"labels\[0\] is 0.5"):
            grad(lambda x: loss(x, [0.5] * 32).sum())(batches[0])
    assert torch.equal(inside(batches), right)
    leaf = batches.clone().requires_grad_()
    summed(leaf).backward()
    assert torch.equal(leaf.grad, right)
    with torch.no_grad():
        assert not summed(leaf).requires_grad


@BY_REDUCTION
def test_an_ensemble_is_trained_at_once(reduction):
    labels, x = tensors(dtype=torch.float64)
    x = x.detach()
    loss = TripletSemiHardLoss(reduction=reduction)
    networks = [torch.nn.Linear(16, 4, dtype=torch.float64) for _ in range(3)]
    for network in networks:
        loss(network(x), labels).sum().backward()
    right = torch.stack([network.weight.grad for network in networks])
    parameters, buffers = stack_module_state(networks)
    skeleton = copy.deepcopy(networks[0]).to("meta")

    def one(parameters, buffers):
        return loss(functional_call(skeleton, (parameters, buffers), (x,)), labels).sum()

    vmap(one)(parameters, buffers).sum().backward()
    assert torch.allclose(parameters["weight"].grad, right, rtol=1e-9)
    at_once = vmap(grad(one))(parameters, buffers)
    assert torch.allclose(at_once["weight"], right, rtol=1e-9)


@BY_REDUCTION
def test_derivatives_at_once(reduction):
    labels, x = tensors()
    loss = TripletSemiHardLoss(reduction=reduction)
    one_by_one = torch.autograd.functional.jacobian(lambda x: loss(x, labels), x)
    at_once = torch.autograd.functional.jacobian(lambda x: loss(x, labels), x, vectorize=True)
    assert torch.equal(at_once, one_by_one)
    value = loss(x, labels)
    above = torch.stack([torch.ones_like(value), 2 * torch.ones_like(value)])
    (both,) = torch.autograd.grad(value, x, above, is_grads_batched=True)
    (one,) = torch.autograd.grad(loss(x, labels), x, above[1])
    assert torch.equal(both[1], one)


@BY_REDUCTION
def test_vmap_over_nothing_gives_nothing(reduction):
    labels, x = tensors()
    loss = TripletSemiHardLoss(reduction=reduction)
    nothing = torch.stack([x.detach()])[:0]
    rows = (32,) if reduction == "none" else ()
    assert vmap(lambda x: loss(x, labels))(nothing).shape == (0, *rows)
    assert vmap(lambda x, y: loss(x, y))(nothing, labels[None][:0]).shape == (0, *rows)
    assert vmap(grad(lambda x: loss(x, labels).sum()))(nothing).shape == (0, 32, 16)
    empty = torch.zeros(3, 0, 16)
    assert vmap(lambda x: loss(x, labels[:0]).sum())(empty).tolist() == [0, 0, 0]


@BY_REDUCTION
def test_fake_tensors_give_fake_losses(reduction):
    labels, x = tensors()
    loss = TripletSemiHardLoss(reduction=reduction)
    shape = loss(x, labels).shape
    mode = FakeTensorMode()
    fake, real = mode.from_tensor(x), x.detach()
    for other in (mode.from_tensor(labels), labels, labels.tolist()):
        value = loss(fake, other, torch.ones(32))
        assert isinstance(value, FakeTensor)
        assert value.shape == shape
    with mode:
        leaf = mode.from_tensor(real).requires_grad_()
        loss(leaf, mode.from_tensor(labels)).sum().backward()
    assert leaf.grad.shape == (32, 16)


def recorded(kind, loss, x, labels):
    if kind == "make_fx":
        return make_fx(loss)(x, labels)
    if kind == "jit.trace":
        return torch.jit.trace(loss, (x, labels))
    program = torch.export.export(loss, (x, labels), strict=kind == "strict export")
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return torch.export.load(file).module()


@pytest.mark.filterwarnings("ignore")  # torch's: of tracing, which is deprecated
@pytest.mark.parametrize("kind", ["make_fx", "export", "strict export", "jit.trace"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_recorded_graphs_compute_and_hold_no_answers(kind, reduction):
    labels, x = tensors()
    loss = TripletSemiHardLoss(2.0, reduction=reduction)
    graph = recorded(kind, loss, x, labels)
    other = (3 * x.detach()).requires_grad_()
    value = graph(other, labels.flip(0))
    assert torch.equal(value, loss(other, labels.flip(0)))
    (gradient,) = torch.autograd.grad(0.3 * value.sum(), other)
    assert torch.equal(gradient, gradients(loss, labels.flip(0), [other])[0])


def test_gradients_are_recorded_too():
    labels, x = tensors()
    loss, x = TripletSemiHardLoss(), x.detach()

    def gradient(x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(3 * loss(x, labels), x)[0]

    graph = make_fx(gradient)(x)
    assert torch.equal(graph(2 * x), gradient(2 * x))


def test_a_schedule_is_in_no_graph_that_is_saved():
    labels, x = tensors()
    with pytest.raises(Exception, match="no saved graph can hold: set a number"):
        torch.export.export(TripletSemiHardLoss(lambda: 1.0), (x, labels))
