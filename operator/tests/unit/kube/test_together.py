import asyncio

import pytest
from jaxop.kube.errors import FatalError
from jaxop.kube.loop import together


async def test_the_first_error_ends_all_and_is_raised_as_it_is() -> None:
    ended = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def fail() -> None:
        raise FatalError("no")

    with pytest.raises(FatalError, match="no"):
        await together(for_ever(), fail(), for_ever())
    assert ended == [True, True]


async def test_cancelling_it_ends_all() -> None:
    ended = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    task = asyncio.create_task(together(for_ever(), for_ever()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True, True]
