"""Process 0 says where it is now: answers about its name may be cached for half a minute.

A knock is a POST to the HTTP port of every launcher that is missing; that one then tries the
address it came from, where both sides have to prove that they know the token. Nothing is knocked
at in the first second, in which gangs usually are complete, and a few times after it.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

from jaxrun.settings import Settings
from jaxrun.within import within

_AFTER_SECONDS = (1.0, 1.0, 2.0, 4.0, 8.0, 16.0)
_EACH_SECONDS = 3.0
_AT_ONCE = 64
_PROCESS_0 = re.compile(r"(?P<job>.+)-s0-0(?P<domain>\..+)?")
_REQUEST = b"POST /knock HTTP/1.1\r\nHost: jaxrun\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def address_of(settings: Settings, process: int) -> str | None:
    """The name of a process's pod, by that of process 0's; None if that is not a pod's name."""
    zero = _PROCESS_0.fullmatch(settings.gang_address)
    if zero is None:
        return None
    slice_index, index = divmod(process, settings.hosts_per_slice)
    return f"{zero['job']}-s{slice_index}-{index}{zero['domain'] or ''}"


async def knock_at_missing(
    settings: Settings,
    missing: Callable[[], tuple[int, ...]],
    address: Callable[[Settings, int], str | None] = address_of,
) -> None:
    """Until nobody is missing, or it was tried often enough."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def knock(process: int) -> None:
        host = address(settings, process)
        if host is None:
            return
        async with at_once:
            with suppress(OSError, ValueError, asyncio.TimeoutError):
                await within(_EACH_SECONDS, _post(host, settings.http_port))

    for seconds in _AFTER_SECONDS:
        await asyncio.sleep(seconds)
        absent = [process for process in missing() if process != 0]
        if not absent:
            return
        await asyncio.gather(*(knock(process) for process in absent))


async def _post(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(_REQUEST)
        await writer.drain()
    finally:
        writer.close()
