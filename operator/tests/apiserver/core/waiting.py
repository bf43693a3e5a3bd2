"""Waiting for something to become so, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(
    check: Callable[[], Any], what: str, *, seconds: float = 20.0, every: float = 0.02
) -> Any:
    """The first true result of `check` (awaited if need be); fails with the last one seen."""
    deadline = time.monotonic() + seconds
    while True:
        seen = check()
        if isinstance(seen, Awaitable):
            seen = await seen
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}; last seen: {seen!r}"
        await asyncio.sleep(every)
