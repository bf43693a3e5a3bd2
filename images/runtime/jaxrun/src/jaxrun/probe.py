"""Short-lived processes that say something of this host: the program's own Python, nvidia-smi."""

import asyncio
import ctypes
import json
import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from jaxrun import contract
from jaxrun.program.reporter import CHANNEL

_PYTHON: Final = re.compile(r"python[0-9.]*$")
_VERSIONS_SECONDS: Final = 30.0
_JAX_SECONDS: Final = 120.0
_PR_SET_PDEATHSIG: Final = 1
_libc: Final = ctypes.CDLL(None)

_VERSIONS: Final = """
import importlib.metadata as metadata, json
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
print(json.dumps({"jax": version("jax"), "jaxlib": version("jaxlib")}))
"""

_DEVICES: Final = """
import json, jax
found = {"chosen": jax.config.jax_platforms or ""}
try:
    devices = jax.local_devices()
    kind = devices[0].device_kind
    found.update(platform=jax.default_backend(), devices=len(devices), device_kind=kind)
except Exception as error:
    found["error"] = str(error) or "JAX has no backend for JAX_PLATFORMS=" + found["chosen"]
print(json.dumps(found))
"""


def python_of(command: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The Python that runs this command: named by it, or by its script's first line.

    None for what is neither, such as a shell script, whose Python only shows once it runs.
    """
    program = shutil.which(command[0], path=environ.get("PATH")) if command else None
    if program is None:
        return None
    if _PYTHON.match(Path(program).name):
        return program
    with suppress(OSError), Path(program).open("rb") as file:
        first = file.readline(500)
        if first.startswith(b"#!"):
            words = first[2:].decode(errors="replace").split()
            if words and Path(words[0]).name == "env":
                words = words[1:]
            if words and _PYTHON.match(Path(words[0]).name):
                return shutil.which(words[0], path=environ.get("PATH"))
    return None


async def versions(python: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Of jax and jaxlib, "" where not installed; nothing where that Python does not answer."""
    return _object(await output_of([python, "-c", _VERSIONS], environ, _VERSIONS_SECONDS))


async def devices(python: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """What JAX finds, in a process of its own that takes no more memory than it must."""
    env = {**environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return _object(await output_of([python, "-c", _DEVICES], env, _JAX_SECONDS))


async def output_of(
    command: Sequence[str], environ: Mapping[str, str], seconds: float
) -> str | None:
    """Its standard output if it exits 0 in time; when cancelled or late, it is killed."""
    hidden = (contract.TOKEN, CHANNEL)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in environ.items() if name not in hidden},
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), seconds)
    except asyncio.TimeoutError:
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return out.decode(errors="replace") if process.returncode == 0 else None


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _object(text: str | None) -> dict[str, Any]:
    """The last line is ours; whatever a sitecustomize printed came before."""
    with suppress(ValueError, IndexError):
        data = json.loads((text or "").splitlines()[-1])
        if isinstance(data, dict):
            return data
    return {}
