"""Triplet losses for Keras 3, on its TensorFlow, torch and JAX backends.

``TripletSemiHardLoss(margin, distance_metric, name)`` has the names, the order and the
defaults of TensorFlow Addons 0.23; its saved configurations, of every version, are read.

>>> import keras
>>> from triplet_loss.keras import TripletSemiHardLoss
>>> loss = TripletSemiHardLoss(margin=0.5)
>>> loss.get_config()["distance_metric"]
'L2'
>>> loss.margin = 0.7  # the next batch is computed with it, in `fit` too

Rows that Keras masks have no loss, but are mined like others. A subclass may override ``call``.

A batch without two rows of a class has the loss 0, which counts in the mean that ``fit`` and
``evaluate`` report: ``TripletLossMetric`` is that mean without such batches, and
``require_positives=True`` makes them an error.

Masked arrays are refused, but not always those that are given to ``fit`` and ``evaluate``: on TensorFlow
and torch, Keras makes plain arrays of them before the loss sees them. Give
``sample_weight`` 0 to rows that are not to count.

On JAX without ``jax_enable_x64`` labels are cut to 32 bits on their way into a compiled step, before
the loss sees them: number classes within 32 bits there.

On TensorFlow the loss is a Python function in the graph: ``compile(jit_compile=True)`` is
refused, and an exported SavedModel holds the model without it.
"""

from __future__ import annotations

import keras

if int(keras.__version__.split(".")[0]) < 3:
    raise ImportError(f"triplet_loss.keras needs Keras 3, found {keras.__version__}")

from ._losses import TripletHardLoss, TripletSemiHardLoss
from ._metric import TripletLossMetric

__all__ = ["TripletHardLoss", "TripletLossMetric", "TripletSemiHardLoss"]
