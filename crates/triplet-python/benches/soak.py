"""Many Python threads call for long: answers against stored bits, memory and threads of the process.

    python soak.py [--minutes N] [--threads N]

Shapes, rules, distances, precisions, thread counts and entry points (a batch, against candidates,
a memory bank, retrieval) go round. Ends with 1 where an answer has other bits than at the start, or memory
or threads grow. Says whether Python has its lock: a free-threaded build has none.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import triplet_loss
from triplet_loss import metrics

SHAPES = [(32, 64), (128, 128), (7, 3), (512, 32), (1, 5), (300, 257), (64, 16), (1024, 16)]
DISTANCES = ["squared-l2", "l2", "angular"]
RULES = ["semi-hard", "hard", "hard-soft", "semi-hard-literal"]
# Memory may grow by this part after the first fifth of the time.
GROWTH = 0.10


def digest(*arrays: object) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def calls() -> list[Callable[[], str]]:
    """One of each kind, on fixed arrays."""
    rng = np.random.default_rng(2026)
    made: list[Callable[[], str]] = []
    for number in range(96):
        rows, width = SHAPES[number % len(SHAPES)]
        x = rng.standard_normal((rows, width)).astype([np.float32, np.float64, np.float16][number % 3])
        y = rng.integers(0, max(rows // 4, 1), rows)
        settings = {
            "distance": DISTANCES[number // 2 % 3],
            "rule": RULES[number // 3 % 4],
            "threads": [1, 2, 3, None][number // 5 % 4],
        }

        def square(x=x, y=y, settings=settings) -> str:
            result = triplet_loss.evaluate(y, x, triplets=True, **settings)
            assert result.triplets is not None
            return digest(result.loss, result.gradient, result.triplets.negative)

        def against(x=x, y=y, settings=settings) -> str:
            half = (len(x) + 1) // 2
            others = {"candidates": x[half:], "candidate_labels": y[half:]}
            result = triplet_loss.evaluate(y[:half], x[:half], **others, **settings)
            return digest(result.loss, result.gradient)

        def bank(x=x, y=y, settings=settings) -> str:
            x = x.astype(np.result_type(x, np.float32))
            bank = triplet_loss.MemoryBank(x.shape[1], memory_size=40, dtype=x.dtype)
            steps = [slice(first, first + 16) for first in range(0, min(len(x), 64), 16)]
            return digest(*(bank.evaluate(y[step], x[step], **settings).gradient for step in steps))

        def retrieval(x=x, y=y, settings=settings) -> str:
            found = metrics.retrieval(y, x, distance=settings["distance"])
            return digest(found.precision_at_1)

        made.append([square, against, bank, retrieval][number % 4] if len(x) > 16 else square)
    return made


def usage() -> tuple[int, int] | None:
    """Resident bytes and threads, where the system says."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in lines)
    return int(values["VmRSS"].split()[0]) * 1024, int(values["Threads"])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=16)
    args = parser.parse_args()
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    lock = "with" if has_lock else "without"
    print(f"Python {sys.version.split()[0]}, {lock} its lock; {args.threads} threads")
    every = calls()
    stored = [call() for call in every]
    triplet_loss.clear_cache()
    stop, wrong, done = threading.Event(), [], [0] * args.threads

    def work(thread: int) -> None:
        turn = thread * 7
        try:
            while not stop.is_set():
                turn += 1
                place = turn % len(every)
                if every[place]() != stored[place]:
                    wrong.append(f"call {place}: other bits than at the start")
                    stop.set()
                done[thread] += 1
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
            stop.set()

    before = usage()
    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(args.threads)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    early = late = most = 0
    while (elapsed := time.monotonic() - start) < 60 * args.minutes and not stop.is_set():
        time.sleep(0.2)
        now = usage()
        if now is not None:
            most = max(most, now[1])
            if elapsed < 12 * args.minutes:
                early = max(early, now[0])
            else:
                late = max(late, now[0])
    stop.set()
    for thread in threads:
        thread.join()
    # Pools that are kept for the next call.
    triplet_loss.clear_cache()
    time.sleep(1.0)
    after = usage()
    print(f"{sum(done)} calls; wrong: {wrong or 'none'}")
    if before is None or after is None:
        print("memory and threads: NOT covered, this system has no /proc")
        return 1 if wrong else 0
    print(f"memory: {early >> 20} MB in the first fifth of the time, at most {late >> 20} MB later")
    print(f"threads: {before[1]} before, at most {most}, {after[1]} after")
    grows = late > early * (1 + GROWTH) + 16e6 or after[1] > before[1] + 16
    return 1 if wrong or grows else 0


if __name__ == "__main__":
    sys.exit(main())
