"""Reference rows and the memory bank in torch."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
from conftest import batch, same_bits
from triplet_loss import evaluate

torch = pytest.importorskip("torch")
from triplet_loss.torch import CrossBatchMemory, TripletHardLoss, TripletSemiHardLoss  # noqa: E402

LABELS, X = batch(40, 8, 5)
OTHER_LABELS, OTHERS = batch(90, 8, 5)
OTHERS = OTHERS + np.float32(0.01)


def test_references_get_the_gradient_that_they_require():
    expected = evaluate(
        LABELS, X, distance="l2", candidates=OTHERS, candidate_labels=OTHER_LABELS, candidate_gradient=True
    )
    rows, others = torch.tensor(X, requires_grad=True), torch.tensor(OTHERS, requires_grad=True)
    loss = TripletSemiHardLoss(distance="l2")
    value = loss(rows, torch.tensor(LABELS), others, torch.tensor(OTHER_LABELS))
    value.backward()
    assert same_bits(value.item(), float(expected.loss))
    assert same_bits(rows.grad.numpy(), expected.gradient)
    assert same_bits(others.grad.numpy(), expected.candidate_gradient)
    assert loss.statistics == expected.statistics
    # By name, as constants, and only to the references.
    named = loss(rows.detach(), torch.tensor(LABELS), ref_emb=others, ref_labels=torch.tensor(OTHER_LABELS))
    assert named.requires_grad
    assert not loss(rows.detach(), LABELS, others.detach(), OTHER_LABELS).requires_grad


def test_losses_of_the_rows_have_the_gradient_of_their_sum():
    rows, others = torch.tensor(X, requires_grad=True), torch.tensor(OTHERS, requires_grad=True)
    losses = TripletSemiHardLoss(reduction="none")(rows, LABELS, others, OTHER_LABELS)
    upstream = torch.arange(40.0)
    losses.backward(upstream)
    expected = evaluate(
        LABELS,
        X,
        sample_weight=upstream.numpy(),
        reduction="none",
        candidates=OTHERS,
        candidate_labels=OTHER_LABELS,
        candidate_gradient=True,
    )
    assert losses.shape == (40,)
    assert same_bits(rows.grad.numpy(), expected.gradient)
    assert same_bits(others.grad.numpy(), expected.candidate_gradient)


def test_miners_take_references():
    loss = TripletSemiHardLoss()
    anchors, positives, negatives = loss.mine(
        torch.tensor(X),
        torch.tensor(LABELS),
        ref_emb=torch.tensor(OTHERS),
        ref_labels=torch.tensor(OTHER_LABELS),
    )
    assert (LABELS[anchors] == OTHER_LABELS[positives]).all()
    assert (LABELS[anchors] != OTHER_LABELS[negatives]).all()


def test_the_module_does_not_import_the_compiler():
    """Which takes seconds, and aborts in a process that has loaded TensorFlow."""
    code = "import sys, triplet_loss.torch; sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.filterwarnings("ignore")
def test_compiled_functions_leave_their_graph_for_references():
    loss = TripletSemiHardLoss()
    rows, others = torch.tensor(X, requires_grad=True), torch.tensor(OTHERS)
    classes, other_classes = torch.tensor(LABELS), torch.tensor(OTHER_LABELS)
    compiled = torch.compile(lambda x: 2 * loss(x, classes, others, other_classes), backend="eager")
    assert compiled(rows).item() == 2 * loss(rows, classes, others, other_classes).item()
    banks = [CrossBatchMemory(loss, 8, 64) for _ in range(2)]
    step = torch.compile(lambda x: 2 * banks[0](x, classes), backend="eager")
    for _ in range(2):
        assert step(rows).item() == 2 * banks[1](rows, classes).item()
    with pytest.raises(NotImplementedError, match="eager mode"):
        torch.func.grad(lambda x: loss(x, classes, others, other_classes))(rows.detach())


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (ValueError, "ref_labels is missing", {"ref_emb": torch.tensor(OTHERS)}),
        (ValueError, "ref_emb is missing", {"ref_labels": OTHER_LABELS}),
        (ValueError, "there is no ref_emb", {"ids": np.arange(40)}),
        (TypeError, "in ref_emb: embeddings are a ndarray", {"ref_emb": OTHERS, "ref_labels": OTHER_LABELS}),
        (
            ValueError,
            "ref_ids go together",
            {"ref_emb": torch.tensor(OTHERS), "ref_labels": OTHER_LABELS, "ids": [1]},
        ),
    ],
)
def test_mistakes_with_references(error, message, arguments):
    with pytest.raises(error, match=message):
        TripletSemiHardLoss()(torch.tensor(X), LABELS, **arguments)


def stream(steps: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        count = [7, 20, 13][step % 3]
        rows = torch.randn(count, 6, generator=generator)
        yield rows, torch.randint(0, 4, (count,), generator=generator)


def test_a_step_is_the_loss_against_all_rows_of_the_bank():
    """A bank of 50 rows, held in lists, over more steps than fill it."""
    memory = CrossBatchMemory(TripletSemiHardLoss(distance="l2"), 6, 50)
    rows, labels, place = np.zeros((50, 6), np.float32), np.zeros(50, np.int64), 0
    filled = 0
    for x, y in stream(12, 3):
        places = (place + np.arange(len(y))) % 50
        rows[places], labels[places] = x.numpy(), y.numpy()
        place, filled = (place + len(y)) % 50, min(50, filled + len(y))
        anchors = x.clone().requires_grad_()
        value = memory(anchors, y)
        value.backward()
        expected = evaluate(
            y.numpy(),
            x.numpy(),
            distance="l2",
            candidates=rows[:filled],
            candidate_labels=labels[:filled],
            ids=places,
            candidate_ids=np.arange(filled),
            backend="scalar",
        )
        assert same_bits(value.item(), float(expected.loss))
        assert same_bits(anchors.grad.numpy(), expected.gradient)
    assert len(memory) == 50


def test_hard_mining_agrees_with_pytorch_metric_learning():
    """From the second step on: before, anchors without a positive are treated otherwise there.

    Their losses are means of float32 distances in another order: some units in the last place of the largest.
    """
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    from pytorch_metric_learning import distances, miners, reducers

    euclidean = distances.LpDistance(normalize_embeddings=False)
    margin_loss = losses.TripletMarginLoss(margin=0.3, distance=euclidean, reducer=reducers.MeanReducer())
    theirs = losses.CrossBatchMemory(margin_loss, 6, 50, miners.BatchHardMiner(distance=euclidean))
    ours = CrossBatchMemory(TripletHardLoss(margin=0.3, distance="l2"), 6, 50)
    for step, (x, y) in enumerate(stream(9, 0)):
        sides = [x.clone().requires_grad_() for _ in range(2)]
        values = [memory(side, y) for memory, side in zip((ours, theirs), sides, strict=True)]
        for value in values:
            value.backward()
        if step > 0:
            assert values[0].item() == pytest.approx(values[1].item(), abs=8 * 4 * 2**-23)
            assert torch.allclose(sides[0].grad, sides[1].grad, rtol=0, atol=1e-6)


def test_a_checkpoint_resumes_to_the_bit():
    def new() -> CrossBatchMemory:
        return CrossBatchMemory(TripletSemiHardLoss(), 6, 50)

    first = new()
    *steps, last = stream(5, 7)
    for x, y in steps:
        first(x, y)
    second = new()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert second(*last).item() == first(*last).item()
    assert (len(second), int(second.queue_idx)) == (len(first), int(first.queue_idx))


def test_masked_rows_are_enqueued_and_the_others_are_anchors():
    memory = CrossBatchMemory(TripletSemiHardLoss(), 8, 64)
    mask = torch.arange(40) % 4 > 0
    rows = torch.tensor(X, requires_grad=True)
    value = memory(rows, torch.tensor(LABELS), enqueue_mask=mask)
    value.backward()
    kept = mask.numpy()
    expected = evaluate(LABELS[~kept], X[~kept], candidates=X[kept], candidate_labels=LABELS[kept])
    assert same_bits(value.item(), float(expected.loss))
    assert same_bits(rows.grad.numpy()[~kept], expected.gradient)
    assert not rows.grad.numpy()[kept].any()
    assert len(memory) == 30


def test_a_call_that_raises_and_an_empty_batch_leave_the_bank_as_it_was():
    memory = CrossBatchMemory(TripletSemiHardLoss(), 8, 50)
    memory(torch.tensor(X), torch.tensor(LABELS))
    before = copy.deepcopy(memory.state_dict())
    bad = torch.tensor(X)
    bad[3, 2] = float("nan")
    with pytest.raises(ValueError, match=r"^embeddings\[3, 2\] is NaN"):
        memory(bad, torch.tensor(LABELS))
    with pytest.raises(ValueError, match="is NaN"):
        memory(bad.double(), torch.tensor(LABELS))
    memory(torch.zeros(0, 8), torch.zeros(0, dtype=torch.int64))
    for name, value in memory.state_dict().items():
        assert torch.equal(value, before[name]), name
    memory.reset()
    assert len(memory) == 0


def test_a_small_bank_leaves_the_batch_by_itself():
    memory = CrossBatchMemory(TripletSemiHardLoss(), 8, 100, min_size=50)
    rows, classes = torch.tensor(X), torch.tensor(LABELS)
    assert memory(rows, classes).item() == TripletSemiHardLoss()(rows, classes).item()
    assert len(memory) == 40
    assert memory(rows, classes).item() != TripletSemiHardLoss()(rows, classes).item()


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, "51 rows do not fit a memory of 50", lambda m: m(torch.zeros(51, 8), torch.zeros(51))),
        (ValueError, "have width 3, the memory has 8", lambda m: m(torch.zeros(5, 3), torch.zeros(5))),
        (ValueError, "one label a row", lambda m: m(torch.zeros(5, 8), torch.zeros(3))),
        (TypeError, "indices_tuple is given", lambda m: m(torch.zeros(5, 8), torch.zeros(5), (1, 2, 3))),
        (
            ValueError,
            "one boolean",
            lambda m: m(torch.zeros(5, 8), torch.zeros(5), enqueue_mask=torch.ones(5)),
        ),
        (TypeError, "expected a loss of triplet_loss", lambda _: CrossBatchMemory(torch.nn.MSELoss(), 8)),
        (
            TypeError,
            "labels are text, which every batch would number anew",
            lambda m: m(torch.zeros(2, 8), ["a", "b"]),
        ),
        (ValueError, "min_size is 17", lambda _: CrossBatchMemory(TripletHardLoss(), 8, 16, min_size=17)),
        (ValueError, "memory_size is 0", lambda _: CrossBatchMemory(TripletHardLoss(), 8, 0)),
        (ValueError, "embedding_size is 2.5", lambda _: CrossBatchMemory(TripletHardLoss(), 2.5)),
    ],
)
def test_mistakes_with_the_bank(error, message, call):
    with pytest.raises(error, match=message):
        call(CrossBatchMemory(TripletSemiHardLoss(), 8, 50))


def test_the_backward_pass_reads_what_the_forward_pass_read():
    """One loss a row, whose gradients are computed in the backward pass."""
    loss = TripletSemiHardLoss(reduction="none")
    weights, ids = torch.ones(40, dtype=torch.float64), torch.arange(40)
    found = []
    for change in (False, True):
        rows = torch.tensor(X, requires_grad=True)
        value = loss(
            rows,
            LABELS,
            torch.tensor(OTHERS),
            OTHER_LABELS,
            sample_weight=weights,
            ids=ids,
            ref_ids=torch.arange(90),
        ).sum()
        if change:
            weights.zero_()
            ids.add_(100)
        value.backward()
        found.append(rows.grad)
    assert torch.equal(*found)


def test_gradients_accumulate_over_steps_of_a_bank():
    memory, single = (CrossBatchMemory(TripletSemiHardLoss(), 8, 50) for _ in range(2))
    halves = [torch.tensor(X[:20], requires_grad=True), torch.tensor(X[20:], requires_grad=True)]
    sum(memory(half, LABELS[n * 20 : n * 20 + 20]) for n, half in enumerate(halves)).backward()
    for n, half in enumerate(halves):
        alone = half.detach().clone().requires_grad_()
        single(alone, LABELS[n * 20 : n * 20 + 20]).backward()
        assert torch.equal(half.grad, alone.grad)


def test_references_may_come_from_inference_mode():
    with torch.inference_mode():
        others = torch.tensor(OTHERS) * 1
    for reduction in ("mean", "none"):
        rows = torch.tensor(X, requires_grad=True)
        TripletSemiHardLoss(reduction=reduction)(rows, LABELS, others, OTHER_LABELS).sum().backward()
        assert rows.grad.abs().sum() > 0
    memory = CrossBatchMemory(TripletSemiHardLoss(), 8, 64)
    with torch.inference_mode():
        memory(torch.tensor(X, dtype=torch.float64), LABELS)
    memory(torch.tensor(X, dtype=torch.float64, requires_grad=True), LABELS).backward()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_checkpoint_keeps_the_type_of_the_rows(dtype):
    first, second = (CrossBatchMemory(TripletSemiHardLoss(), 8, 64) for _ in range(2))
    first(torch.tensor(X).to(dtype), LABELS)
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.embedding_memory, first.embedding_memory)
    x = torch.tensor(OTHERS[:20]).to(dtype)
    assert second(x, OTHER_LABELS[:20]).item() == first(x, OTHER_LABELS[:20]).item()


def test_no_anchors_give_no_gradient():
    for reduction in ("mean", "sum", "none"):
        others = torch.tensor(OTHERS, requires_grad=True)
        loss = TripletSemiHardLoss(reduction=reduction)
        loss(torch.zeros(0, 8), torch.zeros(0, dtype=torch.int64), others, OTHER_LABELS).sum().backward()
        assert torch.equal(others.grad, torch.zeros_like(others))


def test_other_devices_are_transferred_where_only_one_side_is_there():
    """On torch's device without memory, which can be told from the CPU but not read."""
    loss = TripletSemiHardLoss(device_transfer=True)
    with pytest.raises(NotImplementedError):  # the copy of its values, not a refusal
        loss(torch.tensor(X), LABELS, torch.tensor(OTHERS).to("meta"), OTHER_LABELS)
    with torch.device("meta"):
        memory = CrossBatchMemory(TripletSemiHardLoss(), 8, 50).to_empty(device="cpu")
        memory.reset()
        assert memory(torch.tensor(X, device="cpu"), torch.tensor(LABELS, device="cpu")).item() > 0
