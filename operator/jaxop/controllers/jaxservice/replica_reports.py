"""Asks every replica of each JaxService how it goes: GET http://<pod>:9431/status.

Replicas that load, or whose service is rolled out, are asked every second, the others every five;
the more replicas there are, the longer the turns. A service is woken at once when a replica loads
further, becomes ready, fails or falls silent, and now and then for figures (latencies, requests),
which change with every answer.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import aiohttp

from jaxop.controllers.jaxjob.gang_reports import steadied
from jaxop.controllers.jaxservice import metrics
from jaxop.controllers.status_page import Answer, ask, url_of
from jaxop.controllers.status_turns import StatusTurns
from jaxop.domain import contract
from jaxop.domain.service.replica_reading import read_replica_report
from jaxop.domain.service.views import ReplicaReport
from jaxop.kube.resources import Key

HURRIED_SECONDS: Final = 1.0
STEADY_SECONDS: Final = 5.0
HURRY_ENDS_SECONDS: Final = 600.0
"""A replica that is not ready for so long is asked as rarely as the others."""
HURRIED_PER_SECOND: Final = 100.0
STEADY_PER_SECOND: Final = 40.0
FIGURES_SECONDS: Final = 5.0
"""A service is woken no more often than this for figures alone."""

Wake = Callable[[Key], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a pod is asked."""

    ip: str
    port: int = contract.HTTP_PORT

    @property
    def url(self) -> str:
        return url_of(self.ip, self.port)


@dataclass(frozen=True, slots=True)
class Heard:
    """`report` is the last one; `unheard_since`: the first question after it, or ever, that had no
    answer, None while there are answers."""

    report: ReplicaReport | None = None
    unheard_since: datetime | None = None

    @property
    def pending(self) -> bool:
        """No question has had its outcome yet."""
        return self.report is None and self.unheard_since is None


@dataclass(slots=True)
class _Replica:
    key: Key
    address: Address
    followed_at: float
    heard: Heard = Heard()


@dataclass(slots=True)
class _Service:
    """`pods`: uids of those followed. `stale`: figures have changed of which it was not told."""

    pods: set[str] = field(default_factory=set)
    hurried: bool = False
    told_at: float = float("-inf")
    stale: bool = False


class ReplicaReports:
    """`follow` the pods of a service, read what is `heard` of each; `wake` is called for its key.

    `wanted` says whether a service is still somebody's business here: it exists, and this process
    leads. What is known is of a pod's uid, so nothing is taken for a namesake's or a successor's.
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
        self._services: dict[Key, _Service] = {}
        self._replicas: dict[str, _Replica] = {}
        self._hurried: set[str] = set()
        self._turns: StatusTurns[str] = StatusTurns(self._ask)

    def follow(self, key: Key, pods: Mapping[str, Address], *, hurried: bool) -> None:
        """Exactly these pods of the service, by uid; `hurried`: something of it is changing."""
        service = self._services.setdefault(key, _Service())
        for uid in service.pods - pods.keys():
            self._forget(uid)
        began = hurried and not service.hurried
        service.pods, service.hurried = set(pods), hurried
        now = asyncio.get_running_loop().time()
        for uid, address in pods.items():
            known = self._replicas.get(uid)
            if known is None or known.address != address:
                self._replicas[uid] = _Replica(key, address, now)
            elif not began:
                continue
            self._hurried.add(uid)
            self._turns.give(uid, 0.0)
        if not pods:
            del self._services[key]
        metrics.FOLLOWED.set(len(self._replicas))

    def heard(self, uid: str) -> Heard:
        """Of the pod with this uid."""
        replica = self._replicas.get(uid)
        return replica.heard if replica is not None else Heard()

    def __len__(self) -> int:
        return len(self._replicas)

    async def run(self) -> None:
        """For ever."""
        await self._turns.run()

    async def _ask(self, uid: str, session: aiohttp.ClientSession) -> None:
        replica, asked_at = self._replicas.get(uid), self._clock()
        if replica is None:
            return
        if not self._wanted(replica.key):
            self.follow(replica.key, {}, hurried=False)
            return
        report, outcome = await self._fetch(replica.address, session)
        before = replica.heard
        if report is not None:
            replica.heard = Heard(_steadied(report, before.report))
        else:
            replica.heard = replace(before, unheard_since=before.unheard_since or asked_at)
        metrics.REPORTS.labels(outcome).inc()
        if self._replicas.get(uid) is not replica:
            return
        clock = asyncio.get_running_loop().time()
        self._turns.give(uid, clock + self._interval(uid, replica, clock))
        self._tell(replica, before, clock)

    def _tell(self, replica: _Replica, before: Heard, clock: float) -> None:
        service = self._services[replica.key]
        service.stale |= replica.heard != before
        urgent = _urgent(replica.heard) != _urgent(before)
        if urgent or (service.stale and clock - service.told_at >= FIGURES_SECONDS):
            service.stale, service.told_at = False, clock
            self._wake(replica.key)

    def _interval(self, uid: str, replica: _Replica, clock: float) -> float:
        settled = _is_ready(replica.heard) or clock - replica.followed_at > HURRY_ENDS_SECONDS
        if settled and not self._services[replica.key].hurried:
            self._hurried.discard(uid)
            return max(STEADY_SECONDS, len(self._replicas) / STEADY_PER_SECOND)
        self._hurried.add(uid)
        return max(HURRIED_SECONDS, len(self._hurried) / HURRIED_PER_SECOND)

    async def _fetch(
        self, address: Address, session: aiohttp.ClientSession
    ) -> tuple[ReplicaReport | None, str]:
        answer = await ask(session, address.url)
        if not isinstance(answer, Answer):
            return None, answer
        report = read_replica_report(answer.body)
        return (report, "heard") if report is not None else (None, "unreadable")

    def _forget(self, uid: str) -> None:
        self._replicas.pop(uid, None)
        self._hurried.discard(uid)
        self._turns.take_away(uid)


def _steadied(report: ReplicaReport, before: ReplicaReport | None) -> ReplicaReport:
    """Without what moves though nothing happens: clocks that tick, and the books of the gang, which
    are kept for jobs."""
    gang = steadied(report.gang, before.gang if before is not None else None)
    return replace(report, gang=replace(gang, goodput=None))


def _is_ready(heard: Heard) -> bool:
    serving = heard.report.serving if heard.report is not None else None
    return heard.unheard_since is None and serving is not None and serving.state == "Ready"


def _urgent(heard: Heard) -> tuple[object, ...]:
    """What a service is told of at once: of the rest, which are figures, nothing is decided."""
    silent, report = heard.unheard_since is not None, heard.report
    if report is None:
        return (silent,)
    gang, serving = report.gang, report.serving
    told: tuple[object, ...] = (silent, gang.state, gang.epoch, gang.cause)
    if serving is not None:
        told += (serving.state, serving.reason, serving.buckets_ready, serving.buckets_total)
    return told
