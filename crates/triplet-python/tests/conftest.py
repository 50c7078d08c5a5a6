"""The table of cases that every framework is held to, and what was covered."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from triplet_loss import _native, evaluate

ROOT = Path(__file__).resolve().parents[3]
SEED = 20261124


def _names(argument: str) -> tuple[str, ...]:
    """Every name that an argument of `evaluate` takes, by the message that refuses another."""
    with pytest.raises(ValueError, match="choose one of ") as refused:
        evaluate([0], [[0.0]], **{argument: "?"})
    return tuple(str(refused.value).split("choose one of ")[1].split(", "))


DISTANCES = _names("distance")
RULES = _names("rule")
REDUCTIONS = _names("reduction")
BACKENDS = _names("backend")


@dataclass
class Golden:
    """One input and output of the real TFA 0.23."""

    name: str
    embeddings: np.ndarray
    labels: np.ndarray
    loss: str
    soft: bool
    margin: float
    metric: str
    expected_loss: float
    expected_gradient: np.ndarray

    @property
    def has_ties(self) -> bool:
        """TFA splits the gradient among tied negatives; here the lowest row gets it."""
        return self.name in ("collapsed", "integers_equal_distance", "duplicate_positive")

    def tolerances(self) -> tuple[float, float]:
        """As crates/triplet-testkit/src/golden.rs derives them."""
        x = self.embeddings.astype(np.float64)
        squared = float(((x[:, None] - x[None]) ** 2).sum(-1).max(initial=0.0))
        farthest = squared if self.metric == "squared-L2" else squared**0.5
        return 2e-6 * max(farthest, 1.0), 1e-5 * max(float(np.abs(x).max(initial=0.0)), 1.0)


def goldens() -> list[Golden]:
    """All golden files."""
    found = []
    for path in sorted((ROOT / "testdata" / "golden").glob("*.json")):
        case = json.loads(path.read_text())
        x = np.array(case["embeddings"], np.float32)
        expected = case["expected"]
        gradient = np.zeros_like(x) if expected["gradient"] is None else np.array(expected["gradient"])
        found.append(
            Golden(
                path.stem,
                x,
                np.array(case["labels"], np.int64),
                case["loss"],
                bool(case.get("soft", False)),
                case["margin"],
                case["distance_metric"],
                # TFA answers NaN without positive pairs; here that is 0.
                0.0 if expected["loss"] is None else expected["loss"],
                gradient,
            )
        )
    assert len(found) >= 44
    return found


def batch(
    rows: int = 32, width: int = 16, classes: int = 5, dtype: Any = np.float32, seed: int = SEED
) -> Any:
    """Labels and embeddings, none too easy."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, rows)
    return labels, rng.standard_normal((rows, width)).astype(dtype)


def tensors(rows: int = 32, width: int = 16, classes: int = 5, dtype: Any = None, seed: int = 1) -> Any:
    """The same as tensors of torch; the embeddings want a gradient."""
    import torch

    labels, x = batch(rows, width, classes, np.float64, seed)
    return torch.tensor(labels), torch.tensor(x, dtype=dtype or torch.float32, requires_grad=True)


def tensors_elsewhere() -> Any:
    """A class that stands in for tensors of another device, of which a test machine has none."""
    import torch

    class Elsewhere(torch.Tensor):
        @property
        def is_cpu(self) -> bool:
            return False

        def cpu(self) -> torch.Tensor:
            return self.as_subclass(torch.Tensor)

    return Elsewhere


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays are the same, down to the sign of zero."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def isas() -> list[str]:
    """Instruction sets that this CPU runs."""
    from triplet_loss import evaluate

    found = []
    for isa in _native.instruction_sets:
        try:
            evaluate([0], np.zeros((1, 1), np.float32), isa=isa)
        except RuntimeError:
            continue
        found.append(isa)
    return found


FRAMEWORKS = (
    "torch",
    "tensorflow",
    "jax",
    "keras",
    "matplotlib",
    "pytorch_metric_learning",
    "sklearn",
    "lightning",
)


def pytest_report_header() -> list[str]:
    """What this run covers: nothing is skipped unheard."""
    there = [name for name in FRAMEWORKS if importlib.util.find_spec(name)]
    lacking = [name for name in FRAMEWORKS if name not in there]
    return [
        f"triplet_loss {_native.version}, seed {SEED}, instruction sets: {', '.join(isas())}",
        f"frameworks: {', '.join(there) or 'none'}; not installed: {', '.join(lacking) or 'none'}",
    ]


@pytest.fixture(autouse=True)
def _torch_draws_the_same_numbers() -> None:
    """In every order of tests and every selection of them. Where torch is not loaded, nothing is drawn."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(SEED)


@pytest.fixture(params=goldens(), ids=lambda case: case.name)
def golden(request: pytest.FixtureRequest) -> Golden:
    case: Golden = request.param
    return case
