"""A deadline neither loses what the work has made, nor a cancellation."""

import asyncio

import pytest

from jaxrun.within import within


async def answer() -> str:
    return "answer"


async def fail() -> str:
    raise OSError("no such host")


async def test_what_the_work_returns_and_raises() -> None:
    assert await within(60, answer()) == "answer"
    with pytest.raises(OSError, match="no such host"):
        await within(60, fail())


async def test_work_that_is_late_is_cancelled() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            ended.set()

    with pytest.raises(asyncio.TimeoutError):
        await within(0.01, work())
    assert ended.is_set(), "it goes on"


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancellation_that_comes_as_the_work_fails_is_not_lost(turns: int) -> None:
    """In whichever turn of the loop it comes."""
    name_found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def look_up() -> str:
        return await name_found

    async def try_for_ever() -> None:
        while True:
            try:
                await within(60, look_up())
            except OSError:
                await asyncio.sleep(600)

    trying = asyncio.create_task(try_for_ever())
    for _ in range(3):
        await asyncio.sleep(0)
    name_found.set_exception(OSError("no such host"))
    for _ in range(turns):
        await asyncio.sleep(0)
    trying.cancel()
    ended, _ = await asyncio.wait({trying}, timeout=5)
    assert ended


@pytest.mark.parametrize("turns", range(6))
async def test_what_was_made_as_the_cancellation_came_is_returned_or_was_cancelled(
    turns: int,
) -> None:
    made: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    lost = []

    async def connect() -> str:
        try:
            return await made
        except asyncio.CancelledError:
            lost.append("cancelled")
            raise

    connecting = asyncio.create_task(within(60, connect()))
    for _ in range(3):
        await asyncio.sleep(0)
    made.set_result("a connection")
    for _ in range(turns):
        await asyncio.sleep(0)
    connecting.cancel()
    await asyncio.wait({connecting}, timeout=60)
    if connecting.cancelled():
        assert lost == ["cancelled"]
    else:
        assert connecting.result() == "a connection"
