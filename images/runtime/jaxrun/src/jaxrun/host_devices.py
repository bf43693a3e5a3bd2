"""What the container shows of its accelerators without JAX: device nodes, and memory in use.

Of memory that others use JAX tells nothing: its bytes_limit is a share of the whole, whoever has
it. NVIDIA's driver does through nvidia-smi, AMD's through sysfs.
"""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from jaxrun.expectation import DeviceMemory
from jaxrun.probe import output_of

# WSL shows NVIDIA's devices as dxg; TPUs come as accel or, newer ones, through vfio.
_NODES: Final = {
    "cuda": ("nvidia[0-9]*", "dxg"),
    "rocm": ("kfd",),
    "tpu": ("accel*", "vfio/[0-9]*"),
}
_SMI_PLACES: Final = ("/usr/bin", "/usr/local/nvidia/bin", "/opt/nvidia/bin")
_SMI_SECONDS: Final = 20.0
_MEBIBYTE: Final = 2**20


def missing_nodes(platform: str, root: Path = Path("/")) -> str | None:
    """What was looked for in vain; None if there is a node, or none is needed."""
    patterns = _NODES.get(platform, ())
    if not patterns or any(any((root / "dev").glob(pattern)) for pattern in patterns):
        return None
    return " or ".join(f"/dev/{pattern}" for pattern in patterns)


async def memories(
    platform: str, environ: Mapping[str, str], root: Path = Path("/")
) -> list[DeviceMemory]:
    """Of each device that tells; empty where none does."""
    if platform == "cuda":
        return await _nvidia(environ)
    if platform == "rocm":
        return await asyncio.to_thread(_amd, root)
    return []


async def _nvidia(environ: Mapping[str, str]) -> list[DeviceMemory]:
    path = ":".join([environ.get("PATH", ""), *_SMI_PLACES])
    smi = shutil.which("nvidia-smi", path=path)
    if smi is None:
        return []
    query = "--query-gpu=index,memory.total,memory.free"
    text = await output_of([smi, query, "--format=csv,noheader,nounits"], environ, _SMI_SECONDS)
    found = []
    for line in (text or "").splitlines():
        # A MIG device has "[N/A]" here.
        with suppress(ValueError):
            index, total, free = line.split(",")
            found.append(DeviceMemory(index.strip(), int(total) * _MEBIBYTE, int(free) * _MEBIBYTE))
    return found


def _amd(root: Path) -> list[DeviceMemory]:
    """sysfs shows all cards of the node, /dev/dri those of this container."""
    found = []
    for node in sorted((root / "dev/dri").glob("renderD*")):
        card = root / "sys/class/drm" / node.name / "device"
        with suppress(OSError, ValueError):
            total = int((card / "mem_info_vram_total").read_text())
            used = int((card / "mem_info_vram_used").read_text())
            found.append(DeviceMemory(node.name, total, total - used))
    return found
