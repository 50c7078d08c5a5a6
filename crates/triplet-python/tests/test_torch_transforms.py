"""The losses inside `torch.compile` and `torch.func`."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import tensors

torch = pytest.importorskip("torch")

from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402
from triplet_loss.torch import TripletSemiHardLoss  # noqa: E402


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
    margin, number, weights = torch.tensor(1.0, dtype=torch.float64), torch.tensor(-1), torch.rand(12)
    mean = ("l2", "semi-hard", "mean", "auto", -1, False)
    rows = ("l2", "semi-hard", "none", "auto", -1, False)
    ops = torch.ops.triplet_loss
    torch.library.opcheck(ops.loss.default, (x, labels, None, margin, number, *mean, False, True))
    torch.library.opcheck(ops.loss.default, (x, labels, weights, margin, number, *rows, False, False))
    torch.library.opcheck(ops.pull.default, (x.detach(), labels, weights, weights, margin, *rows))
    loss = TripletSemiHardLoss(lambda: 2.0)
    named = torch.as_tensor(loss._loss.id_input)
    assert ops.margin(named, True).item() == 2.0
    torch.library.opcheck(ops.margin.default, (named, True))
    with pytest.raises(RuntimeError, match="of a loss that this process does not have"):
        ops.margin(number, True)


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


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_forward_mode_is_a_clear_error_everywhere(reduction):
    labels, x = tensors()
    x = x.detach()
    loss = TripletSemiHardLoss(reduction=reduction)

    def along(x):
        return torch.func.jvp(lambda x: loss(x, labels), (x,), (x,))[1]

    def dual(x):
        with torch.autograd.forward_ad.dual_level():
            value = loss(torch.autograd.forward_ad.make_dual(x, x), labels)
            return torch.autograd.forward_ad.unpack_dual(value).tangent

    torch.compiler.reset()
    for slope in (along, dual, torch.func.jacfwd(lambda x: loss(x, labels))):
        for way in (slope, torch.compile(slope, backend="eager"), make_fx(slope)):
            with pytest.raises(
                NotImplementedError, match=r"no forward mode \(jvp, jacfwd\): use reverse mode"
            ):
                way(x)
    with pytest.raises(NotImplementedError, match="no forward mode"):
        torch.func.linearize(lambda x: loss(x, labels), x)


MARGIN, WEIGHTS = torch.tensor(1.0), torch.ones(32)
BY = {
    "scheduled margin": (lambda m, x, y: TripletSemiHardLoss(lambda: m * 2)(x, y), MARGIN),
    "margin": (lambda m, x, y: TripletSemiHardLoss(m)(x, y), MARGIN),
    "weights": (lambda w, x, y: TripletSemiHardLoss()(x, y, w), WEIGHTS),
    "computed weights": (lambda w, x, y: TripletSemiHardLoss(reduction="none")(x, y, 2 * w).sum(), WEIGHTS),
}


def dual(function, value):
    with torch.autograd.forward_ad.dual_level():
        return function(torch.autograd.forward_ad.make_dual(value, value))


WAYS = {
    "grad": (ValueError, lambda f, v: torch.func.grad(f)(v)),
    "vjp": (ValueError, lambda f, v: torch.func.vjp(f, v)),
    "vmap of grad": (ValueError, lambda f, v: torch.func.vmap(torch.func.grad(f))(torch.stack([v, v]))),
    "jvp": (NotImplementedError, lambda f, v: torch.func.jvp(f, (v,), (v,))),
    "jacfwd": (NotImplementedError, lambda f, v: torch.func.jacfwd(f)(v)),
    "dual": (NotImplementedError, dual),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("by", BY)
def test_derivatives_by_margins_and_weights_are_refused(by, way):
    labels, x = tensors()
    function, value = BY[by]
    kind, differentiate = WAYS[way]
    message = "requires a gradient, which is not computed" if kind is ValueError else "no forward mode"
    if (by, way) == ("margin", "vmap of grad"):
        kind, message = (ValueError, TypeError), "margin"
    with pytest.raises(kind, match=message):
        differentiate(lambda v: function(v, x.detach(), labels), value)


@pytest.mark.parametrize("by", ["scheduled margin", "weights", "computed weights"])
def test_derivatives_of_an_inner_gradient_by_margins_and_weights_are_refused(by):
    labels, x = tensors()
    function, value = BY[by]

    def inner(v):
        return torch.func.grad(lambda x: function(v * 1, x, labels))(x.detach()).sum()

    with pytest.raises(ValueError, match="requires a gradient, which is not computed"):
        torch.func.grad(inner)(value)


def test_a_schedule_without_derivatives_is_taken():
    labels, x = tensors()
    x = x.detach()
    scheduled = TripletSemiHardLoss(lambda: MARGIN * 2)
    gradient = torch.func.grad(lambda x: scheduled(x, labels))(x)
    assert torch.equal(gradient, torch.func.grad(lambda x: TripletSemiHardLoss(2.0)(x, labels))(x))
    value, tangent = torch.func.jvp(lambda a: a * scheduled(x, labels), (MARGIN,), (MARGIN,))
    assert value == tangent == TripletSemiHardLoss(2.0)(x, labels)


@pytest.mark.parametrize("fullgraph", [False, True])
def test_what_a_compiler_would_misread_is_refused(fullgraph):
    labels, x = tensors()

    compiled = torch.compile(TripletSemiHardLoss(), backend="eager", fullgraph=fullgraph)
    rows = labels.numpy()
    bad = [(np.ma.array(rows), None), (labels, np.ma.ones(32)), (labels, [1.0] * 31 + [np.ma.masked])]
    for one, weights in bad:
        with pytest.raises(Exception, match="masked array, whose mask would be ignored"):
            compiled(x, one, weights)


@pytest.mark.parametrize("fullgraph", [False, True])
def test_a_compiler_does_not_narrow_floats_of_python(fullgraph):
    labels, x = tensors()
    rows = labels.tolist()
    right = TripletSemiHardLoss()(x, labels).item()
    wide = [float(2**25 + row) for row in rows]
    for given in (wide, [[row] for row in wide]):
        torch.compiler.reset()  # floats that changed since the last call are another kind of input
        compiled = torch.compile(TripletSemiHardLoss(), backend="eager", fullgraph=fullgraph)
        assert compiled(x, given).item() == right
    torch.compiler.reset()
    compiled = torch.compile(TripletSemiHardLoss(), backend="eager", fullgraph=fullgraph)
    with pytest.raises(ValueError, match=r"labels\[0\] is .*must be whole"):
        compiled(x, [1 + row + 2.0**-30 for row in rows])
