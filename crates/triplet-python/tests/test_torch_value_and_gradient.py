"""`value_and_gradient` of the torch modules: what a call and its backward pass give, without a graph."""

from __future__ import annotations

import pytest
from conftest import DISTANCES, same_bits, tensors, tensors_elsewhere

torch = pytest.importorskip("torch")

from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402
from triplet_loss.torch import TripletHardLoss, TripletSemiHardLoss  # noqa: E402

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def by_autograd(loss, x, labels, weights=None):
    """The loss and its gradient as a call and its backward pass give them."""
    x = x.detach().requires_grad_()
    value = loss(x, labels, weights)
    (gradient,) = torch.autograd.grad(value, x)
    return value.detach(), gradient


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert not one.requires_grad
        assert one.grad_fn is None
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert same_bits(one.double().numpy(), other.double().numpy())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("kind", [TripletSemiHardLoss, TripletHardLoss])
def test_it_has_the_bits_of_autograd(kind, reduction, distance, dtype):
    labels, x = tensors(dtype=dtype)
    loss = kind(0.7, distance=distance, reduction=reduction)
    weights = torch.linspace(0.5, 2, 32)
    for more in ((), (weights,), (2.0,)):
        expected = by_autograd(loss, x, labels, *more)
        assert expected[1].count_nonzero() > 0
        counts = loss.statistics
        loss.backend = "simd"  # the summary of the last call is that of another one
        found = loss.value_and_gradient(x, labels, *more)
        loss.backend = "auto"
        assert_same(found, expected)
        assert loss.statistics == counts
    with torch.no_grad():
        assert_same(loss.value_and_gradient(x, labels), by_autograd_enabled(loss, x, labels))
    with torch.autocast("cpu"):
        assert_same(loss.value_and_gradient(x, labels), by_autograd(loss, x, labels))


def by_autograd_enabled(*inputs):
    with torch.enable_grad():
        return by_autograd(*inputs)


def test_a_step_of_a_network_is_the_same():
    torch.manual_seed(0)
    network, loss = torch.nn.Linear(16, 8), TripletSemiHardLoss(distance="l2")
    labels, x = tensors()
    loss(network(x), labels).backward()
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    embeddings = network(x)
    _, gradient = loss.value_and_gradient(embeddings, labels)
    embeddings.backward(gradient)
    assert all(map(torch.equal, expected, (parameter.grad for parameter in network.parameters())))
    gradient.mul_(0)  # the caller's own memory
    assert_same(loss.value_and_gradient(embeddings, labels), by_autograd(loss, embeddings, labels))


def test_a_margin_that_varies_is_read_at_every_call():
    labels, x = tensors()
    margin = torch.tensor(0.25)
    loss = TripletSemiHardLoss(margin)
    for value in (0.25, 2.0):
        margin.fill_(value)
        fixed = TripletSemiHardLoss(value)
        assert_same(loss.value_and_gradient(x, labels), by_autograd(fixed, x, labels))


@pytest.mark.parametrize("margin", [0.7, "schedule"])
def test_compiled_and_transformed_calls_have_the_same_bits(margin):
    torch.compiler.reset()
    labels, x = tensors()
    loss = TripletSemiHardLoss(0.7 if margin == 0.7 else lambda: 0.7)
    expected = by_autograd(loss, x, labels)
    compiled = torch.compile(loss.value_and_gradient, fullgraph=True, backend="aot_eager")
    recorded = make_fx(lambda x, labels: loss.value_and_gradient(x, labels))(x, labels)
    assert_same(compiled(x, labels), expected)
    with torch.no_grad():  # a graph of make_fx has no detach()
        assert_same(recorded(x, labels), expected)
    value, gradient = torch.func.vmap(loss.value_and_gradient, (0, None))(torch.stack([2 * x, x]), labels)
    assert_same((value[1], gradient[1]), expected)
    half = x.half()
    assert_same(compiled(half, labels), by_autograd(loss, half, labels))


def test_what_it_cannot_give_is_refused():
    labels, x = tensors()
    loss = TripletSemiHardLoss()
    with pytest.raises(ValueError, match="value_and_gradient needs one loss"):
        TripletSemiHardLoss(reduction="none").value_and_gradient(x, labels)
    with pytest.raises(ValueError, match="sample_weight requires a gradient"):
        loss.value_and_gradient(x, labels, torch.ones(32, requires_grad=True))
    with pytest.raises(TypeError, match="embeddings are on meta"):
        loss.value_and_gradient(x.to("meta"), labels)
    with pytest.raises(ValueError, match=r"leaves the range of torch.float16"):
        TripletSemiHardLoss(1e5).value_and_gradient(x.half(), labels)

    def along(x):
        return torch.func.jvp(lambda x: loss.value_and_gradient(x, labels), (x,), (x,))

    def dual(x):
        with torch.autograd.forward_ad.dual_level():
            return loss.value_and_gradient(torch.autograd.forward_ad.make_dual(x, x), labels)

    for way in (along, dual):
        with pytest.raises(NotImplementedError, match="have no forward mode"):
            way(x.detach())
    with torch.autograd.forward_ad.dual_level():  # without a tangent
        assert_same(loss.value_and_gradient(x, labels), by_autograd(loss, x, labels))


Elsewhere = tensors_elsewhere()


def test_tensors_of_other_devices_are_transferred_if_asked_for():
    labels, x = tensors()
    far = x.detach().as_subclass(Elsewhere)
    with pytest.raises(TypeError, match=r"embeddings are on cpu: .*device_transfer=True"):
        TripletSemiHardLoss().value_and_gradient(far, labels)
    loss = TripletSemiHardLoss(device_transfer=True)
    found = loss.value_and_gradient(far, labels.as_subclass(Elsewhere))
    assert_same(found, by_autograd(loss, x, labels))
