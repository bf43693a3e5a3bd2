"""Given who is to be asked when: who is asked, and that one who is slow holds up nobody."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from jaxop.controllers.status_turns import StatusTurns

DEADLINE_SECONDS = 10.0


class Asked:
    """Notes who was asked; those named in `slow` never answer."""

    def __init__(self, *slow: str) -> None:
        self.turns: StatusTurns[str] = StatusTurns(self._ask)
        self.who: list[str] = []
        self._slow = slow

    async def _ask(self, who: str, _: aiohttp.ClientSession) -> None:
        self.who.append(who)
        if who in self._slow:
            await asyncio.Event().wait()


@asynccontextmanager
async def running(turns: StatusTurns[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(turns.run())
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


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_in_the_order_of_their_turns() -> None:
    asked = Asked()
    asked.turns.give("c", now() + 0.06)
    asked.turns.give("a", 0.0)
    asked.turns.give("b", now() + 0.03)
    async with running(asked.turns):
        await until(lambda: len(asked.who) == 3, "all are asked")
    assert asked.who == ["a", "b", "c"]


async def test_a_later_gift_of_a_turn_replaces_the_first() -> None:
    asked = Asked()
    async with running(asked.turns):
        asked.turns.give("a", now() + 3600)
        asked.turns.give("b", 0.0)
        await until(lambda: asked.who == ["b"], "b is asked")
        asked.turns.give("a", 0.0)
        await until(lambda: asked.who == ["b", "a"], "a is asked now, not in an hour")
        asked.turns.give("b", 0.0)
        asked.turns.give("b", now() + 3600)
        asked.turns.give("c", 0.0)
        await until(lambda: "c" in asked.who, "c is asked")
    assert asked.who == ["b", "a", "c"], "b's turn was put off"


async def test_who_has_no_turn_is_not_asked() -> None:
    asked = Asked()
    asked.turns.give("a", 0.0)
    asked.turns.give("b", 0.0)
    asked.turns.take_away("a")
    async with running(asked.turns):
        await until(lambda: asked.who == ["b"], "b alone is asked")


async def test_one_who_does_not_answer_holds_up_nobody() -> None:
    asked = Asked("slow")
    async with running(asked.turns):
        asked.turns.give("slow", 0.0)
        await until(lambda: asked.who == ["slow"], "the slow one is asked")
        asked.turns.give("quick", 0.0)
        await until(lambda: asked.who == ["slow", "quick"], "the quick one is asked")
