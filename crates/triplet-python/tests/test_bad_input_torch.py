"""Inputs that the torch modules refuse, with a message that says what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from bad_inputs import (
    BACKENDS,
    BOTH_WIDTHS,
    DISTANCES,
    DTYPE,
    FINITE,
    HUGE,
    MARGIN,
    NORM,
    NUMBER,
    ONE_A_ROW,
    REDUCTIONS,
    TWO,
    WEIGHT,
    Row,
    Y,
    Z,
    of,
    parameters,
    refused,
    whole,
    wrong,
)
from triplet_loss.torch import (
    CrossBatchMemory,
    DistributedTripletLoss,
    TripletHardLoss,
    TripletSemiHardLoss,
    cached_step,
)

LABELS, ROWS = torch.tensor(Y), torch.tensor(Z)
OTHERS, OTHER_LABELS = ROWS[:5], LABELS[:5]
WEIGHTS = torch.ones(12)
MOVE = (
    r"this loss is computed on the CPU; move them with .cpu\(\), or construct the loss with device_transfer"
)
DENSE = "expected a dense tensor, got"
HALF = torch.tensor(wrong(np.nan)).half()


def loss(rows: Any = ROWS, labels: Any = LABELS, *more: Any, **given: Any) -> Callable[[], Any]:
    """A call of a loss."""
    return lambda: TripletSemiHardLoss()(rows, labels, *more, **given)


def weighted(weights: Any) -> Callable[[], Any]:
    """A call with weights."""
    return loss(sample_weight=weights)


def made(**settings: Any) -> Callable[[], Any]:
    """A loss with settings."""
    return lambda: TripletSemiHardLoss(**settings)


def against(**change: Any) -> Callable[[], Any]:
    """A call with references."""
    return loss(**({"ref_emb": OTHERS, "ref_labels": OTHER_LABELS} | change))


def mined(rows: Any = ROWS, labels: Any = LABELS, *more: Any) -> Callable[[], Any]:
    """A call of the miner."""
    return lambda: TripletSemiHardLoss().mine(rows, labels, *more)


def valued(rows: Any = ROWS, labels: Any = LABELS, *more: Any, **settings: Any) -> Callable[[], Any]:
    """A call of ``value_and_gradient``."""
    return lambda: TripletSemiHardLoss(**settings).value_and_gradient(rows, labels, *more)


def memory() -> CrossBatchMemory:
    return CrossBatchMemory(TripletSemiHardLoss(), 4, 16)


def bank(rows: Any = ROWS, labels: Any = LABELS, **given: Any) -> Callable[[], Any]:
    """A call of a bank of 16 rows of width 4."""
    return lambda: memory()(rows, labels, **given)


def state(**change: Any) -> Callable[[], Any]:
    """Loading of a bank's state in which something is another, or removed by `...`; and a call with it."""

    def load() -> Any:
        full = memory()
        full(ROWS, LABELS)
        given = {**full.state_dict(), **change}
        other = memory()
        other.load_state_dict({name: value for name, value in given.items() if value is not ...})
        return other(ROWS[:2], LABELS[:2])

    return load


NETWORK = torch.nn.Linear(4, 3)


def step(**change: Any) -> Callable[[], Any]:
    """A call of `cached_step`."""
    given = {"model": NETWORK, "inputs": ROWS, "labels": LABELS, "loss": TripletSemiHardLoss(), "chunk": 5}
    return lambda: cached_step(**(given | change))


def ranks(rows: Any = ROWS, labels: Any = LABELS, one: Any = None, **given: Any) -> Callable[[], Any]:
    """A call of the loss of all ranks, of which there is one."""
    return lambda: DistributedTripletLoss(TripletSemiHardLoss() if one is None else one)(
        rows, labels, **given
    )


