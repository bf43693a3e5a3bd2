"""Checks this host before the gang's first epoch, while the others are still joining.

    nodes      on GPU and TPU: was the container given any device?
    versions   of jax and jaxlib, by the metadata of the program's own Python
    memory     on GPU: is enough of each device's memory free?
    JAX        on GPU: backend and number of devices, in a short-lived process

The last takes seconds, and only saves time while others are missing: once all have joined it is
given up, since the program's own JAX, as soon as it has initialised its backend, is held to the
same expectation (`jaxrun.program.jax_devices`). On TPU libtpu may need all hosts of a slice at
once, so there only the program asks JAX. What cannot be found out is no mismatch.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from jaxrun import host_devices, probe
from jaxrun.contract import PreflightMode
from jaxrun.evidence import Death, How
from jaxrun.expectation import Found, memory_mismatch, mismatch, no_device_nodes
from jaxrun.log import say
from jaxrun.settings import Settings

HOST_ROOT = "JAXRUN_HOST_ROOT"
"""Where /dev and /sys are looked for; tests make up their own."""
_MEMORY_PATIENCE_SECONDS = 10.0
_MEMORY_INTERVAL_SECONDS = 1.0


async def preflight(
    settings: Settings,
    command: Sequence[str],
    environ: Mapping[str, str],
    hurry: asyncio.Event,
) -> Death | None:
    """Why this host must not start, or None; never raises.

    `command` is the program's and `environ` the container's. Set `hurry` when all others are there.
    """
    if settings.preflight.mode is PreflightMode.OFF:
        return None
    try:
        problem = await _problem(settings, command, environ, hurry)
    except (OSError, ValueError) as error:
        say(f"preflight: could not check this host: {error}")
        return None
    death = judged(settings, problem)
    if death is not None:
        # The verdict may be long in coming, where others are still to join.
        say(f"preflight: this host {problem}; this ends the job once all have joined")
    return death


def judged(settings: Settings, problem: str | None, step: int | None = None) -> Death | None:
    """What a mismatch means by `spec.preflight.mode`: the end, a line in the log, or nothing."""
    if problem is None or settings.preflight.mode is PreflightMode.OFF:
        return None
    if settings.preflight.mode is PreflightMode.REPORT:
        say(f"preflight: process {settings.process_id} ({settings.host}) {problem}")
        return None
    return Death(settings.process_id, settings.host, How.MISMATCH, step=step, detail=problem)


async def _problem(
    settings: Settings,
    command: Sequence[str],
    environ: Mapping[str, str],
    hurry: asyncio.Event,
) -> str | None:
    expected = settings.preflight
    root = Path(environ.get(HOST_ROOT, "/"))
    missing = host_devices.missing_nodes(settings.platform, root)
    if missing is not None:
        return no_device_nodes(settings, missing)
    python = probe.python_of(command, environ)
    problem = None
    if python is not None and (expected.jax or expected.jaxlib):
        told = await probe.versions(python, environ)
        # A package that is not installed has the version "", which `told` would leave out.
        problem = mismatch(settings, Found(jax=told.get("jax"), jaxlib=told.get("jaxlib")))
    if problem is None and expected.free_memory_percent:
        problem = await _memory(settings, expected.free_memory_percent, environ, root)
    if problem is None and python is not None and settings.platform in ("cuda", "rocm"):
        problem = mismatch(settings, Found().told(await _unhurried(python, environ, hurry)))
    return problem


async def _memory(
    settings: Settings, percent: int, environ: Mapping[str, str], root: Path
) -> str | None:
    """A predecessor on this node may only just have died: its memory gets the time to come back."""
    deadline = asyncio.get_running_loop().time() + _MEMORY_PATIENCE_SECONDS
    while True:
        found = await host_devices.memories(settings.platform, environ, root)
        problem = memory_mismatch(percent, found)
        if problem is None or asyncio.get_running_loop().time() > deadline:
            return problem
        await asyncio.sleep(_MEMORY_INTERVAL_SECONDS)


async def _unhurried(
    python: str, environ: Mapping[str, str], hurry: asyncio.Event
) -> dict[str, object]:
    if hurry.is_set():
        return {}
    asking = asyncio.create_task(probe.devices(python, environ))
    hurrying = asyncio.create_task(hurry.wait())
    try:
        await asyncio.wait((asking, hurrying), return_when=asyncio.FIRST_COMPLETED)
        return await asking if asking.done() else {}
    finally:
        hurrying.cancel()
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
