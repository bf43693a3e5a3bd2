"""A deadline for work that may be cancelled meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns or raises; asyncio.TimeoutError if it is not done by then.

    asyncio.wait_for loses, before Python 3.12, a cancellation that comes as the work fails: whoever
    then tries again does so for ever. Where it comes as the work succeeds, what that has made, such
    as a connection, is returned here too, for somebody to close.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        if task.done() and not task.cancelled() and task.exception() is None:
            return task.result()
        task.cancel()
        await asyncio.wait({task})
        raise
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait({task})
    raise asyncio.TimeoutError
