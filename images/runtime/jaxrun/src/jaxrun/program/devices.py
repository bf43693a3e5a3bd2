"""The devices that a program builds its mesh of, whether or not they are there."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AHEAD_OF_TIME = "JAXRUN_AHEAD_OF_TIME"

_described: tuple[str, list[Any]] | None = None


def devices() -> list[Any]:
    """`jax.devices()`; in a Warmup with aheadOfTime, those of the topology that it compiles for.

        mesh = jax.sharding.Mesh(jaxrun.devices(), ("data",))

    Devices that are not there have a kind, coordinates and a place in a mesh. They can be compiled
    for, with `warm` and shapes that are sharded over the mesh; no array can be put on them. Each
    call returns the same devices, in JAX's order. Works outside of a launcher too.

    Raises:
        RuntimeError: the topology has another number of devices than the slice would have, or JAX
            cannot describe it; libtpu has to be installed.
    """
    told = os.environ.get(AHEAD_OF_TIME)
    if not told:
        import jax

        return list(jax.devices())
    return list(_absent(told))


def _absent(told: str) -> list[Any]:
    """Made once: each description has a client, and thus devices, of its own."""
    global _described
    if _described is None or _described[0] != told:
        _described = told, _describe(told)
    return _described[1]


def _describe(told: str) -> list[Any]:
    import json

    from jax.experimental import topologies

    wanted: dict[str, Any] = json.loads(told)
    options: dict[str, Any] = wanted.get("options") or {}
    described = topologies.get_topology_desc(
        platform=wanted["platform"], topology_name=wanted["topology"], **options
    )
    found = list(described.devices)
    if len(found) != wanted["devices"]:
        raise RuntimeError(
            f"topology {wanted['topology']} ({options}) has {len(found)} devices as its compiler "
            f"describes it, and {wanted['devices']} by its AcceleratorClass: correct aheadOfTime "
            "or devicesPerChip there"
        )
    return found
