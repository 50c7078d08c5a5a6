"""Other triplet losses in torch, and triplet's own, as functions of embeddings and labels.

Each is `loss(x, y) -> scalar tensor` with a graph behind it.
"""

import torch

MARGIN = 1.0
# The compiled loop is unrolled: one pass for each positive.
MOST_COMPILED = 64


def distances(x):
    """Squared distances [B, B]."""
    gram = x @ x.T
    n = gram.diagonal()
    return (n[:, None] + n[None] - 2 * gram).clamp_(min=0)


def positives(y):
    """Rows of each anchor's class but itself [B, P - 1]."""
    same = y[:, None] == y[None]
    same.fill_diagonal_(False)
    counts = same.sum(1)
    if int(counts.min()) != int(counts.max()):
        raise ValueError("needs as many rows of every class")
    return torch.topk(same.float(), int(counts.max()), dim=1).indices


def negatives_by_sorting(x, y, pos):
    """The negative of each positive [B, P - 1], by sorting all distances."""
    return _sorted_negatives(distances(x), y, pos)


def _sorted_negatives(d, y, pos):
    same = y[:, None] == y[None]
    values, index = d.masked_fill(same, float("inf")).sort(1)
    count = (~torch.isinf(values)).sum(1, keepdim=True)
    q = torch.searchsorted(values, d.gather(1, pos), right=True)
    return index.gather(1, torch.minimum(q, count - 1))


def negatives_by_loop(x, y, pos):
    """The negative of each positive [B, P - 1], by one masked minimum for each."""
    d, same = distances(x), y[:, None] == y[None]
    farthest = d.masked_fill(same, -1.0).max(1).indices
    out = []
    for c in range(pos.shape[1]):
        m = d.masked_fill(same | (d <= d.gather(1, pos[:, c : c + 1])), float("inf")).min(1)
        out.append(torch.where(torch.isinf(m.values), farthest, m.indices))
    return torch.stack(out, 1)


def from_rows(mine):
    """The loss from the rows of the triplets that `mine` chooses."""

    def loss(x, y):
        with torch.no_grad():
            pos = positives(y)
            neg = mine(x.detach(), y, pos)
        xa = x[:, None, :]
        return torch.relu(MARGIN + (xa - x[pos]).square().sum(2) - (xa - x[neg]).square().sum(2)).mean()

    return loss


def dense(x, y):
    """The loss from the distance matrix itself: for many positives a row."""
    d = distances(x)
    with torch.no_grad():
        pos = positives(y)
        neg = _sorted_negatives(d.detach(), y, pos)
    return torch.relu(MARGIN + d.gather(1, pos) - d.gather(1, neg)).mean()


def compiled():
    """The loop, compiled for each shape."""
    # Beyond its limit torch goes on uncompiled.
    limit = "recompile_limit" if hasattr(torch._dynamo.config, "recompile_limit") else "cache_size_limit"
    setattr(torch._dynamo.config, limit, 64)
    mine = torch.compile(negatives_by_loop, dynamic=False)

    def few_positives(x, y, pos):
        if pos.shape[1] > MOST_COMPILED:
            raise ValueError(f"compiling takes minutes with more than {MOST_COMPILED} positives a row")
        return mine(x, y, pos)

    return from_rows(few_positives)


def triplet_loss(threads: int):
    """Ours, as torch's users call it."""
    from triplet_loss.torch import TripletSemiHardLoss

    return TripletSemiHardLoss(margin=MARGIN, threads=threads)


def pytorch_metric_learning():
    """Its nearest equivalent, which mines every semi-hard triplet: another rule."""
    from pytorch_metric_learning import distances as metrics
    from pytorch_metric_learning import losses, miners

    metric = metrics.LpDistance(power=2, normalize_embeddings=False)
    miner = miners.TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard", distance=metric)
    criterion = losses.TripletMarginLoss(margin=MARGIN, distance=metric)
    return lambda x, y: criterion(x, y, miner(x, y))


def sentence_transformers():
    """Its semi-hard loss (TFA's rule, Euclidean), without a text model."""
    from sentence_transformers import losses

    loss = losses.BatchSemiHardTripletLoss.__new__(losses.BatchSemiHardTripletLoss)
    torch.nn.Module.__init__(loss)
    loss.margin = MARGIN
    loss.distance_metric = losses.BatchHardTripletLossDistanceFunction.eucledian_distance
    return lambda x, y: loss.batch_semi_hard_triplet_loss(y, x)
