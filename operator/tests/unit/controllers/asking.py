"""What tests of those that ask for /status share: a loop that runs meanwhile, and patience."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import web

DEADLINE_SECONDS = 10.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""Answers in place of a pod."""


class Asks(Protocol):
    def run(self) -> Coroutine[Any, Any, None]: ...


@asynccontextmanager
async def asking(reports: Asks) -> AsyncIterator[None]:
    """It asks until the block ends."""
    task = asyncio.create_task(reports.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(check: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not check():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS} s: {what}"
        await asyncio.sleep(0.01)
