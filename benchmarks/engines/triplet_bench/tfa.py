"""The loss of TensorFlow Addons: forward and backward."""

import os

from .registry import LIBRARIES, RIVALS, Batch, Rival


def add(threads: int) -> None:
    """Registers it."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import warnings

    warnings.filterwarnings("ignore")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import tensorflow_addons as tfa

    LIBRARIES.append(f"tensorflow {tf.__version__}, tensorflow-addons {tfa.__version__}")
    loss = tfa.losses.TripletSemiHardLoss(distance_metric="squared-L2")

    @tf.function(reduce_retracing=True)
    def step(y, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(y, x)
        return value, tape.gradient(value, x)

    def run() -> float:
        value, gradient = step(tf.constant(Batch.y), tf.constant(Batch.x))
        gradient.numpy()
        return float(value)

    # Tensors of B cubed, four bytes an element, some four of them at a time.
    RIVALS["tfa"] = Rival("peer", run, lambda b, d: 17 * b**3, "squared-l2")
