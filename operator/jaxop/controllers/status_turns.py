"""Whose turn it is to be asked how it goes: one loop for all who are asked one by one.

Each has one turn, the next. Questions run side by side, at most `CONCURRENT` at once, over one
session, so that a pod that does not answer keeps nobody waiting but itself.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import aiohttp

CONCURRENT: Final = 64
TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0, sock_connect=1.0)
KEEPALIVE_SECONDS: Final = 15.0

W = TypeVar("W", bound=Hashable)


@dataclass(order=True, slots=True)
class _Turn(Generic[W]):
    at: float
    who: W = field(compare=False)


class StatusTurns(Generic[W]):
    """`ask` is called for each whose turn has come; times are those of the event loop's clock."""

    def __init__(self, ask: Callable[[W, aiohttp.ClientSession], Awaitable[None]]) -> None:
        self._ask = ask
        self._next: dict[W, _Turn[W]] = {}
        self._heap: list[_Turn[W]] = []
        self._changed = asyncio.Event()

    def give(self, who: W, at: float) -> None:
        """Instead of any turn given before. A time that is past means at once."""
        turn = self._next[who] = _Turn(at, who)
        heapq.heappush(self._heap, turn)
        if self._heap[0] is turn:
            self._changed.set()

    def take_away(self, who: W) -> None:
        self._next.pop(who, None)

    async def run(self) -> None:
        """For ever."""
        room = asyncio.Semaphore(CONCURRENT)
        connector = aiohttp.TCPConnector(limit=CONCURRENT, keepalive_timeout=KEEPALIVE_SECONDS)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as session,
            asyncio.TaskGroup() as questions,
        ):
            while True:
                self._changed.clear()
                for who in self._due():
                    questions.create_task(self._ask_in(room, who, session))
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(self._heap[0].at if self._heap else None):
                        await self._changed.wait()

    def _due(self) -> list[W]:
        """Those whose turn it is; they have none any more."""
        now, due = asyncio.get_running_loop().time(), []
        while self._heap and (self._heap[0].at <= now or self._is_void(self._heap[0])):
            turn = heapq.heappop(self._heap)
            if not self._is_void(turn):
                del self._next[turn.who]
                due.append(turn.who)
        return due

    def _is_void(self, turn: _Turn[W]) -> bool:
        return self._next.get(turn.who) is not turn

    async def _ask_in(
        self, room: asyncio.Semaphore, who: W, session: aiohttp.ClientSession
    ) -> None:
        async with room:
            await self._ask(who, session)
