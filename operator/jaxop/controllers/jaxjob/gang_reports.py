"""Asks the launcher of each gang's process 0 how it goes: GET http://<pod>:9431/status.

A pod that cannot be reached is normal (it starts, it ends, a NetworkPolicy forbids it), and what
it answers is a stranger's: bounded in size and time, and read by `domain.jaxjob.reading`.
Gangs that start or that are being stopped are asked every second, those that run for long more
rarely; the more gangs there are, the longer the turns, so that the cost does not grow with them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp

from jaxop.controllers.jaxjob import metrics
from jaxop.controllers.status_page import Answer, ask, url_of
from jaxop.controllers.status_turns import StatusTurns
from jaxop.domain import contract
from jaxop.domain.jaxjob.reading.launcher_reading import read_report
from jaxop.domain.jaxjob.views import GangReport, GangTimes
from jaxop.kube.resources import Key

STARTING_SECONDS: Final = 1.0
RUNNING_SECONDS: Final = 5.0
STEADY_SECONDS: Final = 10.0
STEADY_AFTER_SECONDS: Final = 600.0
STARTING_PER_SECOND: Final = 100.0
RUNNING_PER_SECOND: Final = 20.0
CLOCK_EXACTNESS: Final = timedelta(milliseconds=500)

Wake = Callable[[Key], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to ask, and which gang must answer: an attempt of the JaxJob with this uid."""

    ip: str
    attempt: int
    port: int = contract.HTTP_PORT
    jaxjob: str = ""

    @property
    def url(self) -> str:
        return url_of(self.ip, self.port)


@dataclass(frozen=True, slots=True)
class Heard:
    """`silent_since`: the first question, while there has never been an answer; `unheard_since`:
    the first question without an answer after the last report. `ip`: whom the report is from."""

    report: GangReport | None = None
    silent_since: datetime | None = None
    unheard_since: datetime | None = None
    ip: str | None = None


@dataclass(slots=True)
class _Gang:
    address: Address
    heard: Heard = Heard()
    running_since: float | None = None
    being_stopped: bool = False


class GangReports:
    """`follow` a gang, read what was `heard` of it; `wake` is called when that changes.

    `wanted` says whether a gang is still somebody's business here: the job exists, and this
    process leads.
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
        self._gangs: dict[Key, _Gang] = {}
        self._starting: set[Key] = set()
        self._turns: StatusTurns[Key] = StatusTurns(self._ask)

    def follow(self, key: Key, address: Address) -> None:
        gang = self._gangs.get(key)
        if gang is not None and gang.address == address:
            return
        self._gangs[key] = _Gang(address)
        self._starting.add(key)
        self._turns.give(key, 0.0)
        metrics.FOLLOWED.set(len(self._gangs))

    def being_stopped(self, key: Key, stopped: bool) -> None:
        """Whether a pod of the gang is being deleted: what it says then may soon be over."""
        gang = self._gangs.get(key)
        if gang is None:
            return
        if stopped and not gang.being_stopped:
            self._turns.give(key, 0.0)
        gang.being_stopped = stopped

    def unfollow_namesakes(self, key: Key, jaxjob: str) -> None:
        """What was heard of another JaxJob of this name is not of the one with this uid."""
        gang = self._gangs.get(key)
        if gang is not None and gang.address.jaxjob != jaxjob:
            self.unfollow(key)

    def unfollow(self, key: Key) -> None:
        self._gangs.pop(key, None)
        self._starting.discard(key)
        self._turns.take_away(key)
        metrics.FOLLOWED.set(len(self._gangs))

    def heard(self, key: Key) -> Heard:
        gang = self._gangs.get(key)
        return gang.heard if gang is not None else Heard()

    def __len__(self) -> int:
        return len(self._gangs)

    async def run(self) -> None:
        """For ever."""
        await self._turns.run()

    async def _ask(self, key: Key, session: aiohttp.ClientSession) -> None:
        gang, asked_at = self._gangs.get(key), self._clock()
        if gang is None:
            return
        if not self._wanted(key):
            self.unfollow(key)
            return
        report, outcome = await self._fetch(gang.address, session)
        clock = asyncio.get_running_loop().time()
        before = gang.heard
        if report is None:
            if before.report is None:
                gang.heard = replace(before, silent_since=before.silent_since or asked_at)
            else:
                gang.heard = replace(before, unheard_since=before.unheard_since or asked_at)
        else:
            gang.heard = Heard(steadied(report, before.report), ip=gang.address.ip)
            if report.state != "Running":
                gang.running_since = None
            elif gang.running_since is None:
                gang.running_since = clock
        if outcome == "new" and gang.heard == before:
            outcome = "same"
        metrics.REPORTS.labels(outcome).inc()
        if self._gangs.get(key) is not gang:
            return
        (self._starting.add if gang.running_since is None else self._starting.discard)(key)
        self._turns.give(key, clock + self._interval(gang, clock))
        if gang.heard != before:
            self._wake(key)

    def _interval(self, gang: _Gang, clock: float) -> float:
        if gang.running_since is None or gang.being_stopped:
            return max(STARTING_SECONDS, len(self._starting) / STARTING_PER_SECOND)
        steady = clock - gang.running_since > STEADY_AFTER_SECONDS
        interval = STEADY_SECONDS if steady else RUNNING_SECONDS
        return max(interval, len(self._gangs) / RUNNING_PER_SECOND)

    async def _fetch(
        self, address: Address, session: aiohttp.ClientSession
    ) -> tuple[GangReport | None, str]:
        answer = await ask(session, address.url)
        if not isinstance(answer, Answer):
            return None, answer
        report = read_report(answer.body)
        if report is None or report.attempt != address.attempt:
            return None, "unreadable"
        return report, "new"


def steadied(report: GangReport, before: GangReport | None) -> GangReport:
    """Times that moved by less than a launcher's clock is exact are taken as they were: a report
    that says nothing new wakes nobody."""
    if before is None or before.times == report.times:
        return report
    kept = {}
    for each in fields(GangTimes):
        new, old = getattr(report.times, each.name), getattr(before.times, each.name)
        same = new is not None and old is not None and abs(new - old) < CLOCK_EXACTNESS
        kept[each.name] = old if same else new
    return replace(report, times=GangTimes(**kept))
