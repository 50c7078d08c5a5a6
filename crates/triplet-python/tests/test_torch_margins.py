"""Margins of the torch losses: numbers, tensors and arrays changed in place, schedules."""

from __future__ import annotations

import copy
from fractions import Fraction

import numpy as np
import pytest
from conftest import tensors

torch = pytest.importorskip("torch")

from torch._dynamo.utils import counters  # noqa: E402
from triplet_loss.torch import TripletSemiHardLoss  # noqa: E402


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


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_what_a_compiled_schedule_computes_of_a_parameter_is_refused(backend):
    labels, x = tensors()
    parameter = torch.nn.Parameter(torch.tensor(2.5))
    for schedule in (lambda: parameter, lambda: parameter * 2):
        for rows in (x, x.detach()):
            compiled = torch.compile(TripletSemiHardLoss(schedule), backend=backend)
            with pytest.raises(ValueError, match="margin requires a gradient, which is not computed"):
                compiled(rows, labels)
    compiled = torch.compile(TripletSemiHardLoss(lambda: parameter.detach() * 2), backend=backend)
    assert compiled(x, labels).item() == pytest.approx(expected(5.0))
    with torch.no_grad():
        compiled = torch.compile(TripletSemiHardLoss(lambda: parameter * 2), backend=backend)
        assert compiled(x, labels).item() == pytest.approx(expected(5.0))
    with pytest.raises(ValueError, match="margin requires a gradient"):
        compiled(x, labels)
