"""An epoch of Keras's `fit` with this loss, and with the real one of TensorFlow Addons.

    python keras_epoch.py --ours PYTHON --tfa PYTHON [--batch 128] [--rows 12800] [--epochs 5]

Each PYTHON is that of an environment: one with Keras 3 on TensorFlow and triplet_loss, the
other with TensorFlow 2.14 and TensorFlow Addons (`cargo xtask test --all` makes both:
target/python/test and target/python/legacy). Both train the same model, one Dense layer of 128, on
the same data, an epoch in turn; the first epoch compiles and does not count.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

CHILD = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
name, batch, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
import numpy as np
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(2)
if name == "tfa":
    import tensorflow_addons as tfa
    losses, keras = tfa.losses, tf.keras
else:
    import keras
    import triplet_loss.tfa as losses
rng = np.random.default_rng(0)
x = rng.standard_normal((rows, 64), np.float32)
y = np.tile(np.repeat(np.arange(batch // 8), 8), rows // batch)
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(128)])
model.compile("sgd", loss=losses.TripletSemiHardLoss())
for _ in sys.stdin:
    start = time.perf_counter()
    loss = model.fit(x, y, batch_size=batch, shuffle=False, verbose=0).history["loss"][0]
    print(time.perf_counter() - start, loss, file=answers)
"""


class Child:
    """A process that trains an epoch when asked."""

    def __init__(self, python: str, name: str, batch: int, rows: int):
        command = [python, "-c", CHILD, name, str(batch), str(rows)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def epoch(self) -> tuple[float, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print("go", file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit(f"{self.process.args[0]} ended: does it have what this needs?")
        return float(answer[0]), float(answer[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ours", default=sys.executable)
    parser.add_argument("--tfa", required=True)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rows", type=int, default=12_800)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    rows = arguments.rows // arguments.batch * arguments.batch
    children = {
        name: Child(python, name, arguments.batch, rows)
        for name, python in (("ours", arguments.ours), ("tfa", arguments.tfa))
    }
    seconds: dict[str, list[float]] = {name: [] for name in children}
    for epoch in range(arguments.epochs + 1):
        for name, child in children.items():
            took, loss = child.epoch()
            if epoch:
                seconds[name].append(took)
            print(f"epoch {epoch}  {name:5} {took:8.3f} s  loss {loss:.5f}", flush=True)
    steps = rows // arguments.batch
    ours, tfa = (statistics.median(seconds[name]) for name in ("ours", "tfa"))
    print(
        f"{steps} steps of {arguments.batch} rows: ours {ours:.3f} s, TFA {tfa:.3f} s, "
        f"{tfa / ours:.1f} times (medians of {arguments.epochs} epochs)"
    )


if __name__ == "__main__":
    main()
