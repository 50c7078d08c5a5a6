"""Times what `triplet bench` compares with, when asked. One line in, one line out.

    load PATH B D         rows (f32) and labels (i64) of a batch, from a raw file
    time NAME CALLS       {"ms": [...], "value": ...} or {"left_out": "why"}

The first line out is {"library": ..., "rivals": [...]}: what this Python can run, each with
its name, its kind (floor or peer) and the distance of its loss if that is ours. The first
argument is a list of groups: floors, peers, tfa; the second the threads.
"""
import importlib.util
import json
import os
import sys
import time

groups, threads = sys.argv[1].split(","), int(sys.argv[2])
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # What libraries print is not an answer.


def has(module):
    return importlib.util.find_spec(module) is not None


def available_bytes():
    try:
        with open("/proc/meminfo") as lines:
            return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return 8 << 30


class Batch:
    """The batch at work."""

    x = y = None
    per_class = 0
    buffers = {}


rivals, libraries = {}, []


def rival(kind, name, run, needed, distance=None):
    """Something to time; `needed` gives its bytes for B and D."""
    rivals[name] = {"run": run, "needed": needed, "kind": kind, "distance": distance}


if "tfa" in groups:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import warnings

    warnings.filterwarnings("ignore")
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import tensorflow_addons as tfa

    libraries.append(f"tensorflow {tf.__version__}, tensorflow-addons {tfa.__version__}")
    loss = tfa.losses.TripletSemiHardLoss(distance_metric="squared-L2")

    @tf.function(reduce_retracing=True)
    def tfa_step(y, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(y, x)
        return value, tape.gradient(value, x)

    def run_tfa():
        value, gradient = tfa_step(tf.constant(Batch.y), tf.constant(Batch.x))
        gradient.numpy()
        return float(value)

    # Tensors of B cubed, four bytes an element, some four of them at a time.
    rival("peer", "tfa", run_tfa, lambda b, d: 17 * b**3, "squared-l2")
else:
    import numpy as np
if has("torch") and ("floors" in groups or "peers" in groups):
    import torch

    torch.set_num_threads(threads)
    libraries.append(f"torch {torch.__version__}")

    def rows():
        return torch.from_numpy(Batch.x)

    def labels():
        return torch.from_numpy(Batch.y)


if "floors" in groups:

    def buffer(kind, make):
        """One output matrix of each kind, kept as long as the batch is."""
        if kind not in Batch.buffers:
            Batch.buffers[kind] = make(len(Batch.x))
        return Batch.buffers[kind]

    if has("torch"):

        def torch_product():
            x = rows()
            torch.mm(x, x.T, out=buffer("torch", lambda b: torch.empty(b, b)))

        rival("floor", "torch E E'", torch_product, lambda b, d: 5 * b * b)

    def numpy_product():
        out = buffer("numpy", lambda b: np.empty((b, b), "f4"))
        np.matmul(Batch.x, Batch.x.T, out=out)

    libraries.append(f"numpy {np.__version__}")
    rival("floor", "numpy E E'", numpy_product, lambda b, d: 5 * b * b)
    if has("numkong"):
        import numkong
        from concurrent.futures import ThreadPoolExecutor

        libraries.append(f"numkong {numkong.__version__}")
        pool = ThreadPoolExecutor(threads)

        def numkong_symmetric():
            b = len(Batch.x)
            out = buffer("numkong", lambda b: numkong.empty((b, b), dtype="float64"))
            # Rows of equal areas of the upper triangle.
            cuts = [round(b * (1 - (1 - part / threads) ** 0.5)) for part in range(threads + 1)]

            def work(part):
                numkong.dots_symmetric(Batch.x, out=out, start_row=cuts[part], end_row=cuts[part + 1])

            list(pool.map(work, range(threads)))

        rival("floor", "numkong symmetric", numkong_symmetric, lambda b, d: 9 * b * b)

if "peers" in groups and has("torch"):

    def distances(x):
        gram = x @ x.T
        n = gram.diagonal()
        return (n[:, None] + n[None] - 2 * gram).clamp_(min=0)

    def positives(y):
        same = y[:, None] == y[None]
        same.fill_diagonal_(False)
        counts = same.sum(1)
        if int(counts.min()) != int(counts.max()):
            raise ValueError("needs as many rows of every class")
        return torch.topk(same.float(), int(counts.max()), dim=1).indices

    def sorted_negatives(d, y, pos):
        same = y[:, None] == y[None]
        values, index = d.masked_fill(same, float("inf")).sort(1)
        count = (~torch.isinf(values)).sum(1, keepdim=True)
        q = torch.searchsorted(values, d.gather(1, pos), right=True)
        return index.gather(1, torch.minimum(q, count - 1))

    def by_sorting(x, y, pos):
        return sorted_negatives(distances(x), y, pos)

    def by_loop(x, y, pos):
        d, same = distances(x), y[:, None] == y[None]
        farthest = d.masked_fill(same, -1.0).max(1).indices
        out = []
        for c in range(pos.shape[1]):
            m = d.masked_fill(same | (d <= d.gather(1, pos[:, c : c + 1])), float("inf")).min(1)
            out.append(torch.where(torch.isinf(m.values), farthest, m.indices))
        return torch.stack(out, 1)

    def step(mine):
        x, y = rows().requires_grad_(), labels()
        with torch.no_grad():
            pos = positives(y)
            neg = mine(x, y, pos)
        xa = x[:, None, :]
        loss = torch.relu(1.0 + (xa - x[pos]).square().sum(2) - (xa - x[neg]).square().sum(2)).mean()
        loss.backward()
        return loss.item()

    def dense():
        """The loss from the distance matrix itself: for many positives a row."""
        x, y = rows().requires_grad_(), labels()
        d = distances(x)
        with torch.no_grad():
            pos = positives(y)
            neg = sorted_negatives(d.detach(), y, pos)
        loss = torch.relu(1.0 + d.gather(1, pos) - d.gather(1, neg)).mean()
        loss.backward()
        return loss.item()

    matrices = lambda b, d: 60 * b * b + 12 * b * Batch.per_class * d
    rival("peer", "torch sort", lambda: step(by_sorting), matrices, "squared-l2")
    rival("peer", "torch dense", dense, matrices, "squared-l2")
    rival("peer", "torch loop", lambda: step(by_loop), matrices, "squared-l2")
    compiled = torch.compile(by_loop, dynamic=False)
    rival("peer", "torch compiled", lambda: step(compiled), matrices, "squared-l2")
    if has("triplet_loss"):  # Ours, as torch's users call it.
        from triplet_loss.torch import TripletSemiHardLoss

        ours = TripletSemiHardLoss(threads=threads)

        def in_torch():
            value = ours(rows().requires_grad_(), labels())
            value.backward()
            return value.item()

        rival("peer", "triplet-loss in torch", in_torch, lambda b, d: 100 * b * d, "squared-l2")
    if has("pytorch_metric_learning"):
        from pytorch_metric_learning import distances as pml_distances, losses as pml_losses, miners

        metric = pml_distances.LpDistance(power=2, normalize_embeddings=False)
        miner = miners.TripletMarginMiner(margin=1.0, type_of_triplets="semihard", distance=metric)
        criterion = pml_losses.TripletMarginLoss(margin=1.0, distance=metric)

        def pml():
            x, y = rows().requires_grad_(), labels()
            value = criterion(x, y, miner(x, y))
            value.backward()
            return value.item()

        # Every triplet of the batch, in several lists of eight bytes.
        rival("peer", "pytorch-metric-learning", pml, lambda b, d: 80 * b * b * Batch.per_class)
    if has("sentence_transformers"):
        from sentence_transformers import losses as st_losses

        st = st_losses.BatchSemiHardTripletLoss.__new__(st_losses.BatchSemiHardTripletLoss)
        torch.nn.Module.__init__(st)  # The loss alone, without a text model.
        st.margin = 1.0
        st.distance_metric = st_losses.BatchHardTripletLossDistanceFunction.eucledian_distance

        def sentence_transformers():
            x, y = rows().requires_grad_(), labels()
            value = st.batch_semi_hard_triplet_loss(y, x)
            value.backward()
            return value.item()

        rival("peer", "sentence-transformers", sentence_transformers, lambda b, d: 30 * b**3, "l2")


def load(path, b, d):
    b, d = int(b), int(d)
    Batch.buffers.clear()
    with open(path, "rb") as file:
        Batch.x = np.fromfile(file, "f4", b * d).reshape(b, d)
        Batch.y = np.fromfile(file, "i8", b)
    Batch.per_class = int(np.unique(Batch.y, return_counts=True)[1].max())
    return {}


def measure(name, calls):
    run = rivals[name]["run"]
    need = rivals[name]["needed"](*Batch.x.shape)
    if need > 0.9 * available_bytes():
        return {"left_out": f"needs about {need / 1e9:.0f} GB"}
    times, value = [], None
    for _ in range(int(calls)):
        start = time.perf_counter()
        value = run()
        times.append(1e3 * (time.perf_counter() - start))
    return {"ms": times, "value": value}


able = [{"name": name, "kind": it["kind"], "distance": it["distance"]} for name, it in rivals.items()]
print(json.dumps({"library": ", ".join(libraries), "rivals": able}), file=answers)
for line in sys.stdin:
    command, *rest = line.rstrip("\n").split("\t")
    try:
        answer = load(*rest) if command == "load" else measure(*rest)
    except Exception as error:  # The bench goes on without this one.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        answer = {"left_out": reason[:100]}
    print(json.dumps(answer), file=answers)
