"""A replica of several hosts: its processes enter JAX's world, and meet beside it."""

import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxrun.serve.engine.followers import Follower, Leader, PeerLost

_COORDINATOR = "JAX_COORDINATOR_ADDRESS"
_PROCESSES = "OMPI_COMM_WORLD_SIZE"
_SECRET_BYTES = 32
_MEET_SECONDS = 60.0


def enter(environ: Mapping[str, str] = os.environ) -> None:
    """Make one world of this replica's processes; does nothing for one process.

    Before anything else touches JAX's devices, so before the model's factory.
    """
    if _COORDINATOR in environ and int(environ.get(_PROCESSES, "1")) > 1:
        jax.distributed.initialize()


def meet(
    lost: Callable[[PeerLost], None], environ: Mapping[str, str] = os.environ
) -> Leader | Follower | None:
    """This process's part in its replica; None where it is alone. Raises PeerLost.

    Process 0 says its port and a fresh secret in one collective, which all processes take part in:
    the launcher's own token is not the program's to know.
    """
    if jax.process_count() == 1:
        return None
    leader: Leader | None = None
    said = np.zeros(4 + _SECRET_BYTES, np.uint8)
    if jax.process_index() == 0:
        secret = secrets.token_bytes(_SECRET_BYTES)
        leader = Leader(secret, jax.process_count() - 1, lost)
        said[:] = list(leader.port.to_bytes(4, "big") + secret)
    heard: Any = multihost_utils.broadcast_one_to_all(said)
    if leader is not None:
        leader.accept(_MEET_SECONDS)
        return leader
    data = bytes(np.asarray(heard, np.uint8))
    host = environ[_COORDINATOR].rpartition(":")[0].strip("[]")
    port = int.from_bytes(data[:4], "big")
    return Follower(host, port, data[4:], jax.process_index(), _MEET_SECONDS)
