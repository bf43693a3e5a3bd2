"""What a host should have, against what was found there: in words, or nothing where they agree.

Pure. The sentences go on after "process 1 (host) ...".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from jaxrun.settings import Preflight, Settings

_GPU = ("cuda", "rocm")
_EXTRAS = {"cuda": "jax[cuda13] or jax[cuda12]", "rocm": "jax[rocm]", "tpu": "jax[tpu]"}
_OFF = "set spec.preflight.mode to Off if this is meant"
_LIMIT = 400
# GPU processes find each other while JAX initialises: what says so is not of this host.
_OTHERS = re.compile(
    r"coordination|\bpeer\b|barrier|another task|connect|heartbeat|DEADLINE_EXCEEDED", re.IGNORECASE
)


@dataclass(frozen=True)
class Found:
    """What a Python with JAX says of itself; None where it has not said so yet."""

    jax: str | None = None
    jaxlib: str | None = None
    platform: str | None = None
    """JAX's default backend: cpu, gpu, tpu."""
    devices: int | None = None
    """Of this process."""
    device_kind: str = ""
    chosen: str = ""
    """JAX_PLATFORMS, or jax_platforms of its config, if set."""
    error: str = ""
    """Why no backend could be initialised."""

    def told(self, message: dict[str, Any]) -> "Found":
        """With what a message from the program says, which may be anything."""
        changes: dict[str, Any] = {}
        for name in ("jax", "jaxlib", "platform", "device_kind", "chosen", "error"):
            value = message.get(name)
            if isinstance(value, str) and value:
                changes[name] = value[:_LIMIT]
        devices = message.get("devices")
        if type(devices) is int and devices >= 0:
            changes["devices"] = devices
        return replace(self, **changes)


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes of one device, whoever uses them."""

    device: str
    total_bytes: int
    free_bytes: int


def mismatch(settings: Settings, found: Found) -> str | None:
    """Versions everywhere; backend and number of devices where there are accelerators."""
    return version_mismatch(settings.preflight, found) or _device_mismatch(settings, found)


def version_mismatch(expected: Preflight, found: Found) -> str | None:
    """Of jax, then of jaxlib."""
    for package, wanted, version in (
        ("jax", expected.jax, found.jax),
        ("jaxlib", expected.jaxlib, found.jaxlib),
    ):
        if wanted is not None and version is not None and not _begins(version, wanted):
            has = f"has {package} {version}" if version else f"has no {package}"
            return (
                f"{has} where {wanted} was expected: use an image with {package} {wanted}, or "
                f"change spec.preflight.{package}"
            )
    return None


def no_device_nodes(settings: Settings, looked_for: str) -> str:
    """The container was given none."""
    return (
        f"has no device node {looked_for} in its container where {_wanted(settings)} "
        f"expected: the node's device plugin or driver does not work; {_OFF}"
    )


def memory_mismatch(percent: int, memories: Sequence[DeviceMemory]) -> str | None:
    """The first device with less free memory than that."""
    for memory in memories:
        if memory.total_bytes > 0 and 100 * memory.free_bytes < percent * memory.total_bytes:
            share = 100 * memory.free_bytes // memory.total_bytes
            return (
                f"found {share} % of the memory of device {memory.device} free "
                f"({_gibibytes(memory.free_bytes)} of {_gibibytes(memory.total_bytes)} GiB) where "
                f"{percent} % was expected: somebody else's process uses it; end that, or lower "
                "spec.preflight.freeMemoryPercent"
            )
    return None


def _device_mismatch(settings: Settings, found: Found) -> str | None:
    expected = settings.platform
    if expected not in _EXTRAS:
        return None
    if found.error and not _OTHERS.search(found.error):
        error = " ".join(found.error.split())
        return f"found no usable device where {_wanted(settings)} expected: {error}; {_OFF}"
    if found.platform is None or found.devices is None:
        return None
    if found.platform != expected and not (found.platform == "gpu" and expected in _GPU):
        return (
            f"found {_count(found.devices, found.platform)} where {_wanted(settings)} expected: "
            f"{_why_other(expected, found)}; {_OFF}"
        )
    wanted = expected_devices(settings)
    if wanted and found.devices != wanted:
        kind = f" ({found.device_kind})" if found.device_kind else ""
        return (
            f"found {_count(found.devices, expected)}{kind} where {_wanted(settings)} expected: "
            f"{_why_count(expected, found.devices < wanted)}; {_OFF}"
        )
    return None


def expected_devices(settings: Settings) -> int:
    """JAX devices of one process; 0 where nobody said how many chips it has."""
    return settings.local_devices * settings.devices_per_chip


def _why_other(expected: str, found: Found) -> str:
    if found.chosen and expected not in found.chosen and "gpu" not in found.chosen:
        return (
            f"the program or its image chose it (JAX_PLATFORMS or jax_platforms is {found.chosen})"
        )
    fell = "JAX fell back to CPU" if found.platform == "cpu" else f"JAX took {found.platform}"
    return (
        f"{fell}; the image needs {_EXTRAS[expected]}, and the node a driver that fits, "
        "the program's log may say more"
    )


def _why_count(expected: str, too_few: bool) -> str:
    hiding = {
        "cuda": "CUDA_VISIBLE_DEVICES, JAX_CUDA_VISIBLE_DEVICES",
        "rocm": "HIP_VISIBLE_DEVICES, JAX_ROCM_VISIBLE_DEVICES",
        "tpu": "TPU_VISIBLE_CHIPS",
    }[expected]
    if too_few:
        return (
            f"{hiding} or local_device_ids hide some, or the node has lost some (see the driver's "
            "log)"
        )
    return "the container sees devices that it was not given; look at the node's device plugin"


def _wanted(settings: Settings) -> str:
    count = expected_devices(settings)
    if not count:
        return f"{settings.platform} devices were"
    return _count(count, settings.platform) + (" was" if count == 1 else " were")


def _count(count: int, platform: str) -> str:
    return f"{count} {platform} device" + ("" if count == 1 else "s")


def _begins(version: str, wanted: str) -> bool:
    """By whole components: 0.1 is not the beginning of 0.12."""
    have, want = version.split("+")[0].split("."), wanted.split(".")
    return have[: len(want)] == want or version == wanted


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.1f}"
