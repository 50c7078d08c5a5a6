"""The settings of the torch losses as attributes: margins above all, numbers, tensors and schedules."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
from conftest import tensors

torch = pytest.importorskip("torch")

from torch._dynamo.utils import counters  # noqa: E402
from triplet_loss.torch import TripletHardLoss, TripletSemiHardLoss  # noqa: E402


def expected(margin: float, **settings) -> float:
    labels, x = tensors()
    return TripletSemiHardLoss(margin, **settings)(x, labels).item()


def schedule() -> float:
    return 5.0


class Schedule:
    """A function of no arguments that tells another margin after each epoch."""

    def __init__(self):
        self.epoch = 0

    def __call__(self):
        return torch.tensor(0.5 + self.epoch)


GIVEN = [5, 5.0, np.float32(5), np.int64(5), Fraction(5), np.array(5.0), torch.tensor(5), schedule]
GIVEN += [torch.tensor(5.0, dtype=torch.bfloat16), lambda: np.float64(5), lambda: torch.tensor(5.0)]
GIVEN += [torch.nn.Parameter(torch.tensor(5.0), requires_grad=False)]


@pytest.mark.parametrize("margin", GIVEN, ids=lambda margin: f"{type(margin).__name__}-{margin}"[:40])
def test_a_margin_of_every_kind_is_that_of_the_next_call(margin):
    labels, x = tensors()
    loss = TripletSemiHardLoss()
    assert loss.margin == 1.0
    assert loss(x, labels).item() == expected(1.0)
    loss.margin = margin
    for one in (loss, TripletSemiHardLoss(margin), copy.deepcopy(loss)):
        assert one(x, labels).item() == expected(5.0) != expected(1.0)
        with torch.no_grad():
            assert one(x, labels).item() == expected(5.0)
        (gradient,) = torch.autograd.grad(one(x, labels), x)
        (right,) = torch.autograd.grad(TripletSemiHardLoss(5.0)(x, labels), x)
        assert torch.equal(gradient, right)
        assert not one.state_dict()
        assert not list(one.parameters())
    assert loss.margin is margin or loss.margin == 5.0
    assert "margin=" in repr(loss)


def test_what_changes_in_place_is_seen_by_the_next_call_and_not_by_the_last():
    labels, x = tensors()
    margin, array, steps = torch.tensor(0.5), np.array(0.5), Schedule()
    for given, change in (
        (margin, lambda loss, value: margin.fill_(value)),
        (array, lambda loss, value: array.fill(value)),
        (steps, lambda loss, value: setattr(steps, "epoch", value - 0.5)),
        (0.5, lambda loss, value: setattr(loss, "margin", value)),
    ):
        for reduction in ("mean", "none"):
            loss = TripletSemiHardLoss(given, "l2", reduction)
            change(loss, 0.5)
            before = loss(x, labels).sum()
            (right,) = torch.autograd.grad(before, x, retain_graph=True)
            kept = copy.deepcopy(loss)
            change(loss, 2.0)
            (gradient,) = torch.autograd.grad(before, x)
            assert torch.equal(gradient, right)
            assert loss(x, labels).mean().item() == pytest.approx(expected(2.0, distance="l2"), rel=1e-6)
            assert kept(x, labels).mean().item() == pytest.approx(expected(0.5, distance="l2"), rel=1e-6)


def test_mining_follows_the_margin():
    labels, x = tensors(64, 8, 6)
    # Beyond positive plus margin; without one, the farthest.
    loss = TripletSemiHardLoss(0.0, literal=True)
    near = loss.mine(x, labels)[2]
    margin = torch.tensor(0.0)
    loss.margin = margin
    assert torch.equal(loss.mine(x, labels)[2], near)
    margin.fill_(8.0)
    far = loss.mine(x, labels)[2]
    assert torch.equal(far, TripletSemiHardLoss(8.0, literal=True).mine(x, labels)[2])
    assert not torch.equal(near, far)


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiled_functions_follow_the_margin_without_another_graph(dynamic):
    labels, x = tensors()
    margin, array, steps = torch.tensor(1.0), np.array(1.0), Schedule()
    for given, change in (
        (1.0, lambda loss, value: setattr(loss, "margin", value)),
        (margin, lambda loss, value: margin.fill_(value)),
        (margin.clone(), lambda loss, value: setattr(loss, "margin", torch.tensor(float(value)))),
        (array, lambda loss, value: array.fill(value)),
        (steps, lambda loss, value: setattr(steps, "epoch", value - 0.5)),
        (schedule, lambda loss, value: setattr(loss, "margin", lambda: value)),
    ):
        torch.compiler.reset()
        counters.clear()
        loss = TripletSemiHardLoss(given)
        compiled = torch.compile(loss, fullgraph=True, dynamic=dynamic, backend="aot_eager")
        for value in (1.0, 2.0, 3, np.float32(0.25), 7.5):
            change(loss, value)
            assert compiled(x, labels).item() == loss(x, labels).item() == expected(float(value))
        assert counters["stats"]["unique_graphs"] == 1
        (gradient,) = torch.autograd.grad(compiled(x, labels), x)
        (right,) = torch.autograd.grad(loss(x, labels), x)
        assert torch.equal(gradient, right)


def test_many_losses_share_a_compiled_function_and_keep_their_own_statistics():
    torch.compiler.reset()
    counters.clear()
    losses = [TripletSemiHardLoss(0.5 + number) for number in range(12)]
    compiled = torch.compile(lambda loss, x, labels: loss(x, labels), fullgraph=True, backend="aot_eager")
    labels, x = tensors()
    for number, loss in enumerate(losses):
        labels[number] = 100 + number  # one row less that has positives
        assert compiled(loss, x, labels).item() == TripletSemiHardLoss(0.5 + number)(x, labels).item()
    assert counters["stats"]["unique_graphs"] == 1
    pairs = [loss.statistics.positive_pairs for loss in losses]
    assert pairs == sorted(pairs, reverse=True)
    assert len(set(pairs)) == len(losses)


@pytest.mark.parametrize("given", [2.0, torch.tensor(2.0), np.array(2.0), lambda: 2.0], ids=type)
def test_transformed_functions_take_every_margin(given):
    labels, x = tensors()
    loss, right = TripletSemiHardLoss(given), TripletSemiHardLoss(2.0)
    x = x.detach()
    assert torch.equal(
        torch.func.grad(lambda x: loss(x, labels))(x), torch.func.grad(lambda x: right(x, labels))(x)
    )
    assert torch.vmap(lambda x: loss(x, labels))(x[None]).item() == right(x, labels).item()


WRONG = [
    (TypeError, "margin is a str: expected a number", "1"),
    (TypeError, "margin is a NoneType: expected a number", None),
    (TypeError, "margin is a bool", True),
    (TypeError, "margin is a complex", 1j),
    (TypeError, "margin is a list", [1.0]),
    (TypeError, "margin is a str_", np.str_("1")),
    (TypeError, "margin has dtype <U1", np.array("1")),
    (TypeError, "margin has dtype torch.bool", torch.tensor(True)),
    (TypeError, "margin has dtype torch.complex64", torch.tensor(1 + 0j)),
    (TypeError, "margin has dtype complex128", np.array(1j)),
    (TypeError, "margin cannot be read as a number: .*meta", torch.tensor(1.0, device="meta")),
    (TypeError, "margin cannot be read as a number", 10**400),
    (ValueError, "margin is NaN", float("nan")),
    (ValueError, "margin is inf", float("inf")),
    (ValueError, "margin is NaN", torch.tensor(float("nan"))),
    (ValueError, r"margin has shape \[2\]", torch.ones(2)),
    (ValueError, r"margin has shape \[1\]", np.ones(1)),
    (ValueError, "margin requires a gradient", torch.tensor(1.0, requires_grad=True)),
    (ValueError, "margin requires a gradient", torch.nn.Parameter(torch.tensor(1.0))),
]


@pytest.mark.parametrize(
    ("kind", "message", "margin"), WRONG, ids=[f"{w[1][:24]}-{w[2]}"[:50] for w in WRONG]
)
def test_a_wrong_margin_is_refused_when_it_is_set(kind, message, margin):
    labels, x = tensors()
    loss = TripletSemiHardLoss(2.0)
    with pytest.raises(kind, match=message):
        loss.margin = margin
    with pytest.raises(kind, match=message):
        TripletSemiHardLoss(margin)
    assert loss.margin == 2.0
    assert loss(x, labels).item() == expected(2.0)
    loss.margin = lambda: margin
    with pytest.raises(kind, match=message):
        loss(x, labels)


def test_a_margin_that_became_wrong_is_refused_at_the_call():
    labels, x = tensors()
    margin = torch.tensor(1.0)
    loss = TripletSemiHardLoss(margin)
    compiled = torch.compile(loss, backend="aot_eager")
    for one in (loss, compiled):
        one(x, labels)
        margin.fill_(float("nan"))
        with pytest.raises(ValueError, match="margin is NaN"):
            one(x, labels)
        margin.fill_(1.0)
    margin.requires_grad_()
    for one in (loss, compiled):
        with pytest.raises(ValueError, match="margin requires a gradient"):
            one(x, labels)


@pytest.mark.parametrize(
    ("name", "value"),
    [("distance", "l2"), ("reduction", "sum"), ("backend", "scalar"), ("threads", 1), ("literal", True)],
)
def test_settings_can_be_read_and_set(name, value):
    labels, x = tensors()
    loss, other = TripletSemiHardLoss(), TripletSemiHardLoss(**{name: value})
    loss(x, labels)
    assert getattr(loss, name) != value
    setattr(loss, name, value)
    assert loss.statistics is not None
    for one in (loss, other, pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):
        assert getattr(one, name) == value
        assert one(x, labels).item() == other(x, labels).item()
        assert repr(one) == repr(other)


def test_required_positives_can_be_set_and_soft_is_the_hard_losss():
    labels, x = tensors()
    loss = TripletHardLoss()
    assert (loss.rule, loss.soft, loss.require_positives, loss.device_transfer) == ("hard", *[False] * 3)
    loss.soft = loss.device_transfer = True
    assert loss.rule == "hard-soft"
    assert loss(x, labels).item() == TripletHardLoss(soft=True)(x, labels).item()
    alone = torch.arange(32)
    loss(x, alone)
    assert loss.statistics.positive_pairs == 0
    loss.require_positives = True
    with pytest.raises(ValueError, match="no two of the 32 rows share a label"):
        loss(x, alone)


@pytest.mark.parametrize(
    ("kind", "message", "name", "value"),
    [
        (AttributeError, r"no attribute 'margn' \(did you mean 'margin'\?\): .*distance.*margin", "margn", 5),
        (AttributeError, r"no attribute 'p': what can be set is backend", "p", 2),
        (AttributeError, r"no attribute 'soft'", "soft", True),
        (AttributeError, r"no attribute 'layer'", "layer", torch.nn.Identity()),
        (AttributeError, r"rule of a TripletSemiHardLoss cannot be set: construct a loss", "rule", "hard"),
        (AttributeError, r"statistics of a TripletSemiHardLoss cannot be set", "statistics", None),
        (AttributeError, r"distances of a TripletSemiHardLoss cannot be set", "distances", None),
        (ValueError, r"unknown distance \"cosine\"", "distance", "cosine"),
        (ValueError, r"unknown reduction \"max\"", "reduction", "max"),
        (TypeError, r"distance is a int", "distance", 2),
        (ValueError, r"threads is 0", "threads", 0),
        (TypeError, r"require_positives is a str", "require_positives", "no"),
    ],
)
def test_other_attributes_are_refused(kind, message, name, value):
    labels, x = tensors()
    loss = TripletSemiHardLoss()
    with pytest.raises(kind, match=message):
        setattr(loss, name, value)
    assert loss(x, labels).item() == expected(1.0)


def test_torchs_own_machinery_and_subclasses_have_their_attributes():
    labels, x = tensors()

    class Scaled(TripletSemiHardLoss):
        def __init__(self):
            super().__init__(2.0)
            self.scale, self.layer = 3.0, torch.nn.Linear(16, 16)
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x, labels):
            self.calls = getattr(self, "calls", 0) + 1
            return self.scale * super().forward(self.layer(x), labels)

    scaled = Scaled()
    scaled(x, labels).backward()
    assert scaled.layer.weight.grad.abs().sum() > 0
    assert (scaled.calls, scaled.margin) == (1, 2.0)
    assert sorted(scaled.state_dict()) == ["count", "layer.bias", "layer.weight"]
    scaled.margin = 3.0
    assert copy.deepcopy(scaled).margin == 3.0
    with pytest.raises(AttributeError, match="rule of a Scaled cannot be set"):
        scaled.rule = "hard"

    loss = TripletSemiHardLoss()
    loss.train().eval().to(torch.float64).requires_grad_(False)
    assert not loss.training
    loss.register_buffer("shown", torch.zeros(1))
    loss.shown = torch.ones(1)
    loss._private, loss.qconfig = 1, None
    calls = []
    loss.register_forward_hook(lambda *call: calls.append(call))
    loss.forward = loss.forward  # as libraries do that wrap it
    loss.compile(backend="eager")
    assert loss(x, labels).item() == expected(1.0)
    assert len(calls) == 1
    compiled = torch.compile(TripletSemiHardLoss(), backend="eager")
    compiled.margin = 5.0
    assert compiled(x, labels).item() == expected(5.0)
    stateless = torch.func.functional_call(TripletSemiHardLoss(5.0), {}, (x, labels))
    assert stateless.item() == expected(5.0)
