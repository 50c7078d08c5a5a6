"""The names and defaults of ``tensorflow_addons.losses`` 0.23: ``import triplet_loss.tfa as losses``.

The classes are those of ``triplet_loss.keras`` where Keras 3 can be imported, and plain
callables elsewhere. All take tensors of TensorFlow, torch and JAX, and NumPy arrays, and
answer in kind, with a gradient where the framework has one.

Where TFA gave NaN (no two rows of the batch share a label) these give 0. TFA took
``reduction`` and ignored it; the classes here take Keras's. Everything else that differs is in
the project's docs/semantics.md and docs/migration.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._frameworks import apply
from ._loss import Settings, named, shared

__all__ = ["TripletHardLoss", "TripletSemiHardLoss", "triplet_hard_loss", "triplet_semihard_loss"]


def triplet_semihard_loss(y_true: Any, y_pred: Any, margin: float = 1.0, distance_metric: str = "L2") -> Any:
    """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`, a scalar.

    For every anchor and positive, the nearest negative that is farther than the positive.
    ``distance_metric``: ``L2``, ``squared-L2`` or ``angular``.
    """
    return apply(shared(Settings(float(margin), named(distance_metric))), y_true, y_pred)


def triplet_hard_loss(
    y_true: Any, y_pred: Any, margin: float = 1.0, soft: bool = False, distance_metric: str = "L2"
) -> Any:
    """The loss of labels `[B]` or `[B, 1]` and embeddings `[B, D]`, a scalar.

    For every anchor, its farthest positive and its nearest negative; ``soft`` takes the
    softplus of the difference instead of the hinge.
    """
    rule = "hard-soft" if soft else "hard"
    return apply(shared(Settings(float(margin), named(distance_metric), rule)), y_true, y_pred)


def _keras() -> Any:
    try:
        from . import keras
    except ImportError:  # no Keras, an old one, or one whose backend is missing
        return None
    return keras


class _Plain:
    """A loss where there is no Keras."""

    def __init__(self, name: str | None, settings: Settings):
        # Keras 2 takes no loss without a name.
        self.name = name or type(self).__name__
        self._settings = shared(settings).settings

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return apply(shared(self._settings), y_true, y_pred, sample_weight)

    def __repr__(self) -> str:
        values = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({values})"

    def get_config(self) -> dict[str, Any]:
        """The configuration, as TFA 0.23 writes it."""
        metric = {"squared-l2": "squared-L2", "l2": "L2", "angular": "angular"}[self._settings.distance]
        return {"name": self.name, "margin": self._settings.margin, "distance_metric": metric}


class _PlainSemiHard(_Plain):
    def __init__(self, margin: float = 1.0, distance_metric: str = "L2", name: str | None = None):
        super().__init__(name, Settings(float(margin), named(distance_metric)))


class _PlainHard(_Plain):
    def __init__(
        self, margin: float = 1.0, soft: bool = False, distance_metric: str = "L2", name: str | None = None
    ):
        rule = "hard-soft" if soft else "hard"
        super().__init__(name, Settings(float(margin), named(distance_metric), rule))

    def get_config(self) -> dict[str, Any]:
        """The configuration, as TFA 0.23 writes it."""
        return {**super().get_config(), "soft": self._settings.rule == "hard-soft"}


if TYPE_CHECKING:
    TripletSemiHardLoss = _PlainSemiHard
    TripletHardLoss = _PlainHard
else:
    _PlainSemiHard.__name__ = _PlainSemiHard.__qualname__ = "TripletSemiHardLoss"
    _PlainHard.__name__ = _PlainHard.__qualname__ = "TripletHardLoss"
    _found = _keras()
    TripletSemiHardLoss = _PlainSemiHard if _found is None else _found.TripletSemiHardLoss
    TripletHardLoss = _PlainHard if _found is None else _found.TripletHardLoss
    if _found is not None:  # models compiled with a function are saved by its name, TFA's too
        for _function in (triplet_semihard_loss, triplet_hard_loss):
            _found.register(_function)
