"""Times the matrix product E @ E.T, when asked: lines "B D threads calls" in, seconds out."""
import sys
import time

try:
    import torch
except ImportError:
    torch = None
    import numpy

sys.stdout.write(("torch " + torch.__version__ if torch else "numpy " + numpy.__version__) + "\n")
sys.stdout.flush()
inputs = {}
for line in sys.stdin:
    b, d, threads, calls = map(int, line.split())
    if (b, d) not in inputs:
        inputs.clear()
        if torch:
            torch.set_num_threads(threads)
            inputs[b, d] = torch.randn(b, d), torch.empty(b, b)
        else:
            inputs[b, d] = numpy.random.randn(b, d).astype("f4"), numpy.empty((b, b), "f4")
    e, out = inputs[b, d]
    best = float("inf")
    for _ in range(calls):
        start = time.perf_counter()
        if torch:
            torch.mm(e, e.T, out=out)
        else:
            numpy.matmul(e, e.T, out=out)
        best = min(best, time.perf_counter() - start)
    sys.stdout.write(f"{best!r}\n")
    sys.stdout.flush()
