"""Triplet losses for PyTorch: modules with autograd, statistics and a miner.

>>> import torch
>>> from triplet_loss.torch import TripletSemiHardLoss
>>> loss = TripletSemiHardLoss(margin=1.0, distance="l2")
>>> embeddings = torch.tensor([[0.0], [1.0], [1.5], [3.0]], requires_grad=True)
>>> value = loss(embeddings, torch.tensor([0, 0, 1, 2]))
>>> value.backward()
>>> value.item(), embeddings.grad.flatten().tolist()
(0.25, [-0.5, 1.5, -0.5, -0.5])
>>> loss.statistics.violating_fraction
0.5
>>> loss.margin = 2.0
>>> loss(embeddings, torch.tensor([0, 0, 1, 2])).item()
1.25

A margin may also be a tensor, changed in place, or a function of no arguments: a schedule.

A batch in which no two rows share a label has the loss 0 and no gradient with
``TripletSemiHardLoss``; with ``TripletHardLoss``, as in TensorFlow Addons, that of anchors whose
positive is at the distance 0. Such batches distort a mean over batches: leave out those with
``loss.statistics.positive_pairs == 0`` after the call, or make them an error with
``require_positives=True``.

float32 and float64 are computed as they are, float16 and bfloat16 in float32. The
gradient is computed in the forward pass; ``torch.compile`` sees one operation.
"""

from ._cached_step import cached_step
from ._distributed import DistributedTripletLoss
from ._memory import CrossBatchMemory
from ._modules import TripletHardLoss, TripletSemiHardLoss

__all__ = [
    "CrossBatchMemory",
    "DistributedTripletLoss",
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "cached_step",
]
