"""The sampler: every batch has its classes and rows, every epoch its data."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from triplet_loss.samplers import PKSampler

LABELS = np.repeat(np.arange(10), [3, 5, 20, 20, 20, 20, 20, 20, 20, 52])


@pytest.mark.parametrize(("classes", "rows"), [(2, 2), (4, 4), (7, 3), (10, 8)])
def test_every_batch_has_p_classes_of_k_rows(classes, rows):
    sampler = PKSampler(LABELS, classes, rows)
    assert len(sampler) == max(1, len(LABELS) // (classes * rows))
    batches = list(sampler)
    assert len(batches) == len(sampler)
    for indices in batches:
        counts = Counter(LABELS[indices].tolist())
        assert len(counts) == classes
        assert set(counts.values()) == {rows}
        sizes = np.bincount(LABELS)
        enough = [i for i in indices if sizes[LABELS[i]] >= rows]
        assert len(set(enough)) == len(enough), "a row came twice although its class has enough"


def test_classes_take_turns_and_rows_are_dealt_out_before_they_come_again():
    sampler = PKSampler(np.repeat(np.arange(6), 8), 3, 4)
    epoch = [i for indices in sampler for i in indices]
    assert sorted(epoch) == list(range(48))


def test_the_same_seed_gives_the_same_batches_and_epochs_differ():
    first, second = PKSampler(LABELS, 4, 4, seed=5), PKSampler(LABELS, 4, 4, seed=5)
    one, two = list(first), list(first)
    assert one == list(second)
    assert one != two
    second.set_epoch(1)
    assert list(second) == two
    assert one != list(PKSampler(LABELS, 4, 4, seed=6))


def test_feeds_a_data_loader():
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.randn(len(LABELS), 4), torch.tensor(LABELS))
    for workers in (0, 2):
        loader = torch.utils.data.DataLoader(
            data, batch_sampler=PKSampler(LABELS, 5, 4, batches=6), num_workers=workers
        )
        batches = list(loader)
        assert len(batches) == 6
        assert all(x.shape == (20, 4) and len(y.unique()) == 5 for x, y in batches)


def test_mistakes():
    for arguments, message in (
        ((LABELS, 4, 1), "rows is 1: a class needs at least 2"),
        ((LABELS, 1, 4), "classes is 1: a batch needs at least 2"),
        ((LABELS, 11, 4), "classes is 11 but the labels have 10 different values"),
    ):
        with pytest.raises(ValueError, match=message):
            PKSampler(*arguments)
    with pytest.raises(ValueError, match="batches is 0"):
        PKSampler(LABELS, 2, 2, batches=0)
