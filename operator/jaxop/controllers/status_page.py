"""GET /status of a pod by its IP: launchers and keepers are asked so, without any Service.

A pod that cannot be reached is normal (it starts, it ends, a NetworkPolicy forbids it), and what
it answers is a stranger's: bounded in size, and in time by the session's timeout.
"""

import json
import logging
from dataclasses import dataclass
from typing import Final, Literal

import aiohttp

log = logging.getLogger(__name__)

MAX_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON; nothing is known of its shape."""

    body: object


def url_of(ip: str, port: int) -> str:
    host = f"[{ip}]" if ":" in ip else ip
    return f"http://{host}:{port}/status"


async def ask(
    session: aiohttp.ClientSession, url: str
) -> Answer | Literal["unreachable", "unreadable"]:
    """Never raises for what the pod does."""
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                return "unreadable"
            body = await _at_most(response.content, MAX_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.debug("%s: %s", url, error)
        return "unreachable"
    try:
        return Answer(json.loads(body))
    except (ValueError, RecursionError):
        return "unreadable"


async def _at_most(stream: aiohttp.StreamReader, limit: int) -> bytes:
    """The whole body; what goes beyond the limit is cut off, and then is no JSON any more."""
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > limit:
            break
    return bytes(body[:limit])
