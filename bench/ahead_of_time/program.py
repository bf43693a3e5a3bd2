"""Compiles a small train step for the devices of a TPU topology, of which none is here.

Prints one line of JSON. Run by `__main__`, which sets the environment.
"""

import json
import logging
import re
import sys
import time
import warnings
from pathlib import Path
from typing import Any

PART = re.compile(r"hash of serialized (.*): ([0-9a-f]+)")


class KeyParts(logging.Handler):
    """What JAX says of each part of the key of its last request to the cache."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.hashes: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if found := PART.search(record.getMessage()):
            self.hashes[found[1]] = found[2][:12]


def main(topology: str, cache: Path) -> None:
    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax.experimental import serialize_executable, topologies
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    parts = KeyParts()
    logger = logging.getLogger("jax._src.cache_key")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(parts)
    events: list[str] = []
    jax.monitoring.register_event_listener(lambda event, **_: events.append(event))

    described = topologies.get_topology_desc(platform="tpu", topology_name=topology)
    devices: list[Any] = list(described.devices)
    mesh = Mesh(np.array(devices), ("data",))
    partition: Any = PartitionSpec
    array: Any = jax.ShapeDtypeStruct
    weights, rows = (NamedSharding(mesh, spec) for spec in (partition(), partition("data")))

    def step(w: Any, x: Any) -> Any:
        return w - 0.1 * jax.grad(lambda w: jnp.mean((jnp.tanh(x @ w) @ w) ** 2))(w)

    w = array((512, 512), jnp.float32, sharding=weights)
    x = array((64, 512), jnp.float32, sharding=rows)
    lowered = jax.jit(step, out_shardings=weights).lower(w, x)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        began = time.monotonic()
        compiled = lowered.compile()
        seconds = time.monotonic() - began
    payload, _, _ = serialize_executable.serialize(compiled)
    found = {
        "jax": jax.__version__,
        "device": devices[0].device_kind,
        "devices": len(devices),
        "processes": len({device.process_index for device in devices}),
        "platform_version": devices[0].client.platform_version,
        "seconds": seconds,
        "serialized_bytes": len(payload),
        "requests": sum(event.endswith("/compile_requests_use_cache") for event in events),
        "hits": sum(event.endswith("/cache_hits") for event in events),
        "warnings": [str(warning.message) for warning in said],
        "key_parts": parts.hashes,
        "entries": sorted(path.name for path in cache.glob("*-cache")),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
