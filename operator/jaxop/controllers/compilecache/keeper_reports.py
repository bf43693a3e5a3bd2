"""Asks each CompileCache's keeper how it goes: GET http://<pod>:9432/status.

Each is asked every few seconds; one that has just begun to be followed, or does not answer, every
second.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import aiohttp

from jaxop.controllers.compilecache import metrics
from jaxop.controllers.status_page import Answer, ask, url_of
from jaxop.controllers.status_turns import StatusTurns
from jaxop.domain import contract
from jaxop.domain.cache.keeper_report import read_keeper_report
from jaxop.domain.cache.snapshot import KeeperReport
from jaxop.kube.resources import Key

STEADY_SECONDS: Final = 5.0
UNHEARD_SECONDS: Final = 1.0

Wake = Callable[[Key], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to ask."""

    ip: str
    port: int = contract.KEEPER_PORT


@dataclass(frozen=True, slots=True)
class Heard:
    """`report` is the last one, also of a keeper that is gone; `unheard_since`: since when there
    was none, None while they come; `asked_since`: since when this address is asked."""

    report: KeeperReport | None = None
    unheard_since: datetime | None = None
    asked_since: datetime | None = None


@dataclass(slots=True)
class _Keeper:
    uid: str
    address: Address | None
    heard: Heard


class KeeperReports:
    """`follow` a keeper, read what was `heard` of it; `wake` is called when that changes.

    `wanted` says whether a cache is still somebody's business here: it exists, and this process
    leads.
    """

    def __init__(
        self,
        wake: Wake,
        wanted: Callable[[Key], bool] = lambda _: True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._wake = wake
        self._wanted = wanted
        self._clock = clock
        self._keepers: dict[Key, _Keeper] = {}
        self._turns: StatusTurns[Key] = StatusTurns(self._ask)

    def follow(self, key: Key, uid: str, address: Address | None) -> Heard:
        """None while there is nobody to ask. What another address said stays, as what was heard
        last; not what was heard of a namesake with another uid. Returns what is known now."""
        keeper, now = self._keepers.get(key), self._clock()
        asked_since = now if address is not None else None
        if keeper is None or keeper.uid != uid:
            heard = Heard(None, now, asked_since)
            keeper = self._keepers[key] = _Keeper(uid, address, heard)
            self._turns.give(key, 0.0)
        elif keeper.address != address:
            keeper.address = address
            since = keeper.heard.unheard_since or now
            keeper.heard = Heard(keeper.heard.report, since, asked_since)
            self._turns.give(key, 0.0)
        return keeper.heard

    def heard(self, key: Key) -> Heard:
        """What is known of one that somebody else follows."""
        keeper = self._keepers.get(key)
        return keeper.heard if keeper is not None else Heard(None, self._clock())

    def __len__(self) -> int:
        return len(self._keepers)

    async def run(self) -> None:
        """For ever."""
        await self._turns.run()

    async def _ask(self, key: Key, session: aiohttp.ClientSession) -> None:
        """One without an address has its turns, too: it may not be wanted any more."""
        keeper, asked_at = self._keepers.get(key), self._clock()
        if keeper is None:
            return
        if not self._wanted(key):
            del self._keepers[key]
            return
        address = keeper.address
        if address is None:
            self._give_turn(key, STEADY_SECONDS)
            return
        report, outcome = await self._fetch(address, session)
        metrics.REPORTS.labels(outcome).inc()
        if keeper.address != address or self._keepers.get(key) is not keeper:
            return
        before = keeper.heard
        if report is not None:
            keeper.heard = replace(before, report=report, unheard_since=None)
        else:
            since = before.unheard_since or asked_at
            keeper.heard = replace(before, unheard_since=since)
        self._give_turn(key, STEADY_SECONDS if report is not None else UNHEARD_SECONDS)
        if keeper.heard != before:
            self._wake(key)

    async def _fetch(
        self, address: Address, session: aiohttp.ClientSession
    ) -> tuple[KeeperReport | None, str]:
        answer = await ask(session, url_of(address.ip, address.port))
        if not isinstance(answer, Answer):
            return None, answer
        report = read_keeper_report(answer.body)
        return (report, "heard") if report is not None else (None, "unreadable")

    def _give_turn(self, key: Key, seconds: float) -> None:
        self._turns.give(key, asyncio.get_running_loop().time() + seconds)
