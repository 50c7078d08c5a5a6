"""The process around a call: imports, threads, forks, signals, floating-point modes, the CLI."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import triplet_loss
from conftest import DISTANCES, RULES, batch, same_bits
from triplet_loss import evaluate


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=300,
        check=False,
    )


def test_import_needs_numpy_only_and_is_quick():
    code = """
import numpy, sys, time
start = time.process_time()
import triplet_loss, triplet_loss.metrics, triplet_loss.samplers
print(time.process_time() - start)
heavy = {"torch", "keras", "tensorflow", "jax", "matplotlib", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""
    runs = [python(code) for _ in range(5)]
    assert all(run.returncode == 0 for run in runs), runs[0].stderr
    # Of the processor's time, which other programs do not take; NumPy's own is NumPy's. With
    # it, the package promises 100 ms.
    assert min(float(run.stdout) for run in runs) < 0.05


def test_threads_of_the_environment():
    code = (
        "import numpy, triplet_loss; "
        "print(triplet_loss.evaluate(range(600), numpy.ones((600, 64), 'f')).threads)"
    )
    assert python(code, TRIPLET_NUM_THREADS="3").stdout.strip() == "3"
    wrong = python(code, TRIPLET_NUM_THREADS="many")
    assert "TRIPLET_NUM_THREADS is 'many': expected a number of threads" in wrong.stderr


def test_calls_from_many_threads_at_once_give_the_same_bits():
    batches = [batch(300 + number, 40, 12, seed=number) for number in range(8)]
    expected = [evaluate(*one, backend="scalar") for one in batches]

    def work(turn: int) -> bool:
        number = turn % len(batches)
        result = evaluate(*batches[number], threads=1 + turn % 3)
        return same_bits(result.loss, expected[number].loss) and same_bits(
            result.gradient, expected[number].gradient
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(200)))


