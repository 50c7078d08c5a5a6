"""What `triplet bench` runs in Python: its products are products, its losses those they say."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from conftest import ROOT

pytest.importorskip("torch")
sys.path.insert(0, str(ROOT / "benchmarks/engines"))

from triplet_bench import baselines, kernels, losses, peers, step
from triplet_bench.protocol import _time
from triplet_bench.registry import RIVALS, Batch

SEED = 20261125
ROWS, WIDTH, PER_CLASS = 48, 16, 4


@pytest.fixture(autouse=True)
def batch(monkeypatch):
    """Unit rows and shuffled labels as the batch at work; nothing registered before or after."""
    generator = np.random.default_rng(SEED)
    x = generator.standard_normal((ROWS, WIDTH)).astype("f4")
    monkeypatch.setattr(Batch, "x", x / np.linalg.norm(x, axis=1, keepdims=True))
    monkeypatch.setattr(Batch, "y", generator.permutation(np.arange(ROWS) // PER_CLASS))
    monkeypatch.setattr(Batch, "per_class", PER_CLASS)
    Batch.buffers.clear()
    RIVALS.clear()
    yield
    Batch.buffers.clear()
    RIVALS.clear()


def test_products_are_complete_and_checked():
    baselines.add(2)
    complete = [name for name, rival in RIVALS.items() if rival.complete]
    assert complete == ["torch E E'", "numpy E E' (gemm)", "numpy E E' (syrk)"]
    for name in RIVALS:
        answer = _time(name, "2", 2)
        assert len(answer["ms"]) == 2
        assert min(answer["ms"]) > 0
    right = Batch.x.astype("f8") @ Batch.x.T.astype("f8")
    for product in (Batch.buffers["torch"].numpy(), Batch.buffers["numpy"]):
        np.testing.assert_allclose(product, right, atol=1e-5)


def test_a_wrong_product_is_left_out():
    baselines.add(1)
    rival = RIVALS["numpy E E' (gemm)"]
    rival.run = lambda: Batch.buffers.__setitem__("numpy", np.zeros((ROWS, ROWS), "f4"))
    assert _time("numpy E E' (gemm)", "1", 1) == {"left_out": "its product is wrong in row 0"}


def test_what_needs_too_much_memory_is_not_tried():
    baselines.add(1)
    RIVALS["torch E E'"].needed = lambda b, d: 1e18
    assert _time("torch E E'", "1", 1) == {"left_out": "needs about 1000000000 GB"}


def test_kernels_are_named():
    import torch

    assert "unknown" not in kernels.numpy_kernels()
    assert kernels.torch_kernels(torch)
    pool = {
        "internal_api": "openblas",
        "version": "0.3",
        "architecture": "Zen",
        "threading_layer": "pthreads",
    }
    assert kernels.describe(pool) == "OpenBLAS 0.3, Zen, pthreads"
    assert kernels.describe({**pool, "version": None}) == "OpenBLAS of unknown version, Zen, pthreads"


def test_without_threadpoolctl_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert "threadpoolctl is not installed" in kernels.numpy_kernels()
    assert "threadpoolctl" in kernels.libraries()[0]


def test_losses_with_our_rule_have_our_value():
    from triplet_loss.torch import TripletSemiHardLoss

    peers.add(1)
    import torch

    x, y = torch.from_numpy(Batch.x), torch.from_numpy(Batch.y)
    compared = 0
    for name, rival in RIVALS.items():
        if rival.distance is None or rival.compiles:
            continue
        right = float(TripletSemiHardLoss(margin=1.0, distance=rival.distance)(x, y))
        assert _time(name, "1", 1)["value"] == pytest.approx(right, rel=1e-4), name
        compared += 1
    assert compared >= 4


def test_compiling_for_many_positives_is_refused():
    import torch

    y = torch.zeros(losses.MOST_COMPILED + 2, dtype=torch.int64)
    with pytest.raises(ValueError, match="compiling takes minutes"):
        losses.compiled()(torch.ones(len(y), 2), y)


def test_a_step_restores_its_weights_and_times_its_parts():
    step.add(1)
    assert list(RIVALS)[:2] == [step.WITHOUT, peers.OURS]
    for name in (step.WITHOUT, peers.OURS, "torch dense"):
        first, second = _time(name, "1", 1), _time(name, "2", 1)
        assert first["value"] == second["value"], "another step from the same weights"
        assert len(second["parts"]) == 2
        for ms, parts in zip(second["ms"], second["parts"]):
            assert ms == pytest.approx(sum(parts))
            assert min(parts) > 0
        if name != step.WITHOUT:
            assert first["value"] == pytest.approx(first["expected"], rel=1e-4)
    layers, _, weights = Batch.buffers[f"network {step.WITHOUT}"]
    moved = [not bool((now == then).all()) for now, then in zip(layers.parameters(), weights)]
    assert all(moved), "a gradient reaches every weight"
