"""The losses as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .. import _engine
from .._loss import PERCENTILES, Loss, Percentiles, Settings, hard_rule, semi_hard_rule
from .._result import Statistics
from ._against import References, as_arrays, references
from ._against import apply as apply_against
from ._attributes import LossModule, margin_repr, rule_flag
from ._functional import apply, value_and_gradient
from ._tensors import check_embeddings, embeddings_array, labels_array, on_cpu


class _TripletLoss(LossModule):
    """The base of both losses."""

    def __init__(self, device_transfer: bool, **settings: Any):
        super().__init__()
        self.device_transfer = device_transfer
        self._loss = Loss(Settings(**settings))

    def forward(
        self,
        embeddings: torch.Tensor,
        labels: torch.Tensor,
        *given: Any,
        sample_weight: Any = None,
        ref_emb: torch.Tensor | None = None,
        ref_labels: Any = None,
        ids: Any = None,
        ref_ids: Any = None,
    ) -> torch.Tensor:
        """The loss of embeddings `[B, D]` and labels `[B]` or `[B, 1]`.

        A scalar, or `[B]` with ``reduction="none"``, in the embeddings' type; in float32
        under ``torch.autocast``. ``sample_weight``: a scalar, `[B]` or `[B, 1]`; it may be the
        third argument.

        ``loss(embeddings, labels, ref_emb, ref_labels)`` takes positives and negatives from
        other rows `[N, D]` instead of the batch: a reference set. The gradient goes to them too where
        they require one. A reference is an anchor itself, and so neither its positive nor its
        negative, where its ``ref_ids`` `[N]` is the anchor's ``ids`` `[B]`; without ids, none is.
        """
        if len(given) == 1 and sample_weight is None:
            (sample_weight,) = given
        elif len(given) == 2 and ref_emb is None and ref_labels is None:
            ref_emb, ref_labels = given
        elif given:
            raise TypeError(
                "after embeddings and labels come sample_weight, or ref_emb and ref_labels; name the others"
            )
        against = references(ref_emb, ref_labels, ids, ref_ids)
        if self.device_transfer and against is not None:
            against = against.transferred()
        if self.device_transfer and isinstance(embeddings, torch.Tensor) and not embeddings.is_cpu:
            labels, sample_weight, device = _to_cpu(labels), _to_cpu(sample_weight), embeddings.device
            return self._loss_of(embeddings.cpu(), labels, sample_weight, against).to(device)
        return self._loss_of(embeddings, labels, sample_weight, against)

    def _loss_of(
        self, embeddings: torch.Tensor, labels: Any, sample_weight: Any, against: References | None
    ) -> torch.Tensor:
        if against is None:
            return apply(self._loss, labels, embeddings, sample_weight)
        if torch.compiler.is_compiling():
            # Not a decorator: that would import the compiler with this module.
            outside = torch.compiler.disable(apply_against)
            value: torch.Tensor = outside(self._loss, labels, embeddings, against, sample_weight)
            return value
        return apply_against(self._loss, labels, embeddings, against, sample_weight)

    def value_and_gradient(
        self, embeddings: torch.Tensor, labels: torch.Tensor, sample_weight: Any = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, and its gradient by the embeddings, both detached: no node of autograd's graph.

        For loops that start the backward pass themselves; it saves what that node costs:

        >>> network, loss = torch.nn.Linear(2, 2), TripletSemiHardLoss()
        >>> embeddings = network(torch.eye(4, 2))
        >>> value, gradient = loss.value_and_gradient(embeddings, torch.tensor([0, 0, 1, 1]))
        >>> embeddings.backward(gradient)
        >>> value.requires_grad, network.weight.grad is None
        (False, False)

        The arguments are those of a call, and the gradient has the bits of its backward pass, in the
        embeddings' type. Multiply the gradient by the factor of a loss scaler. Hooks of the module
        and a subclass's ``forward`` are not called; ``reduction="none"`` is an error.
        """
        if self.device_transfer and isinstance(embeddings, torch.Tensor) and not embeddings.is_cpu:
            labels, sample_weight, device = _to_cpu(labels), _to_cpu(sample_weight), embeddings.device
            value, gradient = self.value_and_gradient(embeddings.cpu(), labels, sample_weight)
            return value.to(device), gradient.to(device)
        return value_and_gradient(self._loss, labels, embeddings, sample_weight)

    @torch.no_grad()
    def mine(
        self,
        embeddings: torch.Tensor,
        labels: torch.Tensor,
        ref_emb: torch.Tensor | None = None,
        ref_labels: Any = None,
        *,
        ids: Any = None,
        ref_ids: Any = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Anchors, positives and negatives `[T]`, by ascending anchor, then positive.

        What pytorch-metric-learning calls an ``indices_tuple``. Anchors without a positive
        or a negative have no triplet. With ``ref_emb`` positives and negatives are rows of it; see
        a call of the loss.
        """
        check_embeddings(embeddings)
        device = embeddings.device
        given = references(ref_emb, ref_labels, ids, ref_ids)
        if self.device_transfer:
            embeddings, labels = embeddings.cpu(), _to_cpu(labels)
            given = None if given is None else given.transferred()
        else:
            on_cpu(embeddings, "embeddings")
        plan = self._loss.on_torch().with_current_margin().plan
        numbers, against = (labels_array(labels), None) if given is None else as_arrays(labels, given, False)
        rows = embeddings_array(embeddings)
        native = _engine.engine.evaluate(plan, numbers, rows, gradient=False, triplets=True, against=against)
        assert native.triplets is not None
        anchor, positive, negative = native.triplets[:3]
        whole = (positive >= 0) & (negative >= 0)
        a, p, n = (torch.from_numpy(rows[whole]).to(device) for rows in (anchor, positive, negative))
        return a, p, n

    @property
    def statistics(self) -> Statistics | None:
        """Counts over the batch of the last forward pass; None before the first."""
        return self._loss.statistics

    def percentiles(self, percent: float | Sequence[float] = PERCENTILES) -> Percentiles | None:
        """Percentiles of the last batch's distances: positives, and chosen negatives.

        Of a sample of 65,536 triplets where there are more; None before the first pass.
        """
        return self._loss.percentiles(percent)

    @property
    def distances(self) -> tuple[Any, Any] | None:
        """The distances behind `percentiles`: positives, and chosen negatives, as new NumPy arrays."""
        return self._loss.distances

    def extra_repr(self) -> str:
        """The settings that differ from the defaults, and the main ones."""
        names = f"distance={self.distance!r}, rule={self.rule!r}, reduction={self.reduction!r}"
        return f"margin={margin_repr(self.margin)}, {names}"


def _to_cpu(other: Any) -> Any:
    """Labels or weights on the CPU; other values than tensors unchanged."""
    return other.cpu() if isinstance(other, torch.Tensor) else other


class TripletSemiHardLoss(_TripletLoss):
    """For every anchor and positive, the nearest negative that is farther than the positive.

    ``mean over positive pairs of max(margin + d(a, p) - d(a, n), 0)``: the rule of
    TensorFlow Addons' ``TripletSemiHardLoss``, with squared distances as in FaceNet and in
    TFA up to 0.9. For the default of later versions pass ``distance="l2"``.

    Args:
        margin: Margin of the hinge, in units of the distance: a number; an array or tensor
            without dimensions, which may be changed in place; or a function of no arguments,
            called at every call of the loss, or once in a run of a compiled function that calls
            the loss several times.
        distance: ``squared-l2``, ``l2`` or ``angular``.
        reduction: ``mean`` (TFA's scalar), ``sum`` or ``none``.
        literal: The sentence on TFA's page instead of what its code does: negatives
            beyond positive plus margin.
        backend: ``auto``, ``par``, ``openmp``, ``simd``, ``scalar`` or ``gram``.
        threads: At most so many; None for one a core.
        require_positives: Whether a batch without a positive pair is an error, not a loss of 0.
        device_transfer: Whether tensors of other devices are copied to the CPU, and the
            gradient back, instead of refused.

    All but the rule can be set later, as attributes, for the next call: ``loss.margin = 0.5``.
    """

    _strict = True
    literal = rule_flag(semi_hard_rule, "Whether negatives lie beyond positive plus margin.")

    def __init__(
        self,
        margin: Any = 1.0,
        distance: str = "squared-l2",
        reduction: str = "mean",
        *,
        literal: bool = False,
        backend: str = "auto",
        threads: int | None = None,
        require_positives: bool = False,
        device_transfer: bool = False,
    ):
        super().__init__(
            device_transfer,
            margin=margin,
            distance=distance,
            rule=semi_hard_rule(literal),
            reduction=reduction,
            backend=backend,
            threads=threads,
            require_positives=require_positives,
        )


class TripletHardLoss(_TripletLoss):
    """For every anchor, its farthest positive and its nearest negative.

    ``mean over anchors of max(margin + d(a, p) - d(a, n), 0)``, or with ``soft`` of
    ``log1p(exp(d(a, p) - d(a, n)))``: TensorFlow Addons' ``TripletHardLoss``. As there,
    ``d(a, p)`` is 0 for an anchor without positives: a batch without a positive pair has a loss
    and a gradient, or is an error with ``require_positives``. The other arguments are those of
    ``TripletSemiHardLoss``.
    """

    _strict = True
    soft = rule_flag(hard_rule, "Whether the softplus replaces the hinge.")

    def __init__(
        self,
        margin: Any = 1.0,
        soft: bool = False,
        distance: str = "squared-l2",
        reduction: str = "mean",
        *,
        backend: str = "auto",
        threads: int | None = None,
        require_positives: bool = False,
        device_transfer: bool = False,
    ):
        super().__init__(
            device_transfer,
            margin=margin,
            distance=distance,
            rule=hard_rule(soft),
            reduction=reduction,
            backend=backend,
            threads=threads,
            require_positives=require_positives,
        )
