"""Triplet losses of TensorFlow Addons for CPUs: exact, fast, and maintained.

>>> import numpy as np, triplet_loss
>>> labels = [0, 0, 1, 2]
>>> embeddings = np.array([[0.0], [1.0], [1.5], [3.0]], np.float32)
>>> result = triplet_loss.evaluate(labels, embeddings, distance="l2")
>>> result.loss
np.float32(0.25)
>>> result.gradient.ravel()
array([-0.5,  1.5, -0.5, -0.5], dtype=float32)

===========================  ====================================================
``evaluate``                 loss, gradient and triplets of NumPy arrays
``mine_hard_negatives``      negatives of pairs of texts, as sentence-transformers has it
``MemoryBank``               batches against the rows of earlier ones
``triplet_loss.torch``       modules with autograd, a miner, and a memory bank
``triplet_loss.keras``       losses of Keras 3 on TensorFlow, torch and JAX
``triplet_loss.jax``         a function that can be jitted and differentiated
``triplet_loss.tfa``         the names and defaults of TensorFlow Addons 0.23
``triplet_loss.metrics``     recall@k, precision@1 and MAP@R without an N x N matrix
``triplet_loss.samplers``    batches of P classes with K rows each
``triplet_loss.plot``        loss curves, distance histograms, embedding maps
``limit_memory``             how much a call may take beside its arrays
===========================  ====================================================

Importing this package needs NumPy only; each framework's module needs the framework.
The number of threads is that of the cores that the process may use, or the environment's
``TRIPLET_NUM_THREADS`` (read once, by the first loss or call), or the argument ``threads``
of each loss. The result is the same, bit for bit, whatever it is.
"""

from ._engine import clear_cache, limit_memory
from ._evaluate import evaluate
from ._hard_negatives import mine_hard_negatives
from ._memory_bank import MemoryBank
from ._native import version as __version__
from ._result import Evaluation, Statistics, Triplets

__all__ = [
    "Evaluation",
    "MemoryBank",
    "Statistics",
    "Triplets",
    "__version__",
    "clear_cache",
    "evaluate",
    "limit_memory",
    "mine_hard_negatives",
]
