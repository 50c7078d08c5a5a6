"""Which kernels the libraries behind the products run."""

from __future__ import annotations

import os
import re
import tempfile


def _pools():
    """What threadpoolctl knows of the libraries loaded so far; None without threadpoolctl."""
    try:
        import threadpoolctl
    except ImportError:
        return None
    return threadpoolctl.threadpool_info()


def numpy_kernels() -> str:
    """NumPy's BLAS: library, version, kernels, threading layer."""
    import numpy as np

    pools = _pools()
    if pools is None:
        try:
            blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
            built = f"{blas['name']} {blas['version']}"
        except (TypeError, KeyError):  # NumPy before 1.25 only prints.
            built = "an unknown BLAS"
        return f"{built}, kernels unknown (threadpoolctl is not installed)"
    pools = [pool for pool in pools if pool["user_api"] == "blas"]
    # scipy's wheel brings an OpenBLAS of its own.
    pools.sort(key=lambda pool: "numpy" not in pool["filepath"])
    return describe(pools[0]) if pools else "kernels unknown (threadpoolctl finds no BLAS)"


def describe(pool: dict) -> str:
    """One library as threadpoolctl lists it."""
    name = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS"}.get(
        pool["internal_api"], pool["internal_api"]
    )
    words = [f"{name} {pool.get('version') or 'of unknown version'}", pool.get("architecture")]
    words.append(pool.get("threading_layer"))
    return ", ".join(word for word in words if word)


def torch_kernels(torch) -> str:
    """torch's BLAS. Its MKL is linked in, where threadpoolctl cannot see it, so its verbose mode is read."""
    if not torch.backends.mkl.is_available():
        found = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
        return f"{found[1] if found else 'an unknown BLAS'}, kernels unknown"
    try:
        first = _verbose_product(torch)
    except (OSError, RuntimeError, AttributeError):
        first = ""
    found = re.search(r"(?:oneMKL|MKL) ([\d.]+(?: Update \d+)?).*? for (.*)$", first)
    if not found:
        return "MKL, kernels unknown (its verbose mode said nothing)"
    sets = re.findall(r"\((Intel\(R\) )?(AVX[-\w]*|AMX|SSE[-\w.]*)\)", found[2])
    what = sets[0][1] if sets else " ".join(found[2].split(",")[0].replace("Intel(R)", "").split())
    layer = "gnu_thread" if "gnu_thread" in first else "intel_thread" if "intel_thread" in first else None
    words = [f"MKL {found[1]}", f"on a CPU that it takes for {what}", layer]
    return ", ".join(word for word in words if word)


def _verbose_product(torch) -> str:
    """The first line that MKL prints when it multiplies in its verbose mode."""
    x = torch.ones(64, 32)
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1)
        try:
            os.dup2(file.fileno(), 1)
            with torch.backends.mkl.verbose(torch.backends.mkl.VERBOSE_ON):
                torch.mm(x, x.T)
        finally:
            os.dup2(kept, 1)
            os.close(kept)
        file.seek(0)
        lines = file.read().decode(errors="replace").splitlines()
    return next((line for line in lines if line.startswith("MKL_VERBOSE")), "")


def libraries() -> list[str]:
    """Every BLAS and OpenMP library that is loaded, as threadpoolctl lists it."""
    pools = _pools()
    if pools is None:
        return ["threadpoolctl is not installed: pip install threadpoolctl tells the kernels"]
    blas = [pool for pool in pools if pool["user_api"] == "blas"]
    return sorted({f"loaded: {describe(pool)}" for pool in blas})
