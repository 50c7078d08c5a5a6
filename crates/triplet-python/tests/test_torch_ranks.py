"""Processes of a torch.distributed group that hold a batch together: the bits of one process."""

from __future__ import annotations

import copy
import pickle
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from triplet_loss.torch import CrossBatchMemory, DistributedTripletLoss, TripletSemiHardLoss

WORKER = Path(__file__).with_name("ranks_worker.py")


@cache
def results() -> dict[Any, list[Any]]:
    """What each rank found, by how many there are, and by the stage at which the last was killed."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, str(WORKER), folder], check=True, timeout=600)
        found: dict[Any, list[Any]] = pickle.loads(Path(folder, "all.pickle").read_bytes())
        return found


@pytest.mark.parametrize("kind", ["every_loss", "banks", "reference_sets"])
@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_ranks_give_the_bits_of_one_process(ranks: int, kind: str) -> None:
    assert len(results()[ranks]) == ranks
    for rank, result in enumerate(results()[ranks]):
        assert result[kind]
        for name, same in result[kind].items():
            assert all(same), f"rank {rank} of {ranks}, {name}: {same}"


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_parameter_gradients_under_ddp_are_those_of_one_process(ranks: int) -> None:
    for result in results()[ranks]:
        # Sums over 150 rows in float64: each is within 150 roundings of the sum of the magnitudes, at most
        # some hundred times the largest gradient.
        assert result["ddp"]["worst"] < 150 * 2.0**-53 * 100


EXPECTED = {
    "nan": ("embeddings[1, 2] is NaN", "rank 1 refused its input: embeddings[1, 2] is NaN"),
    "width": ("embeddings of width 3", "embeddings of width 3"),
    "dtype": ("element type of 32 bits", "element type of 64 bits"),
    "integers": ("int32", "rank 1 refused its input"),
    "labels": ("one label a row is needed", "rank 1 refused its input: labels have shape [109]"),
    "names": ("labels", "rank 1 refused its input"),
    "margin": ("rank 0 has margin 1, but rank 1 has 0.5", "rank 1 has margin 0.5, but rank 0 has 1"),
    "infinite margin": ("margin", "rank 1 refused its input: margin"),
    "rule": ("rank 0 has rule semi-hard, but rank 1 has hard", "rank 1 has rule hard"),
    "distance": ("rank 0 has distance angular, but rank 1 has l2", "rank 1 has distance l2"),
    "weights": ("weights for each row: false", "weights for each row: true"),
    "negative weight": ("sample_weight[0] is -1", "rank 1 refused its input: sample_weight[0] is -1"),
    "weight shape": ("sample_weight has shape [3]", "rank 1 refused its input: sample_weight has shape [3]"),
    "none": ('reduction is "none"', 'rank 1 refused its input: reduction is "none"'),
    "mask": ("enqueue_mask is given", "rank 1 refused its input: enqueue_mask is given"),
    "references": ("references of state", "references of state"),
    "bank of one": ("rows to compare with: batch", "rows to compare with: memory bank, but rank 0 has batch"),
    "references of one": ("rows to compare with: batch", "rows to compare with: references, but rank 0"),
    "references with NaN": ("embeddings[3, 0] is inf", "rank 1 stopped"),
    "double references": ("references of state", "references of state"),
    "another bank": ("memory bank or references of state", "memory bank or references of state"),
    "width of the bank": ("embeddings have width 12", "embeddings have width 12"),
    "halves in a bank": ("memory bank or references of state", "memory bank or references of state"),
    "small bank": ("150 rows do not fit a memory of 20", "150 rows do not fit a memory of 20"),
}


@pytest.mark.parametrize("mistake", EXPECTED)
def test_a_mistake_of_one_rank_is_told_to_all(mistake: str) -> None:
    for rank, result in enumerate(results()[2]):
        message = result["refusals"][mistake]
        assert message is not None
        assert EXPECTED[mistake][1 - rank] in message
        assert result["refusals"][mistake, "next"], "the next call"


def test_calls_are_counted_in_all_element_types_together() -> None:
    for result in results()[2]:
        assert result["refusals"]["count", "next"]
        assert result["refusals"]["no gradient"] is None


def test_copies_share_the_group_and_the_group_is_not_saved() -> None:
    group = object()
    loss = DistributedTripletLoss(TripletSemiHardLoss(margin=0.5), group)
    assert copy.deepcopy(loss)._group is group
    assert copy.deepcopy(loss).loss.margin == 0.5
    with pytest.raises(TypeError, match="cannot be saved"):
        pickle.dumps(loss)
    assert pickle.loads(pickle.dumps(DistributedTripletLoss(TripletSemiHardLoss()))).ddp == "mean"


@pytest.mark.parametrize("stage", ["settings", "rows", "candidates", "triplets"])
def test_a_rank_that_is_killed_is_named_by_all_others(stage: str) -> None:
    *others, killed = results()[stage]
    assert killed == signal.SIGKILL
    for result in others:
        lost, _, rest = result["error"].partition("did not answer")
        assert "2" in lost
        assert rest.startswith(f" while {stage} were exchanged")
        assert result["seconds"] < 30


def test_what_cannot_be_constructed_or_called() -> None:
    with pytest.raises(TypeError, match=r"a loss of triplet_loss\.torch"):
        DistributedTripletLoss(torch.nn.MSELoss())
    with pytest.raises(ValueError, match="ddp is 'average'"):
        DistributedTripletLoss(TripletSemiHardLoss(), ddp="average")
    loss = DistributedTripletLoss(CrossBatchMemory(TripletSemiHardLoss(), 2, 4))
    with pytest.raises(RuntimeError, match="init_process_group"):
        loss(torch.zeros(2, 2), torch.tensor([0, 1]))
    assert "ddp='mean'" in repr(loss)
    assert loss.bytes_received == 0
    assert loss.statistics is None