def meta(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to("meta")


LOSS = [
    ("a row", ValueError, rf"embeddings have shape \[4\]: {TWO}", loss(ROWS[0])),
    ("no width", ValueError, r"shape \[12, 0\]: the embedding width must be at least 1", loss(ROWS[:, :0])),
    ("array", TypeError, "embeddings are a ndarray: expected a torch.Tensor", loss(Z)),
    ("list", TypeError, "embeddings are a list: expected a torch.Tensor", loss(Z.tolist())),
    ("integers", TypeError, rf"dtype torch.int64 \(they come first, labels second\): {DTYPE}", loss(LABELS)),
    ("bool", TypeError, f"dtype torch.bool .*: {DTYPE}", loss(ROWS > 0)),
    ("complex", TypeError, f"dtype torch.complex64 .*: {DTYPE}", loss(ROWS + 0j)),
    ("float8", TypeError, f"dtype torch.float8_e5m2 .*: {DTYPE}", loss(ROWS.to(torch.float8_e5m2))),
    ("NaN of f16", ValueError, rf"embeddings\[7, 2\] is NaN: {FINITE}", loss(HALF)),
    ("inf of bf16", ValueError, rf"embeddings\[7, 2\] is -inf: {FINITE}",
     loss(torch.tensor(wrong(-np.inf)).bfloat16())),
    ("squares overflow", ValueError, f"row 7 has a squared norm of 1.000e60, .*: {NORM}",
     loss(torch.tensor(wrong(1e30)))),
    ("loss of f16 overflows", ValueError,
     r"leaves the range of torch.float16: call embeddings.float\(\) first",
     lambda: TripletSemiHardLoss(1e5)(ROWS.half(), LABELS)),
    ("meta", TypeError, f"embeddings are on meta: {MOVE}", loss(meta(ROWS))),
    ("sparse", TypeError, rf"embeddings: {DENSE} .*sparse_coo: call .to_dense\(\)", loss(ROWS.to_sparse())),
    ("quantized", TypeError, rf"embeddings: {DENSE} a quantized one, .*: call .dequantize\(\)",
     lambda: TripletSemiHardLoss()(torch.quantize_per_tensor(ROWS, 1.0, 0, torch.qint8), LABELS)),
    ("2**48 rows", (MemoryError, RuntimeError), "allocate", loss(torch.zeros(1, 4).expand(HUGE, 4))),
    ("2**48 labels", (MemoryError, RuntimeError), "allocate", loss(ROWS, torch.zeros(1).expand(HUGE))),
    ("labels on meta", TypeError, f"labels are on meta: {MOVE}", loss(ROWS, meta(LABELS))),
    ("too few labels", ValueError, rf"shape \[11\] but .* \[12, 4\]: {ONE_A_ROW}", loss(ROWS, LABELS[1:])),
    ("one-hot labels", ValueError, r"labels have shape \[12, 3\]: expected \[batch_size\]",
     loss(ROWS, torch.eye(3)[LABELS])),
    ("fraction", ValueError, whole(r"labels\[0\]", "0.5", 24), loss(ROWS, LABELS + 0.5)),
    ("f16 label", ValueError, whole(r"labels\[0\]", "2048.0", 11),
     loss(ROWS, torch.full((12,), 2048.0).half())),
    ("NaN label", ValueError, r"labels\[0\] is nan: a missing value", loss(ROWS, LABELS * float("nan"))),
    ("label of 64 bits", ValueError, r"labels\[0\] is 9223372036854775808: labels must fit into 64 bits",
     loss(ROWS, torch.full((12,), 2**63, dtype=torch.uint64))),
    ("missing label", ValueError, r"labels\[0\] is None: a missing value", loss(ROWS, [None] * 12)),
    ("labels None", TypeError, "labels: a NoneType is neither", loss(ROWS, None)),
    ("sparse labels", TypeError, f"labels: {DENSE}", loss(ROWS, LABELS.to_sparse())),
    ("negative weight", ValueError, rf"sample_weight\[0\] is -1: {WEIGHT}", weighted(-WEIGHTS)),
    ("NaN weight of f16", ValueError, rf"sample_weight\[0\] is NaN: {WEIGHT}",
     weighted(WEIGHTS.half() * float("nan"))),
    ("infinite scalar weight", ValueError, rf"sample_weight\[0\] is inf: {WEIGHT}",
     weighted(torch.tensor(float("inf")))),
    ("negative integer weight", ValueError, WEIGHT, weighted(-1)),
    ("too few weights", ValueError, r"sample_weight has shape \[3\] but .*: give a scalar",
     weighted([1.0] * 3)),
    ("weights want a gradient", ValueError, "sample_weight requires a gradient, .*: detach it",
     weighted(torch.ones(12, requires_grad=True))),
    ("weights on meta", TypeError, f"sample_weight are on meta: {MOVE}", weighted(meta(WEIGHTS))),
    ("complex weights", TypeError, "dtype torch.complex64: expected numbers", weighted(WEIGHTS + 0j)),
    ("no positives", ValueError, "no two of the 12 rows share a label: .* sample at least two rows a class",
     lambda: TripletHardLoss(require_positives=True)(ROWS, torch.arange(12))),
    ("references alone", ValueError, "go together: ref_labels is missing", loss(ref_emb=OTHERS)),
    ("array as references", TypeError, "in ref_emb: embeddings are a ndarray", against(ref_emb=Z[:5])),
    ("references of another width", ValueError, f"4 but the candidates have width 3: {BOTH_WIDTHS}",
     against(ref_emb=OTHERS[:, :3])),
    ("references of another dtype", TypeError, "different types: one is float64", against(
        ref_emb=OTHERS.double())),
    ("references of NaN", ValueError, rf"in the candidates: embeddings\[3, 1\] is NaN: {FINITE}",
     against(ref_emb=torch.tensor(wrong(np.nan, 3, 1))[:5])),
    ("references on meta", TypeError, f"in ref_emb: they are on meta: {MOVE}", against(ref_emb=meta(OTHERS))),
    ("sparse references", TypeError, f"in ref_emb: embeddings: {DENSE}", against(ref_emb=OTHERS.to_sparse())),
    ("too few of their labels", ValueError, rf"in the candidates: .* \[2\] but .*: {ONE_A_ROW}",
     against(ref_labels=[0, 1])),
    ("their labels of another kind", TypeError, "labels are integers but ref_labels are text",
     against(ref_labels=list("abcde"))),
    ("their labels fractions", ValueError, whole(r"ref_labels\[0\]", "0.5", 24),
     against(ref_labels=OTHER_LABELS + 0.5)),
    ("their labels on meta", TypeError, f"ref_labels are on meta: {MOVE}",
     against(ref_labels=meta(OTHER_LABELS))),
    ("NaN id", ValueError, r"ids\[0\] is nan: a missing value",
     against(ids=torch.full((12,), float("nan")), ref_ids=torch.arange(5))),
    ("ids alone", ValueError, "ids and ref_ids go together: one is missing", against(ids=[1] * 12)),
    ("too few ids", ValueError, "there are 1 ids for 12 rows of the anchors",
     against(ids=[1], ref_ids=range(5))),
]  # fmt: skip

SETTINGS = [
    ("margin NaN", ValueError, f"margin is NaN: {MARGIN}", made(margin=float("nan"))),
    ("margin text", TypeError, f"margin is a str: {NUMBER}", made(margin="1")),
    ("margin tensor", ValueError, r"margin has shape \[2\]: expected one number", made(margin=torch.ones(2))),
    ("margin wants a gradient", ValueError, "margin requires a gradient, .*: detach it",
     made(margin=torch.tensor(1.0, requires_grad=True))),
    ("margin on meta", TypeError, "margin cannot be read as a number", made(margin=meta(torch.tensor(1.0)))),
    ("margin complex", TypeError, "dtype torch.complex64: expected a real", made(margin=torch.tensor(1j))),
    ("margin infinite", ValueError, f"margin is inf: {MARGIN}", made(margin=torch.tensor(float("inf")))),
    ("distance", ValueError, DISTANCES, made(distance="cosine")),
    ("distance function", TypeError, "distance is a function: expected a name", made(distance=torch.cdist)),
    ("reduction", ValueError, REDUCTIONS, made(reduction="avg")),
    ("backend", ValueError, f'unknown backend "cuda": {BACKENDS}', made(backend="cuda")),
    ("threads", TypeError, "threads is a float: expected an integer or None", made(threads=1.5)),
    ("threads list", TypeError, "threads is a list: expected", made(threads=[1])),
    ("require_positives", TypeError, "require_positives is a str: expected", made(require_positives="no")),
    ("device_transfer", TypeError, "device_transfer is a str: expected", made(device_transfer="no")),
    ("literal", TypeError, "literal is a str: expected", made(literal="no")),
    ("soft", TypeError, "soft is a str: expected", lambda: TripletHardLoss(soft="no")),
    ("unknown", TypeError, "unexpected keyword argument 'margn'", made(margn=1.0)),
    ("attribute", AttributeError, r"no attribute 'margn' \(did you mean 'margin'\?\)",
     lambda: setattr(TripletSemiHardLoss(), "margn", 1.0)),
]  # fmt: skip

MINE = [
    ("NaN", ValueError, rf"embeddings\[7, 2\] is NaN: {FINITE}", mined(torch.tensor(wrong(np.nan)))),
    ("array", TypeError, "embeddings are a ndarray: expected a torch.Tensor", mined(Z)),
    ("meta", TypeError, f"embeddings are on meta: {MOVE}", mined(meta(ROWS))),
    ("fraction", ValueError, whole(r"labels\[0\]", "0.5", 24), mined(ROWS, LABELS + 0.5)),
    ("too few labels", ValueError, rf"labels have shape \[11\] but .*: {ONE_A_ROW}", mined(ROWS, LABELS[1:])),
    ("references alone", ValueError, "ref_labels is missing", mined(ROWS, LABELS, OTHERS)),
    ("schedule gives inf", ValueError, f"margin is inf: {MARGIN}",
     lambda: TripletSemiHardLoss(lambda: float("inf")).mine(ROWS, LABELS)),
]  # fmt: skip

VALUE = [
    ("reduction none", ValueError, 'reduction="none" gives one for every row', valued(reduction="none")),
    ("squares overflow", ValueError, f"row 7 has .*: {NORM}", valued(torch.tensor(wrong(1e30)))),
    ("meta", TypeError, f"embeddings are on meta: {MOVE}", valued(meta(ROWS))),
    ("weights", ValueError, r"sample_weight has shape \[2\] but", valued(ROWS, LABELS, torch.ones(2))),
]  # fmt: skip


MEMORY = [
    ("loss", TypeError, "loss is a MSELoss: expected a loss of",
     lambda: CrossBatchMemory(torch.nn.MSELoss(), 4)),
    ("no width", ValueError, "embedding_size is 0: expected an integer of at least 1",
     lambda: CrossBatchMemory(TripletSemiHardLoss(), 0)),
    ("2**40 rows of 2**40", (MemoryError, ValueError), "embedding_size|memory_size",
     lambda: CrossBatchMemory(TripletSemiHardLoss(), 2**40, 2**40)),
    ("min_size", ValueError, "min_size is 17: a memory of 16 never has so many rows",
     lambda: CrossBatchMemory(TripletSemiHardLoss(), 4, 16, min_size=17)),
    ("width", ValueError, "embeddings have width 2, the memory has 4", bank(ROWS[:, :2])),
    ("rows", ValueError, "17 rows do not fit a memory of 16", bank(torch.zeros(17, 4), torch.zeros(17))),
    ("labels", ValueError, rf"labels have shape \[11\] but .*: {ONE_A_ROW}", bank(ROWS, LABELS[1:])),
    ("text", TypeError, "labels are text, .*: give each class an integer", bank(ROWS, list("ab" * 6))),
    ("NaN", ValueError, rf"^embeddings\[7, 2\] is NaN: {FINITE}", bank(HALF)),
    ("meta", TypeError, f"embeddings are on meta: {MOVE}", bank(meta(ROWS))),
    ("labels on meta", TypeError, f"labels are on meta: {MOVE}", bank(ROWS, meta(LABELS))),
    ("mask of floats", ValueError,
     "enqueue_mask has dtype torch.float32 .*: expected one boolean for each of 12",
     bank(enqueue_mask=WEIGHTS)),
    ("mask on meta", TypeError, "enqueue_mask", bank(enqueue_mask=meta(WEIGHTS > 0))),
    ("mask text", (TypeError, ValueError), "enqueue_mask", bank(enqueue_mask="yes")),
    ("weights of all rows", ValueError, r"sample_weight has shape \[12\] but the batch has shape \[8\]",
     bank(enqueue_mask=LABELS * 0 + torch.arange(12) < 4, sample_weight=WEIGHTS)),
    ("indices", TypeError, "indices_tuple is given: this loss mines", bank(indices_tuple=(1, 2))),
    ("gram", ValueError, "need the simd or par backend",
     lambda: CrossBatchMemory(TripletSemiHardLoss(backend="gram"), 4, 16)(ROWS, LABELS)),
]  # fmt: skip

STATE = [
    ("no labels", RuntimeError, 'Missing key.*"label_memory"', state(label_memory=...)),
    ("another key", RuntimeError, 'Unexpected key.*"rows"', state(rows=torch.ones(1))),
    ("rows", RuntimeError, r"size mismatch for embedding_memory: .*\[8, 4\]", state(
        embedding_memory=torch.zeros(8, 4))),
    ("labels", RuntimeError, "size mismatch for label_memory", state(
        label_memory=torch.zeros(16, 1, dtype=torch.int64))),
    ("array", RuntimeError, "embedding_memory.*expected torch.Tensor", state(embedding_memory=Z)),
    ("NaN", ValueError, rf"in the candidates: embeddings\[0, 0\] is NaN: {FINITE}",
     state(embedding_memory=torch.full((16, 4), float("nan")))),
    ("complex rows", (RuntimeError, TypeError, ValueError), "embedding_memory",
     state(embedding_memory=torch.ones(16, 4) * 1j)),
    ("rows of integers", (RuntimeError, TypeError, ValueError), "embedding_memory",
     state(embedding_memory=torch.ones(16, 4, dtype=torch.int64))),
    ("label of a fraction", (RuntimeError, TypeError, ValueError), "label_memory",
     state(label_memory=torch.full((16,), 0.5))),
    ("place of 16", (RuntimeError, ValueError), "queue_idx", state(queue_idx=torch.tensor(99))),
    ("negative place", (RuntimeError, ValueError), "queue_idx", state(queue_idx=torch.tensor(-1))),
    ("place NaN", (RuntimeError, ValueError), "queue_idx", state(queue_idx=torch.tensor(float("nan")))),
    ("99 rows of 16", (RuntimeError, ValueError), "filled", state(filled=torch.tensor(99))),
    ("negative rows", (RuntimeError, ValueError), "filled", state(filled=torch.tensor(-3))),
    ("fewer rows than the place", (RuntimeError, ValueError), "filled", state(filled=torch.tensor(2))),
]  # fmt: skip

DISTRIBUTED = [
    ("loss", TypeError, "loss is a MSELoss: expected a loss",
     lambda: DistributedTripletLoss(torch.nn.MSELoss())),
    ("ddp", ValueError, "ddp is 'avg': expected one of 'mean', 'sum', 'none'",
     lambda: DistributedTripletLoss(TripletSemiHardLoss(), ddp="avg")),
    ("group", (TypeError, ValueError), "group", lambda: DistributedTripletLoss(TripletSemiHardLoss(), 3)(
        ROWS, LABELS)),
    ("NaN", ValueError, rf"embeddings\[7, 2\] is NaN: {FINITE}", ranks(HALF)),
    ("meta", TypeError, f"embeddings are on meta: {MOVE}", ranks(meta(ROWS))),
    ("labels", ValueError, rf"labels have shape \[11\] but .*: {ONE_A_ROW}", ranks(ROWS, LABELS[1:])),
    ("text", TypeError, "labels are text, .*: give each class an integer", ranks(ROWS, list("ab" * 6))),
    ("weights", ValueError, r"sample_weight has shape \[3\]: expected", ranks(sample_weight=torch.ones(3))),
    ("negative weight", ValueError, rf"sample_weight\[0\] is -1: {WEIGHT}", ranks(sample_weight=-WEIGHTS)),
    ("mask without a memory", ValueError, "enqueue_mask is given, but the loss is no CrossBatchMemory",
     ranks(enqueue_mask=WEIGHTS > 0)),
    ("width of a memory", ValueError, "width 2, the memory has 4", ranks(ROWS[:, :2], one=memory())),
    ("references of a memory", ValueError, "ref_emb is given, but the references of a memory are its rows",
     ranks(ref_emb=OTHERS, ref_labels=OTHER_LABELS, one=memory())),
    ("reduction none", ValueError, 'reduction is "none": .*; choose "mean" or "sum"',
     ranks(one=TripletSemiHardLoss(reduction="none"))),
    ("schedule gives NaN", ValueError, f"margin is NaN: {MARGIN}",
     ranks(one=TripletSemiHardLoss(lambda: float("nan")))),
]  # fmt: skip


STEP = [
    ("chunk 0", ValueError, "chunk is 0: give the number of rows, at least 1", step(chunk=0)),
    ("chunk NaN", ValueError, "chunk is nan: give the number of rows", step(chunk=float("nan"))),
    ("no rows", ValueError, r"inputs has the shape \(0, 4\): there are no rows", step(inputs=ROWS[:0])),
    ("array", TypeError, "inputs is ndarray: give a tensor, or a mapping or a sequence", step(inputs=Z)),
    ("rows of two lengths", ValueError, r"inputs\['b'\] has 11 rows and inputs\['a'\] 12",
     step(inputs={"a": ROWS, "b": ROWS[1:]})),
    ("labels", ValueError, rf"labels have shape \[11\] but .*: {ONE_A_ROW}", step(labels=LABELS[1:])),
    ("NaN", ValueError, rf"embeddings\[7, 0\] is NaN: {FINITE}", step(inputs=torch.tensor(wrong(np.nan)))),
    ("sparse", (TypeError, ValueError), "inputs", step(inputs=ROWS.to_sparse())),
    ("model None", TypeError, "model is", step(model=None)),
    ("model gives a tuple", TypeError, "the model gives tuple, not a tensor of embeddings: pass a function",
     step(model=lambda part: (NETWORK(part),))),
    ("model gives a row", ValueError, r"of rows 0 to 5 the model gives the shape \(3,\), not 5 embeddings",
     step(model=lambda part: NETWORK(part)[0])),
    ("model gives integers", (TypeError, ValueError), "model gives", step(
        model=lambda part: NETWORK(part).long())),
    ("model gives two widths", ValueError, "model gives", step(
        model=lambda part: NETWORK(part)[:, : len(part) - 2])),
    ("model without a graph", RuntimeError, "no graph: no parameter requires a gradient",
     step(model=lambda part: NETWORK(part).detach())),
    ("batch normalisation", ValueError, "the model is BatchNorm1d in training mode: .*; call .eval",
     step(model=torch.nn.BatchNorm1d(4))),
    ("loss None", TypeError, "loss is", step(loss=None)),
    ("loss of rows", ValueError, r"the loss has the shape \(12,\): one number is needed, so reduce it",
     step(loss=TripletSemiHardLoss(reduction="none"))),
    ("loss gives a float", TypeError, "the loss gives", step(loss=lambda rows, labels: 3.0)),
    ("loss without a graph", RuntimeError, "the loss gives the embeddings no gradient",
     step(loss=lambda rows, labels: rows.detach().sum())),
    ("scaler", TypeError, "scaler is", step(scaler=3)),
]  # fmt: skip

TABLE = parameters(
    [
        *of("loss", LOSS),
        *of("settings", SETTINGS),
        *of("mine", MINE),
        *of("value_and_gradient", VALUE),
        *of("CrossBatchMemory", MEMORY),
        *of("state_dict", STATE),
        *of("cached_step", STEP),
    ]
)


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's, of layouts and of casts
@pytest.mark.parametrize("row", TABLE)
def test_bad_input_is_refused_by_value_place_and_remedy(row: Row) -> None:
    refused(row)
    assert all(parameter.grad is None for parameter in NETWORK.parameters())


@pytest.fixture(scope="module")
def _one_rank() -> Iterator[None]:
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("_one_rank")
@pytest.mark.parametrize("row", parameters(of("DistributedTripletLoss", DISTRIBUTED)))
def test_bad_input_is_refused_among_ranks(row: Row) -> None:
    refused(row)


def test_a_bank_that_was_refused_its_state_or_its_rows_is_as_it_was() -> None:
    bank, fresh = memory(), memory()
    bank(ROWS, LABELS)
    fresh(ROWS, LABELS)
    for rows, labels in ((HALF, LABELS), (ROWS, LABELS[1:]), (ROWS[:, :2], LABELS), (ROWS, LABELS + 0.5)):
        with pytest.raises(ValueError, match=r"embeddings|labels"):
            bank(rows, labels)
    other = memory()
    other(ROWS[::2].double(), LABELS[::2])
    saved = other.state_dict()
    wrongs = (
        {"queue_idx": torch.tensor(99)},
        {"filled": torch.tensor(99)},
        {"label_memory": torch.zeros(8).int()},
    )
    for change in (*wrongs, {"embedding_memory": torch.zeros(8, 4)}, {"embedding_memory": None}):
        with pytest.raises(RuntimeError, match=next(iter(change))):
            bank.load_state_dict(
                {name: value for name, value in (saved | change).items() if value is not None}
            )
    for name, value in bank.state_dict().items():
        assert torch.equal(value, fresh.state_dict()[name]), name


FORMS = {
    "columns first": lambda rows: rows.t().contiguous().t(),
    "strided": lambda rows: torch.stack([rows, rows * 2], 1)[:, 0],
    "expanded": lambda rows: rows[:1].expand(12, 4),
    "imaginary part of a conjugate": lambda rows: torch.complex(rows, -rows).conj().imag,
    "inference mode": lambda rows: torch.inference_mode()(torch.clone)(rows),
}


@pytest.mark.parametrize("form", FORMS)
def test_other_forms_of_the_same_rows_have_the_same_answer(form: str) -> None:
    rows = FORMS[form](ROWS)
    found = TripletSemiHardLoss().value_and_gradient(rows, LABELS)
    expected = TripletSemiHardLoss().value_and_gradient(torch.tensor(rows.tolist()), LABELS)
    assert all(map(torch.equal, found, expected))


def test_subnormals_empty_batches_and_halves_have_no_nan() -> None:
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        tiny = torch.full((12, 4), torch.finfo(dtype).tiny / 4, dtype=dtype, requires_grad=True)
        value = TripletSemiHardLoss()(tiny, LABELS)
        value.backward()
        assert value.item() == 1
        assert tiny.grad.isfinite().all()
        empty = torch.zeros((0, 4), dtype=dtype, requires_grad=True)
        value = TripletHardLoss()(empty, LABELS[:0])
        value.backward()
        assert (value.item(), empty.grad.shape) == (0, (0, 4))
