"""JAX on several devices or hosts: rows are gathered, and each device's anchors meet all of them.

    python jax_ranks.py [FOLDER]

Four devices of the CPU stand for four hosts, on which the same code runs after
`jax.distributed.initialize()`. Each device computes the loss of its own rows as anchors against all rows as
references; the gradient to the references goes back through `all_gather`, so that every row gets what
other devices' anchors put on it. Each pair of rows is computed twice, once for each of its anchors, where
`DistributedTripletLoss` of PyTorch computes it once; the sums over devices are float sums, so the last
bits differ from one device's.
"""

from __future__ import annotations

import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=4")

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from triplet_loss.jax import triplet_semihard_loss

mesh = Mesh(np.array(jax.devices()), ("hosts",))
SETTINGS = {"margin": 0.3, "distance": "l2"}


def loss_of_all(labels: jax.Array, embeddings: jax.Array) -> jax.Array:
    """The loss of all devices' rows, given each device's own."""
    rows, first = len(labels), jax.lax.axis_index("hosts") * len(labels)
    everyone = jax.lax.all_gather(embeddings, "hosts", tiled=True)
    classes = jax.lax.all_gather(labels, "hosts", tiled=True)
    own = triplet_semihard_loss(
        labels,
        embeddings,
        **SETTINGS,
        ref_emb=everyone,
        ref_labels=classes,
        ids=first + jnp.arange(rows),
        ref_ids=jnp.arange(len(classes)),
    )
    # A mean over this device's pairs: devices have different numbers of them.
    pairs = jnp.sum(labels[:, None] == classes) - rows
    return jax.lax.psum(own * pairs, "hosts") / jax.lax.psum(pairs, "hosts")


def step(labels: jax.Array, embeddings: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Loss, and the gradient to all rows."""

    def total(x: jax.Array) -> jax.Array:
        shared = jax.shard_map(
            loss_of_all,
            mesh=mesh,
            in_specs=(PartitionSpec("hosts"),) * 2,
            out_specs=PartitionSpec(),
            check_vma=False,
        )
        return shared(labels, x)

    return jax.value_and_grad(total)(embeddings)


def main() -> None:
    rng = np.random.default_rng(0)
    embeddings = jnp.asarray(rng.normal(size=(256, 32)).astype(np.float32))
    labels = jnp.asarray(rng.integers(0, 32, 256))
    value, gradient = jax.jit(step)(labels, embeddings)
    expected, whole = jax.value_and_grad(lambda x: triplet_semihard_loss(labels, x, **SETTINGS))(embeddings)
    print(f"{jax.device_count()} devices: loss {value:.7f}, one device {expected:.7f}")
    worst = float(jnp.abs(gradient - whole).max() / jnp.abs(whole).max())
    print(f"largest difference of a gradient component, over the largest component: {worst:.1e}")
    if not (abs(value - expected) < 1e-5 and worst < 1e-5):
        raise SystemExit("the devices do not compute the loss of one")


if __name__ == "__main__":
    main()
