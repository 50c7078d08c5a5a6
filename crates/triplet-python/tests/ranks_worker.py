"""Processes that hold batches together, for `test_torch_ranks.py`: what each of them does."""

from __future__ import annotations

import os
import pickle
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from triplet_loss.torch import CrossBatchMemory, DistributedTripletLoss, TripletHardLoss, TripletSemiHardLoss
from triplet_loss.torch._exchange import GroupExchange

WIDTH = 12
ROWS = 150
SEED = 20261130

# Where each rank's rows start, and the end: uneven, and without rows.
CUTS = {1: [0, 150], 2: [0, 40, 150], 3: [0, 0, 101, 150], 4: [0, 48, 48, 97, 150]}

LOSSES: list[tuple[type, dict[str, Any]]] = [
    (kind, {**flag, "distance": distance})
    for kind, flag in (
        (TripletSemiHardLoss, {}),
        (TripletSemiHardLoss, {"literal": True}),
        (TripletHardLoss, {}),
        (TripletHardLoss, {"soft": True}),
    )
    for distance in ("squared-l2", "l2", "angular")
]


def batch(step: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and labels of all ranks."""
    rng = np.random.default_rng(SEED + step)
    x = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    return torch.from_numpy(x), torch.from_numpy(rng.integers(0, 20, ROWS))


def bits(tensor: torch.Tensor) -> bytes:
    """A tensor as bytes."""
    return tensor.detach().numpy().tobytes()


def one_process(kind: type, settings: dict[str, Any], weights: Any) -> tuple[bytes, bytes, Any]:
    """What a loss gives without ranks."""
    x, y = batch()
    x.requires_grad_()
    loss = kind(**settings)
    value = loss(x, y, sample_weight=weights)
    value.backward()
    return bits(value), bits(x.grad), loss.statistics


def every_loss(rank: int, ranks: int) -> dict[Any, Any]:
    """Every rule and distance, with and without weights and a reduction to a sum: the same bits."""
    start, end = CUTS[ranks][rank : rank + 2]
    found = {}
    for number, (kind, settings) in enumerate(LOSSES):
        weights = torch.arange(ROWS) % 3 if number % 2 else None
        settings = {**settings, "reduction": "sum" if number % 5 == 4 else "mean"}
        expected = one_process(kind, settings, weights)
        x, y = batch()
        own = x[start:end].clone().requires_grad_()
        loss = DistributedTripletLoss(kind(**settings), ddp="none")
        value = loss(own, y[start:end], sample_weight=None if weights is None else weights[start:end])
        value.backward()
        gradient = expected[1][4 * WIDTH * start : 4 * WIDTH * end]
        with torch.no_grad():
            again = loss(own, y[start:end], sample_weight=None if weights is None else weights[start:end])
        name = f"{kind.__name__} {settings}"
        found[name] = (
            bits(value) == expected[0] and bits(again) == expected[0],
            bits(own.grad) == gradient,
            loss.statistics == expected[2],
        )
    return found


def banks(rank: int, ranks: int) -> dict[Any, Any]:
    """A memory bank over many steps, with a mask and weights at some: the same bits, and equal banks."""
    start, end = CUTS[ranks][rank : rank + 2]
    memory = CrossBatchMemory(TripletSemiHardLoss(distance="l2"), WIDTH, 400, min_size=160)
    expected = CrossBatchMemory(TripletSemiHardLoss(distance="l2"), WIDTH, 400, min_size=160)
    loss = DistributedTripletLoss(memory, ddp="none")
    found = {}
    for step in range(6):
        x, y = batch(step)
        mask = torch.arange(ROWS) % 3 == 0 if step % 3 == 2 else None
        weights = None if step % 2 else torch.arange(ROWS if mask is None else int((~mask).sum())) % 4
        whole = x.clone().requires_grad_()
        value = expected(whole, y, enqueue_mask=mask, sample_weight=weights)
        value.backward()
        own = x[start:end].clone().requires_grad_()
        own_weights = None
        if weights is not None:
            spread = torch.zeros(ROWS, dtype=weights.dtype)
            spread[~mask if mask is not None else slice(None)] = weights
            own_weights = spread[start:end]
        own_mask = None if mask is None else mask[start:end]
        same = loss(own, y[start:end], enqueue_mask=own_mask, sample_weight=own_weights)
        same.backward()
        found[step] = (
            bits(same) == bits(value),
            bits(own.grad) == bits(whole.grad[start:end]),
            bits(memory.embedding_memory) == bits(expected.embedding_memory),
            all(
                torch.equal(a, b)
                for a, b in zip(memory.state_dict().values(), expected.state_dict().values())
            ),
        )
    return found


def reference_sets(rank: int, ranks: int) -> dict[Any, Any]:
    """References that every rank has, with ids and without."""
    start, end = CUTS[ranks][rank : rank + 2]
    (x, y), (others, classes) = batch(), batch(9)
    found = {}
    for name, ids in (("ids", (torch.arange(ROWS), torch.arange(ROWS) // 2)), ("none", (None, None))):
        plain = TripletSemiHardLoss(distance="angular")
        whole = x.clone().requires_grad_()
        value = plain(whole, y, others, classes, ids=ids[0], ref_ids=ids[1])
        value.backward()
        own = x[start:end].clone().requires_grad_()
        loss = DistributedTripletLoss(TripletSemiHardLoss(distance="angular"), ddp="none")
        part = None if ids[0] is None else ids[0][start:end]
        same = loss(own, y[start:end], ref_emb=others, ref_labels=classes, ids=part, ref_ids=ids[1])
        same.backward()
        found[name] = (bits(same) == bits(value), bits(own.grad) == bits(whole.grad[start:end]))
    return found


def ddp(rank: int, ranks: int) -> dict[Any, Any]:
    """Parameter gradients of a model in DistributedDataParallel, and of one process."""
    start, end = CUTS[ranks][rank : rank + 2]
    torch.manual_seed(SEED)
    network = torch.nn.Sequential(torch.nn.Linear(WIDTH, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4)).double()
    parameters = list(network.parameters())
    x, y = batch()
    x = x.double()
    expected = torch.autograd.grad(TripletSemiHardLoss(distance="l2")(network(x), y), parameters)
    parallel = torch.nn.parallel.DistributedDataParallel(network)
    DistributedTripletLoss(TripletSemiHardLoss(distance="l2"))(
        parallel(x[start:end]), y[start:end]
    ).backward()
    # Sums over rows are cut otherwise. The last bias's is 0 but for rounding, so all are related to the
    # largest.
    largest = max(float(e.abs().max()) for e in expected)
    worst = max(float((p.grad - e).abs().max()) for p, e in zip(parameters, expected)) / largest
    return {"worst": worst}


def refusals(rank: int, ranks: int) -> dict[Any, Any]:
    """Mistakes of one rank, the last: what every rank is told; and that the next call works."""
    start, end = CUTS[ranks][rank : rank + 2]
    x, y = batch()
    last = rank == ranks - 1
    own, classes = x[start:end], y[start:end]

    def call(loss: Any = None, rows: Any = own, labels: Any = classes, **given: Any) -> Any:
        loss = TripletSemiHardLoss() if loss is None else loss
        return DistributedTripletLoss(loss)(rows, labels, **given)

    bad = own.clone()
    bad[1, 2] = float("nan")
    bad_references = x.clone()
    bad_references[3, 0] = float("inf")
    kept = DistributedTripletLoss(TripletSemiHardLoss())
    mistakes = {
        "nan": lambda: call(rows=bad if last else own),
        "width": lambda: call(rows=own[:, :3] if last else own),
        "dtype": lambda: call(rows=own.double() if last else own),
        "integers": lambda: call(rows=own.int() if last else own),
        "labels": lambda: call(labels=classes[:-1] if last else classes),
        "names": lambda: call(labels=["a"] * len(classes) if last else classes),
        "margin": lambda: call(TripletSemiHardLoss(0.5 if last else 1.0)),
        "infinite margin": lambda: call(TripletSemiHardLoss(1e39 if last else 1.0)),
        "rule": lambda: call(TripletHardLoss() if last else TripletSemiHardLoss()),
        "distance": lambda: call(TripletSemiHardLoss(distance="l2" if last else "angular")),
        "weights": lambda: call(sample_weight=torch.ones(len(own)) if last else None),
        "negative weight": lambda: call(
            sample_weight=-torch.ones(len(own)) if last else torch.ones(len(own))
        ),
        "weight shape": lambda: call(sample_weight=torch.ones(3) if last else torch.ones(len(own))),
        "none": lambda: call(TripletSemiHardLoss(reduction="none" if last else "mean")),
        "mask": lambda: call(enqueue_mask=torch.ones(len(own), dtype=torch.bool) if last else None),
        "references": lambda: call(ref_emb=x if not last else x[:-1], ref_labels=y if not last else y[:-1]),
        "bank of one": lambda: call(CrossBatchMemory(TripletSemiHardLoss(), WIDTH, 200) if last else None),
        "references of one": lambda: call(ref_emb=x if last else None, ref_labels=y if last else None),
        "references with NaN": lambda: call(ref_emb=bad_references if last else x, ref_labels=y),
        "double references": lambda: call(ref_emb=x.double() if last else x, ref_labels=y),
        "another bank": lambda: call(
            CrossBatchMemory(TripletSemiHardLoss(), WIDTH, 300, min_size=9 if last else 5)
        ),
        "width of the bank": lambda: call(CrossBatchMemory(TripletSemiHardLoss(), 3, 200)),
        "halves in a bank": lambda: call(
            CrossBatchMemory(TripletSemiHardLoss(), WIDTH, 300), rows=own.half() if last else own
        ),
        "no gradient": lambda: call(rows=own if last else own.clone().requires_grad_()),
        "small bank": lambda: call(CrossBatchMemory(TripletSemiHardLoss(), WIDTH, 20)),
    }
    found: dict[Any, Any] = {}
    for name, mistake in mistakes.items():
        try:
            mistake()
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
        else:
            found[name] = None
        found[name, "next"] = bits(call()) == bits(TripletSemiHardLoss()(x, y))
    # One module: its calls are counted in all element types together.
    for rows, names in ((own.double(), True), (own, True), (own, False)):
        try:
            value = kept(rows, ["a"] * len(rows) if names and last else classes)
        except Exception:
            assert names
        else:
            found["count", "next"] = bits(value) == bits(TripletSemiHardLoss()(x, y))
    return found


def dies(rank: int, ranks: int, stage: str) -> dict[Any, Any]:
    """The last rank is killed before an exchange of the second call; what the others are told, and when."""
    x, y = batch()
    start, end = CUTS[ranks][rank : rank + 2]
    loss = DistributedTripletLoss(TripletSemiHardLoss(distance="l2"))
    loss(x[start:end], y[start:end])
    if rank == ranks - 1:
        for name in ("all_gather", "all_to_all"):
            method = getattr(GroupExchange, name)

            def until(self: Any, at: str, *args: Any, method: Any = method) -> Any:
                if at == stage:
                    os.kill(os.getpid(), 9)
                return method(self, at, *args)

            setattr(GroupExchange, name, until)
    began = time.monotonic()
    try:
        loss(x[start:end], y[start:end])
    except RuntimeError as error:
        return {"error": str(error), "seconds": time.monotonic() - began}
    return {"error": None}


STAGES = ("settings", "rows", "candidates", "triplets")
JOBS = {"every_loss": every_loss, "banks": banks, "reference_sets": reference_sets, "ddp": ddp}


def rank_main(job: str, rank: int, ranks: int, folder: Path) -> None:
    """One rank of a job."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=ranks)
    found: dict[Any, Any] = {}
    if job == "bits":
        found = {name: work(rank, ranks) for name, work in JOBS.items()}
        found["refusals"] = refusals(rank, ranks) if ranks == 2 else None
        dist.destroy_process_group()
    else:
        found = dies(rank, ranks, job)
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(found))


def run(job: str, ranks: int, folder: Path) -> list[Any]:
    """What each rank found; the status of one that did not come to its end."""
    folder.mkdir()
    children = []
    for rank in range(ranks):
        # Forked, since an import of torch in every process takes longer than what it does.
        child = os.fork()
        if child == 0:
            status = 1
            try:
                rank_main(job, rank, ranks, folder)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    results = [folder / f"{rank}.pickle" for rank in range(ranks)]
    return [
        pickle.loads(result.read_bytes()) if result.exists() else status
        for result, status in zip(results, statuses)
    ]


def main() -> None:
    """All jobs, one after the other."""
    folder = Path(sys.argv[1])
    found: dict[Any, Any] = {ranks: run("bits", ranks, folder / f"bits{ranks}") for ranks in CUTS}
    found |= {stage: run(stage, 3, folder / stage) for stage in STAGES}
    (folder / "all.pickle").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main()
