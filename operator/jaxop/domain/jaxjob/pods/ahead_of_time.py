"""A JaxJob on cpu whose program compiles for an accelerator that is not there.

It is a Warmup's, which marks it with an annotation: the job's own accelerator says where its pods
run, the annotation what they compile for, and into which cache namespace.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jaxop.api.v1alpha1 import JaxJob
from jaxop.api.v1alpha1.labels import AHEAD_OF_TIME

_DIGEST: Final = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class AbsentDevices:
    """The devices of one slice, as `jax.experimental.topologies` is to be asked for them."""

    cache_namespace: str
    """That of programs that run on them."""
    platform: str
    topology: str
    """By the compiler's name: `v5e:4x4`."""
    options: Mapping[str, Any]
    devices: int

    @property
    def for_program(self) -> str:
        """contract.json, `aheadOfTime`."""
        return _as_json(
            {
                "platform": self.platform,
                "topology": self.topology,
                "options": dict(self.options),
                "devices": self.devices,
            }
        )

    @property
    def annotation(self) -> str:
        return _as_json({"cacheNamespace": self.cache_namespace, **json.loads(self.for_program)})


def absent_devices(jaxjob: JaxJob) -> AbsentDevices | None:
    """What its annotation says; None without one that makes sense."""
    try:
        said = json.loads(jaxjob.metadata.annotations.get(AHEAD_OF_TIME, "null"))
        found = AbsentDevices(
            cache_namespace=str(said["cacheNamespace"]),
            platform=str(said["platform"]),
            topology=str(said["topology"]),
            options=dict(said["options"]),
            devices=int(said["devices"]),
        )
    except (ValueError, TypeError, KeyError):
        return None
    return found if _DIGEST.fullmatch(found.cache_namespace) else None


def _as_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
