"""Other triplet losses on the batch's rows: forward and backward."""

import importlib.metadata

from .registry import LIBRARIES, RIVALS, Batch, Rival, has

OURS = "triplet-loss in torch"


def torch_losses(threads: int):
    """(name, loss, bytes for B and D, distance if the rule is ours, whether it compiles a shape)."""
    from . import losses

    def matrices(b, d):
        return 60 * b * b + 12 * b * Batch.per_class * d

    def every_triplet(b, d):
        """Every triplet of the batch, in several lists of eight bytes."""
        return 80 * b * b * Batch.per_class

    yield "torch sort", losses.from_rows(losses.negatives_by_sorting), matrices, "squared-l2", False
    yield "torch dense", losses.dense, matrices, "squared-l2", False
    yield "torch loop", losses.from_rows(losses.negatives_by_loop), matrices, "squared-l2", False
    yield "torch compiled", losses.compiled(), matrices, "squared-l2", True
    if has("triplet_loss"):
        yield OURS, losses.triplet_loss(threads), lambda b, d: 100 * b * d, "squared-l2", False
    if has("pytorch_metric_learning"):
        _version("pytorch-metric-learning")
        yield "pytorch-metric-learning", losses.pytorch_metric_learning(), every_triplet, None, False
    if has("sentence_transformers"):
        _version("sentence-transformers")
        yield "sentence-transformers", losses.sentence_transformers(), lambda b, d: 30 * b**3, "l2", False


def _version(package: str) -> None:
    LIBRARIES.append(f"{package} {importlib.metadata.version(package)}")


def add(threads: int) -> None:
    """Registers the losses that this Python has."""
    import torch

    def on_batch(loss):
        def run() -> float:
            x, y = torch.from_numpy(Batch.x).requires_grad_(), torch.from_numpy(Batch.y)
            value = loss(x, y)
            value.backward()
            return value.item()

        return run

    for name, loss, needed, distance, compiles in torch_losses(threads):
        RIVALS[name] = Rival("peer", on_batch(loss), needed, distance, compiles=compiles)