def test_other_threads_run_during_a_call():
    labels, x = batch(3000, 64, 20)
    evaluate(labels, x)
    ticks, done = [], threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter())

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.perf_counter()
    evaluate(labels, x, backend="scalar")
    end = time.perf_counter()
    done.set()
    ticker.join()
    within = sum(start < t < end for t in ticks)
    # With the interpreter held there would be a handful, before and after.
    assert within > 1000, within


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_computes_the_same():
    labels, x = batch(900, 64, 100)
    expected = evaluate(labels, x, threads=2)
    running = threading.Event()

    def busy() -> None:
        while not running.is_set():
            evaluate(labels, x, threads=2)

    # Some children are born while another thread of the parent is inside a call.
    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                ok = same_bits(evaluate(labels, x, threads=2).gradient, expected.gradient)
                os._exit(0 if ok else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        running.set()
        thread.join()
    assert same_bits(evaluate(labels, x, threads=2).gradient, expected.gradient)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_during_a_long_call_is_a_keyboard_interrupt_and_the_next_call_works():
    code = """
import numpy as np, os, signal, threading, time, triplet_loss
rng = np.random.default_rng(0)
labels, x = rng.integers(0, 40, 3000), rng.standard_normal((3000, 64), np.float32)
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
start = time.perf_counter()
try:
    while time.perf_counter() - start < 60:
        triplet_loss.evaluate(labels, x, backend="scalar")
except KeyboardInterrupt:
    print("interrupted")
print(triplet_loss.evaluate(labels, x).statistics.triplets > 0)
"""
    run = python(code)
    assert run.stdout.split() == ["interrupted", "True"], run.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the names of the C library of Linux")
def test_the_rounding_mode_of_the_process_does_not_matter_and_stays():
    libm = ctypes.CDLL("libm.so.6")
    labels, x = batch(200, 24, 8)
    modes = {"x86_64": (0x400, 0x800, 0xC00), "aarch64": (0x400000, 0x800000, 0xC00000)}[os.uname().machine]
    for way in ({"backend": "scalar"}, {"backend": "simd"}, {"backend": "par", "threads": 2}):
        expected = evaluate(labels, x, **way)
        for mode in modes:
            # A thread of its own: pools made within it inherit its mode.
            def work(mode: int = mode, way: dict = way) -> tuple:
                assert libm.fesetround(mode) == 0
                triplet_loss.clear_cache()
                result = evaluate(labels, x, **way)
                after = libm.fegetround()
                libm.fesetround(0)
                return result, after

            with ThreadPoolExecutor(1) as pool:
                result, after = pool.submit(work).result()
            triplet_loss.clear_cache()
            assert after == mode
            assert same_bits(result.loss, expected.loss)
            assert same_bits(result.gradient, expected.gradient)


def test_daemon_threads_may_be_inside_a_call_when_the_interpreter_ends():
    code = """
import numpy as np, sys, threading, time, triplet_loss, types
from triplet_loss import metrics
rng = np.random.default_rng(0)
labels, x = rng.integers(0, 8, 64), rng.standard_normal((64, 32), np.float32)
def work():
    while True:
        triplet_loss.evaluate(labels, x)
def search():
    while True:
        metrics.retrieval(labels, x)
class Slow:
    # Gives the threads time to come back from their calls while the interpreter ends.
    def __del__(self, sleep=time.sleep):
        sleep(0.05)
sys.modules["slow"] = types.ModuleType("slow")
sys.modules["slow"].keep = Slow()
for target in (work, work, work, search):
    threading.Thread(target=target, daemon=True).start()
time.sleep(0.1)
"""
    # A third of the runs abort where a call lets go of the interpreter by other means than PyO3's.
    runs = [python(code) for _ in range(20)]
    assert [run.returncode for run in runs] == [0] * 20, [run.stderr[-300:] for run in runs]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_call_may_come_while_the_interpreter_ends(dtype):
    code = f"""
import numpy as np, triplet_loss
class Late:
    def __init__(self):
        self.evaluate = triplet_loss.evaluate
        self.rows = np.arange(8).reshape(4, 2).astype("{dtype}")
    def __del__(self):
        print(self.evaluate([0, 1, 0, 1], self.rows, threads=2, triplets=True).loss, flush=True)
keep = Late()
"""
    run = python(code)
    expected = evaluate([0, 1, 0, 1], np.arange(8).reshape(4, 2).astype(dtype)).loss
    assert (run.stdout.strip(), run.stderr) == (str(expected), "")


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="takes two cores and their affinity",
)
def test_another_affinity_is_noticed_within_a_second():
    code = """
import numpy as np, os, time, triplet_loss
rng = np.random.default_rng(0)
labels, x = rng.integers(0, 40, 900), rng.standard_normal((900, 64), np.float32)
cores = sorted(os.sched_getaffinity(0))[:2]
for some in (cores, cores[:1], cores):
    os.sched_setaffinity(0, some)
    time.sleep(1.05)
    print(triplet_loss.evaluate(labels, x).threads)
"""
    environment = {key: value for key, value in os.environ.items() if key != "TRIPLET_NUM_THREADS"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert run.stdout.split() == ["2", "1", "2"], run.stderr


MEMORY = """
import numpy as np, resource, sys, triplet_loss
from triplet_loss import metrics
rows = 4000
labels, two = np.arange(rows) // 4, np.arange(rows) % 2
x = np.random.default_rng(0).standard_normal((rows, 32), np.float32)
wide, long = np.ones((rows, 4000), np.float16), x.repeat(100, axis=1)
evaluate = triplet_loss.evaluate
evaluate(labels, x), evaluate(two[:900], x[:900])  # threads are there
triplet_loss.clear_cache()
evaluate(labels[:64], x[:64])
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (40 << 20), resource.RLIM_INFINITY))
big = np.lib.stride_tricks.as_strided(x[:1], (10**7, 32), (0, 4))
tries = {
    "a matrix of all pairs": lambda: evaluate(labels, x, backend="gram", gradient=False),
    "few classes": lambda: evaluate(two, x, distance="l2"),
    "few classes, scalar": lambda: evaluate(two, x, backend="scalar", gradient=False),
    "halves": lambda: evaluate(labels, wide),
    "a copy": lambda: evaluate(np.zeros(10**7, np.int64), big),
    "a search": lambda: metrics.retrieval(two, long),
    "a search that is centred": lambda: metrics.retrieval(labels, wide[:, :3000], centre=True),
}
for name, call in tries.items():
    try:
        call()
        print(name, "was computed")
    except MemoryError as error:
        text = str(error)
        print(name, "is refused" if text else "is refused without a word")
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(evaluate(two, x).statistics.triplets)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them")
def test_out_of_memory_is_a_memory_error_and_the_next_call_works():
    run = python(MEMORY)
    assert run.returncode == 0, run.stderr
    *refused, last = run.stdout.splitlines()
    assert len(refused) == 7
    assert all(line.endswith(" is refused") for line in refused), refused
    assert last == str(4000 * 1999)


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the program."""
    return subprocess.run(
        [sys.executable, "-m", "triplet_loss", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("rule", RULES)
def test_the_command_line_gives_the_same_bits(tmp_path, distance, rule):
    labels, x = batch(150, 20, 11)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", labels)
    names = {name: str(tmp_path / f"{name}.npy") for name in "xygt"}
    flags = ["--distance", distance, "--rule", rule, "--gradient", names["g"], "--triplets", names["t"]]
    run = cli("loss", "--embeddings", names["x"], "--labels", names["y"], "--json", *flags)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    result = evaluate(labels, x, 1.0, distance, rule, triplets=True)
    assert int(answer["loss_bits"], 16) == int(np.float32(result.loss).view(np.uint32))
    assert same_bits(np.load(names["g"]), result.gradient)
    assert same_bits(np.load(names["t"]), np.stack(result.triplets[:3], 1))


def test_the_program_teaches_and_fails_as_programs_do():
    shown = cli("--help")
    assert shown.returncode == 0
    assert "triplet train" in shown.stdout
    wrong = cli("loss", "--embeddings", "/nowhere.npy", "--labels", "/nowhere.npy")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ")
    assert cli("dance").returncode == 2


def test_the_program_can_start_itself_again():
    run = cli("bench", "--batch", "32", "--dim", "8", "--backends", "simd", "--reps", "3", "--json")
    assert run.returncode == 0, run.stderr
    row = json.loads(run.stdout.splitlines()[-1])["rows"][0]
    assert row["memory_unknown"] is None, "the process of its own could not be measured"
    assert row["peak_rss_mb"] > 1
