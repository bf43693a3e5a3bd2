"""Joins the JAX world, adds up over all its processes, and says as JSON what it saw."""

import json
import os
import socket
import time

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

TOLD = ("TPU_", "MEGASCALE_", "JAX_", "JAXRUN_", "OMPI_")
RESOLVED_WITHIN_SECONDS = 20


def resolve(name: str) -> str:
    """The address; a name may follow its pod by a second or two."""
    deadline = time.monotonic() + RESOLVED_WITHIN_SECONDS
    while True:
        try:
            return socket.gethostbyname(name)
        except OSError as error:
            if time.monotonic() > deadline:
                return str(error)
            time.sleep(0.2)


jax.distributed.initialize()
mesh = jax.make_mesh((jax.device_count(),), ("data",))
local = jnp.full((jax.local_device_count(),), 10.0 ** jax.process_index())
each = jax.make_array_from_process_local_data(NamedSharding(mesh, PartitionSpec("data")), local)
add_up = jax.jit(jnp.sum, out_shardings=NamedSharding(mesh, PartitionSpec()))
names = [name for name in os.environ.get("TPU_WORKER_HOSTNAMES", "").split(",") if name]
print(
    "saw: "
    + json.dumps(
        {
            "host": socket.gethostname(),
            "process": jax.process_index(),
            "processes": jax.process_count(),
            "devices": jax.device_count(),
            "sum": float(add_up(each)),
            "addresses": {name: resolve(name) for name in names},
            "env": {name: value for name, value in os.environ.items() if name.startswith(TOLD)},
        }
    ),
    flush=True,
)
