"""The loss of NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _engine
from ._against import prepared
from ._arguments import flag
from ._arrays import as_embeddings, as_weights, cast_checked
from ._margin import as_margin
from ._result import Evaluation, Statistics, Triplets

_F32 = np.dtype(np.float32)


def evaluate(
    labels: Any,
    embeddings: Any,
    margin: float = 1.0,
    distance: str = "squared-l2",
    rule: str = "semi-hard",
    sample_weight: Any = None,
    reduction: str = "mean",
    backend: str = "auto",
    threads: int | None = None,
    gradient: bool = True,
    triplets: bool = False,
    *,
    isa: str | None = None,
    require_positives: bool = False,
    candidates: Any = None,
    candidate_labels: Any = None,
    ids: Any = None,
    candidate_ids: Any = None,
    candidate_gradient: bool = False,
) -> Evaluation:
    """Computes loss, gradient and triplets of a batch, or of its rows against other candidates.

    In a batch in which no two rows share a label, ``statistics.positive_pairs`` is 0, or it is an
    error with ``require_positives=True``. With the semi-hard rules its loss and gradient are 0.
    With the hard rules the distance of a missing positive counts as 0, as in TFA: the
    loss is the mean of ``max(margin - d(a, n), 0)``, and its gradient moves rows apart. A mean of
    losses over batches counts either as if it were one of triplets; leave these batches out::

        results = [evaluate(y, x, gradient=False) for y, x in batches]
        losses = [float(r.loss) for r in results if r.statistics.positive_pairs]
        validation = sum(losses) / len(losses)

    Distances come from inner products, which lose digits where rows are far from the origin and
    near to each other: subtract the mean of the batch first where they are
    (``triplet_loss.metrics`` has more on this).

    Args:
        labels: ``[B]`` or ``[B, 1]``: integers, booleans, text, bytes or dates, or floats that
            are whole numbers, as a list, an array, a tensor or a column of pandas, Polars or
            Arrow. Rows are of one class where their labels are equal; a missing label is an error.
        embeddings: ``[B, D]``, float32, float64, float16 or bfloat16 (both computed in
            float32), or integers that float32 holds exactly: a NumPy array, a data frame, or
            anything with DLPack, the buffer protocol or items. Contiguous float32 is not copied.
        margin: Margin of the hinge, in units of the distance.
        distance: ``squared-l2`` (FaceNet; TFA up to 0.9), ``l2`` (TFA's default from 0.11 on)
            or ``angular``.
        rule: ``semi-hard`` (what TFA's code does), ``semi-hard-literal`` (what its page
            says), ``hard`` or ``hard-soft`` (``TripletHardLoss``).
        sample_weight: Factors on the rows' losses: a scalar, ``[B]`` or ``[B, 1]``.
        reduction: ``mean`` (TFA's scalar), ``sum`` or ``none`` (``[B]``). The gradient is
            that of the mean or the sum; of the sum for ``none``.
        backend: ``auto``, ``par``, ``openmp``, ``simd``, ``scalar`` or ``gram``; all but the last give
            the same bits.
        threads: At most so many; None for ``TRIPLET_NUM_THREADS`` of the environment, or else
            one a core that the process may use (counted again within a second).
        gradient: Whether to compute it.
        triplets: Whether to list them.
        isa: ``portable``, ``avx2``, ``avx512`` or ``neon``; None for the fastest of this CPU.
        require_positives: Whether a batch without a positive pair is a ``ValueError``.
        candidates: Rows `[N, D]` to take positives and negatives from, instead of the batch: a
            reference set, or the rows of earlier batches. The gradient is that to ``embeddings``, the
            loss is divided by the pairs of an anchor and a positive candidate, and triplets name
            candidates by their row. Not with ``backend="gram"``.
        candidate_labels: Their labels ``[N]``, of the same kind as ``labels``.
        ids: What each anchor is, ``[B]``, of any kind that labels may be of: a candidate with the
            same id is neither its positive nor its negative. Without ids, no candidate is an anchor.
        candidate_ids: What each candidate is, ``[N]``.
        candidate_gradient: Whether to compute the gradient to the candidates too.

    Returns:
        An ``Evaluation``.

    Raises:
        ValueError: A shape, name or value that cannot be; the message names it.
        TypeError: Something that holds no numbers, or numbers or labels of another kind.
        MemoryError: More than the system gives, such as for the matrix of ``gram``, or than
            ``triplet_loss.limit_memory`` allows.
    """
    plan = _engine.plan(
        as_margin(margin), distance, rule, reduction, backend, threads, isa, require_positives
    )
    gradient, triplets = flag(gradient, "gradient"), flag(triplets, "triplets")
    candidate_gradient = flag(candidate_gradient, "candidate_gradient")
    matrix, dtype = as_embeddings(embeddings)
    weights = None if sample_weight is None else as_weights(sample_weight)
    classes, against, other_dtype = prepared(
        labels, candidates, candidate_labels, ids, candidate_ids, candidate_gradient
    )
    if candidate_gradient and (against is None or not gradient):
        raise ValueError("candidate_gradient needs candidates, and gradient=True")
    native = _engine.engine.evaluate(plan, classes, matrix, weights, gradient, triplets, 0, against)
    result = Evaluation()
    result.statistics = Statistics._make(native.summary.statistics)
    result.backend, result.isa, result.threads = native.executed
    values: Any = native.loss if native.losses is None else native.losses
    gradient_values = native.gradient
    if dtype is not _F32:
        values = cast_checked(np.asarray(values), dtype, "loss")
        gradient_values = (
            None if gradient_values is None else cast_checked(gradient_values, dtype, "gradient")
        )
    result.loss = dtype.type(values) if native.losses is None else values
    result.gradient = gradient_values
    result.candidate_gradient = native.candidate_gradient
    if other_dtype is not None and native.candidate_gradient is not None:
        result.candidate_gradient = cast_checked(native.candidate_gradient, other_dtype, "gradient")
    columns = native.triplets
    result.triplets = None if columns is None else Triplets._make(columns)
    return result
