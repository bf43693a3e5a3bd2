"""Data parallelism: every process holds the whole model and brings its part of each batch."""

import os

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec

from bytegpt.jaxjob import devices

# Launchers whose processes JAX can join without being told anything more.
LAUNCHERS = ("JAX_COORDINATOR_ADDRESS", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS")


def join_processes() -> None:
    """One JAX world out of all processes of a launcher; a lone process needs none."""
    if any(name in os.environ for name in LAUNCHERS):
        jax.distributed.initialize()


def shardings() -> tuple[NamedSharding, NamedSharding]:
    """How arrays lie on all devices: the same everywhere, and cut along the first axis."""
    found = devices()
    auto = (jax.sharding.AxisType.Auto,)
    mesh = jax.make_mesh((len(found),), ("data",), auto, devices=found)
    return NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("data"))


def global_array(sharding: NamedSharding, array: np.ndarray, rows: np.ndarray) -> jax.Array:
    """`array[rows]` over all processes, of which each brings an equal part."""
    mine = np.split(rows, jax.process_count())[jax.process_index()]
    return jax.make_array_from_process_local_data(sharding, array[mine])


def anywhere(flag: bool) -> bool:
    """Whether it is so in any process: all must leave the loop after the same step."""
    return bool(multihost_utils.process_allgather(np.array(flag)).any())
