"""Matrix products E E': what a loss that forms the distance matrix does at least."""

from __future__ import annotations

from .kernels import numpy_kernels, torch_kernels
from .registry import LIBRARIES, RIVALS, Batch, Rival, buffer, has

# Entries may differ from their f64 value by this much; rows have length 1.
TOLERANCE = 1e-4


def add(threads: int) -> None:
    """Registers the products that this Python can run."""
    if has("torch"):
        _add_torch()
    _add_numpy()
    if has("numkong"):
        _add_numkong(threads)


def _wrong(product, upper=False) -> str | None:
    """What is wrong with a product: its first, middle and last row against f64."""
    import numpy as np

    x = Batch.x.astype("f8")
    for row in (0, len(x) // 2, len(x) - 1):
        start = row if upper else 0
        right = x[start:] @ x[row]
        if not np.allclose(np.asarray(product[row])[start:], right, rtol=0, atol=TOLERANCE):
            return f"its product is wrong in row {row}"
    return None


def _add_torch() -> None:
    import torch

    def run() -> None:
        x = torch.from_numpy(Batch.x)
        torch.mm(x, x.T, out=buffer("torch", lambda: torch.empty(len(x), len(x))))

    def check() -> str | None:
        return _wrong(Batch.buffers["torch"].numpy())

    RIVALS["torch E E'"] = Rival(
        "baseline", run, lambda b, d: 5 * b * b, complete=True, kernels=torch_kernels(torch), check=check
    )


def _add_numpy() -> None:
    import numpy as np

    def out():
        return buffer("numpy", lambda: np.empty((len(Batch.x), len(Batch.x)), "f4"))

    def syrk() -> None:
        # NumPy recognises a matrix and its own transpose: SYRK for one triangle, then a copy of it.
        np.matmul(Batch.x, Batch.x.T, out=out())

    def gemm() -> None:
        copy = buffer("copy", Batch.x.copy)
        np.matmul(Batch.x, copy.T, out=out())

    def check() -> str | None:
        return _wrong(out())

    LIBRARIES.append(f"numpy {np.__version__}")
    np.matmul(np.ones((8, 8), "f4"), np.ones((8, 8), "f4"))  # Loads the BLAS.
    kernels = numpy_kernels()
    for name, run in [("numpy E E' (gemm)", gemm), ("numpy E E' (syrk)", syrk)]:
        RIVALS[name] = Rival(
            "baseline", run, lambda b, d: 5 * b * b, complete=True, kernels=kernels, check=check
        )


def _add_numkong(threads: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import numkong

    pool = ThreadPoolExecutor(threads)

    def out():
        b = len(Batch.x)
        return buffer("numkong", lambda: numkong.empty((b, b), dtype="float64"))

    def run() -> None:
        b, product = len(Batch.x), out()
        # Rows of equal areas of the upper triangle.
        cuts = [round(b * (1 - (1 - part / threads) ** 0.5)) for part in range(threads + 1)]

        def work(part: int) -> None:
            numkong.dots_symmetric(Batch.x, out=product, start_row=cuts[part], end_row=cuts[part + 1])

        list(pool.map(work, range(threads)))

    LIBRARIES.append(f"numkong {numkong.__version__}")
    RIVALS["numkong upper half of E E'"] = Rival(
        "baseline",
        run,
        lambda b, d: 9 * b * b,
        kernels=f"NumKong {numkong.__version__}, f64 sums",
        check=lambda: _wrong(out(), upper=True),
    )
