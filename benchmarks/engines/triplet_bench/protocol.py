"""Requests on standard input, replies on standard output: one a line, and one for each.

    load PATH B D         rows (f32) and labels (i64) of a batch, from a raw file: {}
    time NAME CALLS       {"ms": [...], "parts": [[...], ...], "value": ...} or {"left_out": "why"}

Fields of a request are separated by tabs; replies are JSON. The first line of output is
{"libraries": [...], "rivals": [...]}, what this Python can run, or {"error": "why"}. The first argument is a
list of groups (baselines, peers, tfa, step), the second the number of threads.
"""

import json
import os
import sys
import warnings
from time import perf_counter

from .registry import LIBRARIES, RIVALS, Batch, has


def main(groups: list[str], threads: int) -> None:
    """Replies until the input ends."""
    # torch's compiler warns of itself.
    warnings.filterwarnings("ignore", category=FutureWarning)
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # What libraries print is no reply.
    try:
        first = _start(groups, threads)
    except Exception as error:
        first = {"error": _reason(error)}
    print(json.dumps(first), file=replies)
    serve(sys.stdin, replies, threads)


def serve(requests, replies, threads: int) -> None:
    """One reply for each request."""
    for line in requests:
        command, *rest = line.rstrip("\n").split("\t")
        try:
            if command not in ("load", "time"):
                raise ValueError(f"unknown request {command!r}: load, time")
            reply = _load(*rest) if command == "load" else _time(*rest, threads)
        except Exception as error:  # The bench goes on without this engine.
            reply = {"left_out": _reason(error)}
        print(json.dumps(reply), file=replies)


def _reason(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:160]


def _start(groups: list[str], threads: int) -> dict:
    if has("torch") and "tfa" not in groups:
        import torch

        torch.set_num_threads(threads)
        LIBRARIES.append(f"torch {torch.__version__}")
    if "baselines" in groups:
        from . import baselines

        baselines.add(threads)
    if "peers" in groups and has("torch"):
        from . import peers

        peers.add(threads)
    if "step" in groups:
        from . import step

        step.add(threads)
    if "tfa" in groups:
        from . import tfa

        tfa.add(threads)
    else:
        from .kernels import libraries

        LIBRARIES.extend(libraries())
    names = ("kind", "distance", "complete", "kernels", "compiles")
    rivals = [{"name": name, **{key: getattr(rival, key) for key in names}} for name, rival in RIVALS.items()]
    return {"libraries": LIBRARIES, "rivals": rivals}


def _available_bytes() -> int:
    try:
        with open("/proc/meminfo") as lines:
            return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return 8 << 30


def _load(path: str, b: str, d: str) -> dict:
    import numpy as np

    rows, width = int(b), int(d)
    Batch.buffers.clear()
    with open(path, "rb") as file:
        Batch.x = np.fromfile(file, "f4", rows * width).reshape(rows, width)
        Batch.y = np.fromfile(file, "i8", rows)
    Batch.per_class = int(np.unique(Batch.y, return_counts=True)[1].max())
    return {}


def _time(name: str, calls: str, threads: int) -> dict:
    if name not in RIVALS:
        raise ValueError(f"no engine {name!r} here")
    rival = RIVALS[name]
    need = rival.needed(*Batch.x.shape)
    if need > 0.9 * _available_bytes():
        return {"left_out": f"needs about {need / 1e9:.0f} GB"}
    times, parts, value = [], [], None
    for _ in range(int(calls)):
        start = perf_counter()
        value = rival.run()
        times.append(1e3 * (perf_counter() - start))
        if rival.kind == "step":
            value, of_step = value
            parts.append(of_step)
            times[-1] = sum(of_step)
    reply = {"ms": times, "parts": parts, "value": value}
    checked = f"checked {name}"
    if checked not in Batch.buffers:
        Batch.buffers[checked] = True
        wrong = rival.check() if rival.check else None
        if wrong:
            return {"left_out": wrong}
        if rival.kind == "step" and rival.distance:
            from .step import expected

            reply["expected"] = expected(rival.distance, threads)
    return reply
