"""Given who is to be asked when: who is asked, and that one who is slow holds up nobody."""

import asyncio

import aiohttp
from asking import asking, until
from jaxop.controllers.status_turns import StatusTurns


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


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_in_the_order_of_their_turns() -> None:
    asked = Asked()
    asked.turns.give("c", now() + 0.06)
    asked.turns.give("a", 0.0)
    asked.turns.give("b", now() + 0.03)
    async with asking(asked.turns):
        await until(lambda: len(asked.who) == 3, "all are asked")
    assert asked.who == ["a", "b", "c"]


async def test_a_later_gift_of_a_turn_replaces_the_first() -> None:
    asked = Asked()
    async with asking(asked.turns):
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
    async with asking(asked.turns):
        await until(lambda: asked.who == ["b"], "b alone is asked")


async def test_one_who_does_not_answer_holds_up_nobody() -> None:
    asked = Asked("slow")
    async with asking(asked.turns):
        asked.turns.give("slow", 0.0)
        await until(lambda: asked.who == ["slow"], "the slow one is asked")
        asked.turns.give("quick", 0.0)
        await until(lambda: asked.who == ["slow", "quick"], "the quick one is asked")
