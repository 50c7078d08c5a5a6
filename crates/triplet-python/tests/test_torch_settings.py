"""The settings of the torch losses as attributes: which can be read, which set, and no others."""

from __future__ import annotations

import copy
import pickle

import pytest
from conftest import tensors

torch = pytest.importorskip("torch")

from triplet_loss.torch import TripletHardLoss, TripletSemiHardLoss  # noqa: E402


def expected(margin: float) -> float:
    labels, x = tensors()
    return TripletSemiHardLoss(margin)(x, labels).item()


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("margin", 5.0),
        ("margin", property(lambda self: 5.0)),
        ("margin", lambda self: 5.0),
        ("distance", "l2"),
        ("reduction", "sum"),
        ("rule", "hard"),
        ("literal", True),
        ("backend", "scalar"),
        ("threads", 1),
        ("require_positives", True),
        ("device_transfer", True),
    ],
)
def test_settings_that_a_class_defines_are_refused(name, value):
    message = (
        f"defines '{name}', a setting of TripletSemiHardLoss which is not read from the class: pass it to"
    )
    with pytest.raises(TypeError, match=message):
        type("Own", (TripletSemiHardLoss,), {name: value})
    beside = type("Beside", (), {name: value})
    with pytest.raises(TypeError, match=message):
        type("Own", (beside, TripletSemiHardLoss), {})
    between = type("Between", (TripletSemiHardLoss,), {})
    with pytest.raises(TypeError, match=message):
        type("Own", (between,), {name: value})


def test_a_class_may_define_what_is_no_setting_of_its_loss():
    class Own(TripletHardLoss):
        literal = "of its own"  # a setting of the other loss
        margin: float
        scale = 2.0

        def forward(self, *inputs):
            return self.scale * super().forward(*inputs)

    labels, x = tensors()
    assert Own(margin=0.5)(x, labels).item() == 2 * TripletHardLoss(margin=0.5)(x, labels).item()
