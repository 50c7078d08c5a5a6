"""The sampler: every batch has its classes and rows, every epoch its data, every rank its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from triplet_loss.samplers import PKSampler

LABELS = np.repeat(np.arange(10), [3, 5, 20, 20, 20, 20, 20, 20, 20, 52])


def dealt(labels, batches):
    """How often each row comes."""
    return np.bincount(np.concatenate(batches), minlength=len(labels))


@pytest.mark.parametrize(("classes", "rows"), [(2, 2), (4, 4), (7, 3), (10, 8)])
def test_every_batch_has_p_classes_of_k_rows(classes, rows):
    sampler = PKSampler(LABELS, classes, rows)
    batches = list(sampler)
    assert len(batches) == len(sampler) == sampler.batches
    assert sampler.batch_size == classes * rows
    for indices in batches:
        counts = Counter(LABELS[indices].tolist())
        assert len(counts) == classes
        assert set(counts.values()) == {rows}
        sizes = np.bincount(LABELS)
        for label in counts:
            different = {i for i in indices if LABELS[i] == label}
            assert len(different) == min(rows, sizes[label]), "a row came twice although there are enough"


def test_classes_take_turns_and_rows_are_dealt_out_before_they_come_again():
    labels = np.repeat(np.arange(6), 8)
    for seed in range(20):
        sampler = PKSampler(labels, 3, 4, seed=seed)
        assert len(sampler) == 4
        assert set(dealt(labels, list(sampler))) == {1}


def test_unbalanced_classes_come_once_if_none_has_more_than_its_share():
    labels = np.repeat(np.arange(55), np.arange(5, 60))
    sampler = PKSampler(labels, 8, 4)
    assert len(sampler) <= 1.1 * len(labels) / 32
    counts = dealt(labels, list(sampler))
    assert counts.min() == 1
    assert counts.max() == 2  # those that fill up a class's last hand
    assert (counts == 2).mean() < 0.1


def random_labels(rng):
    """Classes of very different sizes, of one row too, and P and K that they allow."""
    number = int(rng.integers(2, 25))
    sizes = rng.pareto(rng.uniform(0.5, 3), number) * rng.integers(1, 20)
    labels = np.repeat(7 * np.arange(number) - 3, np.clip(sizes, 1, 300).astype(int))
    return rng.permutation(labels), int(rng.integers(2, number + 1)), int(rng.integers(2, 7))


def test_an_epoch_deals_every_row_on_any_number_of_ranks():
    rng = np.random.default_rng(20261125)
    tried = 0
    for seed in range(120):
        labels, classes, rows = random_labels(rng)
        ranks = int(rng.integers(1, 5))
        given = None if seed % 3 else int(rng.integers(1, 30))
        # Groups without a common row, one a rank at most.
        at_once = np.clip(np.unique(labels, return_counts=True)[1] // rows, 1, ranks).sum()
        if at_once < classes * ranks:
            with pytest.raises(ValueError, match=f"ranks is {ranks}: .* the labels have {at_once} without"):
                PKSampler(labels, classes, rows, rank=0, ranks=ranks)
            continue
        samplers = [
            PKSampler(labels, classes, rows, batches=given, seed=seed, rank=rank, ranks=ranks)
            for rank in range(ranks)
        ]
        tried += 1
        batches = [list(sampler) for sampler in samplers]
        assert {len(b) for b in batches} == {len(samplers[0])}
        assert given is None or len(samplers[0]) == given
        for step in zip(*batches):
            each = [set(rows) for rows in step]
            assert len(set.union(*each)) == sum(map(len, each)), "a row on two ranks"
            assert all(len(set(labels[list(rows)])) == classes for rows in each)
        counts = dealt(labels, [rows for rank in batches for rows in rank])
        for label in np.unique(labels):
            those = counts[labels == label]
            assert those.max() - those.min() <= 1, "a row came again before another came"
        if given is None:
            assert counts.min() >= 1
            # No longer than the largest class needs, or all of them.
            groups = -(-np.unique(labels, return_counts=True)[1] // rows)
            assert len(samplers[0]) <= max(groups.max(), -(-groups.sum() // (classes * ranks)))
            longer = [
                PKSampler(
                    labels, classes, rows, batches=len(samplers[0]) + 1, seed=seed, rank=rank, ranks=ranks
                )
                for rank in range(ranks)
            ]
            assert dealt(labels, [rows for sampler in longer for rows in sampler]).min() >= 1
    assert tried > 60


def test_ranks_have_other_classes_where_there_are_enough():
    labels = np.repeat(np.arange(40), 12)
    ranks = [PKSampler(labels, 5, 4, rank=rank, ranks=3, seed=3) for rank in range(3)]
    for step in zip(*ranks):
        assert len({label for rows in step for label in labels[rows].tolist()}) == 15
    assert [len(sampler) for sampler in ranks] == [8, 8, 8]
    two = [PKSampler(labels[:24], 2, 4, rank=rank, ranks=2) for rank in range(2)]  # two classes for both
    for one, other in zip(*two):
        assert not set(one) & set(other)


def test_the_same_seed_gives_the_same_batches_and_epochs_differ():
    first, second = PKSampler(LABELS, 4, 4, seed=5), PKSampler(LABELS, 4, 4, seed=5)
    one, two = list(first), list(first)
    assert one == list(second)
    assert one != two
    second.set_epoch(1)
    assert list(second) == two
    assert one != list(PKSampler(LABELS, 4, 4, seed=6))


def test_every_row_is_as_likely_in_a_short_epoch():
    labels = np.repeat(np.arange(4), [8, 16, 24, 32])
    counts = sum(dealt(labels, list(PKSampler(labels, 2, 4, batches=2, seed=seed))) for seed in range(400))
    # 16 of 80 rows, 400 times: 80 of each, give or take the deviation of a binomial.
    assert np.abs(counts - 80).max() <= 5 * np.sqrt(400 * 0.2 * 0.8)
    by_class = np.bincount(labels, counts) / np.bincount(labels)
    assert np.abs(by_class - 80).max() <= 8


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


def test_the_rank_is_looked_up_when_batches_are_asked_for(monkeypatch):
    torch = pytest.importorskip("torch")
    labels = np.repeat(np.arange(8), 8)
    sampler, fixed = PKSampler(labels, 2, 4), PKSampler(labels, 2, 4, rank=0, ranks=1)
    assert (sampler.place, len(sampler)) == ((0, 1), 8)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    assert (sampler.place, len(sampler)) == ((1, 2), 4)
    assert list(sampler) == list(PKSampler(labels, 2, 4, rank=1, ranks=2))
    assert (fixed.place, len(fixed)) == ((0, 1), 8)
    shards = torch.utils.data.DistributedSampler(labels, num_replicas=4, rank=3)
    assert PKSampler(labels, 2, 4, sampler=shards).place == (3, 4)
    assert PKSampler(labels, 2, 4, sampler=torch.utils.data.SequentialSampler(labels)).place == (1, 2)
    assert PKSampler(labels, 2, 4, rank=0, ranks=1, sampler=shards).place == (0, 1)


def test_torch_is_not_imported():
    code = "import sys; from triplet_loss.samplers import PKSampler; list(PKSampler([0, 0, 1, 1], 2, 2)); "
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], check=True)


@pytest.mark.parametrize(
    ("kind", "message", "arguments", "more"),
    [
        (ValueError, "rows is 1: a class needs at least 2", (LABELS, 4, 1), {}),
        (ValueError, "classes is 1: a batch needs at least 2", (LABELS, 1, 4), {}),
        (ValueError, "classes is 11 but the labels have 10 different values", (LABELS, 11, 4), {}),
        (ValueError, "classes is 2 but the labels have 1 value", ([4, 4], 2, 2), {}),
        (ValueError, "batches is 0", (LABELS, 2, 2), {"batches": 0}),
        (ValueError, "seed is -1: it must not be negative", (LABELS, 2, 2), {"seed": -1}),
        (ValueError, "rank is 1 and ranks is None: give both", (LABELS, 2, 2), {"rank": 1}),
        (ValueError, "rank is None and ranks is 2: give both", (LABELS, 2, 2), {"ranks": 2}),
        (
            ValueError,
            "rank is 2 but ranks is 2: ranks are counted from 0",
            (LABELS, 2, 2),
            {"rank": 2, "ranks": 2},
        ),
        (ValueError, "ranks is 0", (LABELS, 2, 2), {"rank": 0, "ranks": 0}),
        (ValueError, "ranks is 9: a step takes 9 x 10 groups", (LABELS, 10, 8), {"rank": 0, "ranks": 9}),
        (ValueError, "labels are empty", ([], 2, 2), {}),
        (ValueError, r"labels\[1\] is nan", ([0.0, float("nan")], 2, 2), {}),
        (TypeError, "classes is a float: expected an integer", (LABELS, 2.5, 2), {}),
        (TypeError, "rows is a float: expected an integer", (LABELS, 2, 2.0), {}),
        (TypeError, "seed is a float: expected an integer", (LABELS, 2, 2), {"seed": 0.5}),
        (TypeError, "batches is a float: expected an integer", (LABELS, 2, 2), {"batches": 2.0}),
        (TypeError, "rank is a str: expected an integer", (LABELS, 2, 2), {"rank": "0", "ranks": 2}),
    ],
)
def test_mistakes(kind, message, arguments, more):
    with pytest.raises(kind, match=message):
        PKSampler(*arguments, **more)


def test_wrong_epochs():
    sampler = PKSampler(LABELS, 2, 2)
    with pytest.raises(TypeError, match="epoch is a float: expected an integer"):
        sampler.set_epoch(1.0)
    with pytest.raises(ValueError, match="epoch is -1: it must not be negative"):
        sampler.set_epoch(-1)


def test_the_epoch_is_read_at_the_first_batch():
    labels = np.repeat(np.arange(6), 8)
    sampler = PKSampler(labels, 3, 2, seed=1, batches=4)
    epochs = [list(sampler) for _ in range(3)]
    sampler = PKSampler(labels, 3, 2, seed=1, batches=4)
    iter(sampler)  # asks for nothing
    assert sampler.epoch == 0
    asked = iter(sampler)
    sampler.set_epoch(2)
    assert list(asked) == epochs[2]
    assert sampler.epoch == 3
    sampler.set_epoch(0)
    next(iter(sampler))  # a look at the data
    assert list(sampler) == epochs[1]


def test_lightning_is_told_the_arguments_of_subclasses_with_the_same():
    class Same(PKSampler):
        def __iter__(self):
            yield from super().__iter__()

    class Own(PKSampler):
        def __init__(self, labels):
            super().__init__(labels, 2, 2)

    saved = vars(Same([0, 0, 1, 1], 2, 2, seed=3))["__pl_saved_kwargs"]
    assert list(Same(**saved)) == list(PKSampler([0, 0, 1, 1], 2, 2, seed=3))
    assert "__pl_saved_kwargs" not in vars(Own([0, 0, 1, 1]))


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("rows is 1180591620717411303424: at most 2147483647", {"rows": 2**70}),
        ("batches is 1180591620717411303424: at most", {"batches": 2**70}),
        ("ranks is 1180591620717411303424: at most", {"rank": 0, "ranks": 2**70}),
        ("classes is an integer of 1001 bits: at most", {"classes": 2**1000}),
        (r"too long: it must have fewer than 2\*\*53 rows", {"rows": 2**30, "batches": 2**30}),
    ],
)
def test_numbers_that_cannot_be_dealt_out_are_refused(message, change):
    with pytest.raises(ValueError, match=message):
        PKSampler(**({"labels": [0, 0, 1, 1], "classes": 2, "rows": 2} | change))


def test_many_more_rows_than_a_class_has_are_drawn_in_their_time():
    sampler = PKSampler(np.arange(6) % 2, 2, 60_000, seed=2**70)
    began = time.process_time()
    (indices,) = sampler
    assert time.process_time() - began < 5  # a minute, if each draw looked at all before
    assert np.bincount(indices).tolist() == [20_000] * 6
