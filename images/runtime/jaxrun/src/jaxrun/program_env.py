"""The environment that makes a bare jax.distributed.initialize() work in the program.

JAX asks its cluster detectors in order: Open MPI's comes first and needs nothing but variables, no
RBAC and no MPI. It counts all processes of all slices, which JAX's own detectors cannot across
several Jobs. On TPU it comes before JAX's GKE detector, and both give the same process id (worker
id + slice * hosts): so the variables are the same on every platform, the coordinator's port can
change by epoch, and the TPU_* and MEGASCALE_* variables that libtpu reads stay as they are.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jaxrun import contract
from jaxrun.absent_devices import environment_without_devices
from jaxrun.program.reporter import CHANNEL, TOP
from jaxrun.settings import Settings

_GPU_PLATFORMS = ("cuda", "rocm")


@dataclass(frozen=True)
class Place:
    """Where one epoch's program stands; the coordinator is process 0's IP address and a port."""

    epoch: int
    restarts: int
    coordinator: str
    coordinator_port: int


def program_environment(
    settings: Settings,
    place: Place,
    inherited: Mapping[str, str],
    channel: str | None,
    site: str | None,
    cache: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """What the program gets: all that the container has, less the token, plus its place.

    `channel` is the reporter's directory and `site` the directory of sitecustomize; without them
    the program runs unobserved. `cache` is what its compile cache needs.
    """
    env = {name: value for name, value in inherited.items() if name not in (contract.TOKEN, TOP)}
    version_6 = ":" in place.coordinator
    host = f"[{place.coordinator}]" if version_6 else place.coordinator
    env[contract.COORDINATOR_ADDRESS] = f"{host}:{place.coordinator_port}"
    scheme = "tcp6" if version_6 else "tcp"
    env[contract.OMPI_URI] = f"0.0;{scheme}://{host}:{place.coordinator_port}"
    env[contract.OMPI_SIZE] = str(settings.num_processes)
    env[contract.OMPI_RANK] = str(settings.process_id)
    env[contract.OMPI_LOCAL_RANK] = "0"
    if settings.platform in _GPU_PLATFORMS and settings.local_devices > 0:
        # Otherwise JAX takes Open MPI's local rank for the one device of this process.
        ids = ",".join(str(i) for i in range(settings.local_devices))
        env.setdefault(contract.LOCAL_DEVICE_IDS, ids)
    env[contract.EPOCH] = str(place.epoch)
    env[contract.ATTEMPT] = str(settings.attempt)
    env[contract.RESTARTS] = str(place.restarts)
    env[contract.PROCESS_ID] = str(settings.process_id)
    env.update(cache or {})
    if contract.AHEAD_OF_TIME in inherited:
        env.update(environment_without_devices(inherited))
    # What a killed process has printed should be in its log.
    env.setdefault("PYTHONUNBUFFERED", "1")
    if channel is not None and site is not None:
        env[CHANNEL] = channel
        path = env.get("PYTHONPATH")
        env["PYTHONPATH"] = f"{site}{os.pathsep}{path}" if path else site
    return env


def site_directory() -> str | None:
    """Where sitecustomize and the program's `jaxrun` are: installed, or in this source tree."""
    here = Path(__file__).resolve().parent
    for directory in (here.parents[1] / "site", here / "site"):
        if (directory / "sitecustomize.py").exists():
            return str(directory)
    return None
