"""The torch modules on torch's own threads: the same bits, and what keeps them from hanging."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import batch, same_bits, tensors
from triplet_loss import evaluate

torch = pytest.importorskip("torch")

from triplet_loss.torch import TripletSemiHardLoss  # noqa: E402

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="torch's threads are used on Linux")
ROWS, WIDTH = 600, 64


def backend_of(threads: int | None = 2) -> tuple[str, int]:
    labels, x = batch(ROWS, WIDTH, 40)
    result = evaluate(labels, x, backend="openmp", threads=threads)
    return result.backend, result.threads


def python(code: str, **environment: str) -> str:
    """What a program prints, at most 60 s later: some of what is tested would hang."""
    start = """
import os, sys, numpy as np, torch
from triplet_loss import evaluate
from triplet_loss.torch import TripletSemiHardLoss
labels = torch.arange(600) // 8
x = torch.from_numpy(np.random.default_rng(0).standard_normal((600, 64), np.float32))
big = torch.ones(1 << 20)
def backend():
    found = evaluate(labels, x, backend="openmp", threads=2)
    return found.backend, found.threads
"""
    run = subprocess.run(
        [sys.executable, "-c", start + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "2", **environment},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@LINUX
def test_calls_run_on_torchs_threads_and_no_more_of_them():
    before = torch.get_num_threads()
    try:
        for threads in (2, 1):
            torch.set_num_threads(threads)
            assert backend_of() == ("openmp", threads)
            assert backend_of(threads=1) == ("openmp", 1)
    finally:
        torch.set_num_threads(before)
    assert TripletSemiHardLoss()._loss.on_torch().settings.backend == "openmp"
    for named in ("par", "simd", "scalar"):  # a backend that somebody names is the one that runs
        assert TripletSemiHardLoss(backend=named)._loss.on_torch().settings.backend == named


@LINUX
def test_the_environment_says_how_many():
    assert python("print(*backend())", OMP_NUM_THREADS="1") == "openmp 1"
    assert python("print(*backend())") == "openmp 2"


@pytest.mark.parametrize("distance", ["l2", "squared-l2"])
def test_the_bits_are_those_of_every_other_backend(distance):
    before = torch.get_num_threads()
    labels, x = tensors(900, 48, 60)
    found = {}
    try:
        for backend in ("scalar", "par", "auto"):
            torch.set_num_threads(2)
            loss = TripletSemiHardLoss(distance=distance, backend=backend, threads=2)
            torch.ones(1 << 20).add_(1)  # torch's threads are awake
            found[backend] = loss.value_and_gradient(x, labels)
    finally:
        torch.set_num_threads(before)
    for value, gradient in found.values():
        assert same_bits(value.numpy(), found["scalar"][0].numpy())
        assert same_bits(gradient.numpy(), found["scalar"][1].numpy())


def test_two_threads_may_call_at_once():
    labels, x = tensors(ROWS, WIDTH, 40)
    loss = TripletSemiHardLoss(threads=2)
    expected = loss.value_and_gradient(x, labels)[1]

    def work(_: int) -> bool:
        torch.set_num_threads(2)
        (x * 2).sum()
        return torch.equal(loss.value_and_gradient(x, labels)[1], expected)

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(work, range(60)))


FORK = """
loss = TripletSemiHardLoss(threads=2)
if {before}:
    loss.value_and_gradient(x, labels)
big.add_(1)  # torch's threads have started; none of them is in the child
child = os.fork()
if child == 0:
    import signal
    signal.alarm(40)
    found = loss.value_and_gradient(x, labels)[1]
    # NumPy compares: an operation of torch with several threads hangs here, by libgomp.
    same = np.array_equal(found.numpy(), evaluate(labels, x, backend="scalar").gradient)
    os._exit(0 if same and backend() == ("par", 2) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), *backend())
"""


@LINUX
@pytest.mark.parametrize("before", [True, False])
def test_a_forked_child_has_threads_of_its_own(before):
    assert python(FORK.format(before=before)) == "0 openmp 2"


@LINUX
def test_workers_of_a_data_loader_that_are_forked():
    code = """
class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, row):
        return TripletSemiHardLoss(threads=2).value_and_gradient(x, labels)
big.add_(1)
value, gradient = Rows()[0]
loader = torch.utils.data.DataLoader(Rows(), num_workers=2, multiprocessing_context="fork")
print(all(torch.equal(v[0], value) and torch.equal(g[0], gradient) for v, g in loader), *backend())
"""
    assert python(code) == "True openmp 2"
