"""docs/migration.md, run: every block, and what is said of each pair.

TensorFlow's libraries need a process, and their old versions an environment, of their own:
TRIPLET_TEST_MIGRATION says which part this is, ``torch`` unless it is ``tensorflow``.
"""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, batch

PAGE = (ROOT / "docs" / "migration.md").read_text()
BLOCK = re.compile(r"```python ([\w-]+) (before|after)(?: (same|other))?\n(.*?)```", re.DOTALL)

PART = os.environ.get("TRIPLET_TEST_MIGRATION", "torch")

# What each library is imported as, and the part that it belongs to.
MODULES = {
    "tfa": ("tensorflow_addons", "tensorflow"),
    "sentence-transformers": ("sentence_transformers", "torch"),
    "pytorch-metric-learning": ("pytorch_metric_learning", "torch"),
    "tensorflow_similarity": ("tensorflow_similarity", "tensorflow"),
}


@dataclass
class Pair:
    library: str
    relation: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.library}-{self.relation}"


def pairs() -> list[Pair]:
    blocks = BLOCK.findall(PAGE)
    assert len(blocks) == PAGE.count("```python"), "a block that no test runs"
    found = []
    for (library, first, relation, before), (other, second, _, after) in zip(blocks[::2], blocks[1::2]):
        assert (first, second) == ("before", "after")
        assert library == other
        found.append(Pair(library, relation, before, after))
    assert {pair.library for pair in found} == set(MODULES)
    return found


def tensors(library: str) -> dict[str, Any]:
    """The batch, as the library takes it: every row has a positive and a negative."""
    labels, x = batch(60, 8, 6)
    x += np.random.default_rng(5).standard_normal((6, 8)).astype(np.float32)[labels]
    if MODULES[library][1] == "tensorflow":
        import tensorflow as tf

        return {"labels": tf.constant(labels), "embeddings": tf.constant(x)}
    import torch

    class Given(torch.nn.Module):
        """A model that embeds what it is given."""

        def forward(self, features: Any) -> Any:
            return {"sentence_embedding": features["x"]}

    embeddings = torch.tensor(x)
    return {
        "labels": torch.tensor(labels),
        "embeddings": embeddings,
        "model": Given(),
        "features": {"x": embeddings},
    }


def run(code: str, library: str) -> float:
    space = tensors(library)
    exec(code, space)
    return float(space["value"])


@pytest.mark.parametrize("pair", [pair for pair in pairs() if MODULES[pair.library][1] == PART], ids=str)
def test_pair(pair):
    pytest.importorskip(PART)
    if importlib.util.find_spec(MODULES[pair.library][0]) is None:
        assert np.isfinite(run(pair.after, pair.library))
        pytest.skip(f"{pair.library} is not installed: only the block 'after' was run")
    before, after = run(pair.before, pair.library), run(pair.after, pair.library)
    # f32, a few hundred roundings in another order.
    agree = abs(before - after) <= 2e-5 * max(1.0, abs(before))
    assert agree == (pair.relation == "same"), (before, after)
