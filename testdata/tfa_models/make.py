"""Makes the models of this folder, in which it is run with TensorFlow 2.14 and TensorFlow Addons 0.23.

As `python < make.py`: the models hold the path of a script that is run by its name.
"""

from pathlib import Path

import tensorflow as tf
import tensorflow_addons as tfa

HERE = Path()
LOSSES = {
    "function_semihard": tfa.losses.triplet_semihard_loss,
    "function_hard": tfa.losses.triplet_hard_loss,
    "class_semihard": tfa.losses.TripletSemiHardLoss(margin=0.5),
    "class_hard": tfa.losses.TripletHardLoss(margin=0.5, soft=True),
}


def model(*more: tf.keras.layers.Layer) -> tf.keras.Model:
    tf.keras.utils.set_random_seed(1)
    return tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(2), *more])


for name, loss in LOSSES.items():
    net = model()
    net.compile("sgd", loss=loss)
    net.save(HERE / f"{name}.h5")
    if name == "class_semihard":
        net.save(HERE / f"{name}.keras")
    if name == "function_semihard":
        net.save(HERE / name, save_format="tf")

# As TFA's tutorial normalises its embeddings.
net = model(tf.keras.layers.Lambda(lambda x: tf.math.l2_normalize(x, axis=1)))
net.compile("sgd", loss=LOSSES["class_semihard"])
net.save(HERE / "lambda.h5")

inputs = tf.keras.Input((3,))
net = tf.keras.Model(inputs, tf.math.l2_normalize(tf.keras.layers.Dense(2)(inputs), axis=1))
net.compile("sgd", loss=LOSSES["class_semihard"])
net.save(HERE / "operation.h5")

net = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
net.compile("sgd", loss=LOSSES["class_semihard"])
net.save(HERE / "input_shape.keras")
