"""One writer at a time: the `kubernetes` package's elector on a Lease, made safe.

The elector decides by wall clocks and waits for answers without a limit. So the Lease here, as its
lock, adds what it lacks: short requests; raw JSON; a fence, which holds every write back from the
moment the Lease could be somebody else's; and nobody takes a Lease over before it has watched it
unchanged for the whole duration, by a clock that only goes forward, also while suspended.

Timeline of a leader cut off at 0, for the defaults: until 4 s it tries to renew, then its workers
stop; at 5 s the fence closes at the latest; from 6 s on a standby takes over, and has by 8 s.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.baselock import BaseLock

from jaxop.api.plan import Manifest
from jaxop.kube import metrics
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import (
    ApiError,
    Conflict,
    FatalError,
    Forbidden,
    NotFound,
    NotLeading,
    Unauthorized,
    Unreachable,
)
from jaxop.kube.resources import LEASES
from jaxop.kube.transport import Transport

log = logging.getLogger(__name__)


def monotonic_seconds() -> float:
    """Goes on while the process, or the machine, is stopped."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds. A leader that dies is replaced within `lease + 2 * retry`."""

    lease: int = 6
    renew_deadline: float = 4.0
    retry: float = 1.0
    margin: float = 1.0
    """Writes stop this long before the Lease can be taken: for requests on their way."""


class Elector:
    """Holds the Lease `namespace`/`name`, or waits for it. `identity` must be of this process
    alone: a name that a dead one had would be taken for its life going on."""

    def __init__(
        self,
        transport: Transport,
        *,
        namespace: str,
        name: str,
        identity: str,
        times: LeaseTimes | None = None,
    ) -> None:
        self.times = times or LeaseTimes()
        self.identity = identity
        client = ApiClient(transport, timeout=self.times.renew_deadline / 2, attempts=1)
        self._lock = _LeaseLock(client, namespace, name, identity, self.times)

    @property
    def leading(self) -> bool:
        return monotonic_seconds() < self._lock.held_until

    def check(self) -> None:
        """The fence. Raises NotLeading."""
        if not self.leading:
            raise NotLeading(f"{self.identity} does not hold the Lease {self._lock.name}")

    async def run(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """For ever: waits for the Lease, runs `lead` while holding it. Whatever `lead` raises
        ends it. When cancelled, ends `lead`, then gives the Lease up, so that another can have it
        at once."""
        while True:
            election = LeaderElection(
                Config(
                    self._lock,
                    lease_duration=self.times.lease,
                    renew_deadline=self.times.renew_deadline,
                    retry_period=self.times.retry,
                    onstarted_leading=lead,
                    onstopped_leading=lead,  # neither is called: see _term
                )
            )
            await election.acquire()
            log.info("%s leads", self.identity)
            metrics.LEADER.set(1)
            try:
                await self._term(election, lead)
            finally:
                metrics.LEADER.set(0)
            log.warning("%s lost the Lease and stands by", self.identity)

    async def _term(
        self, election: LeaderElection, lead: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        renewing = asyncio.create_task(election.renew_loop())
        leading = asyncio.create_task(lead())
        try:
            await asyncio.wait({renewing, leading}, return_when=asyncio.FIRST_COMPLETED)
            for task in (leading, renewing):
                if task.done():
                    task.result()
        finally:
            await _end(leading)
            await _end(renewing)
            await self._lock.release()


class _LeaseLock(BaseLock):
    """`held_until`: on the monotonic clock, the time from which others may hold the Lease."""

    def __init__(
        self, client: ApiClient, namespace: str, name: str, identity: str, times: LeaseTimes
    ) -> None:
        super().__init__(name, namespace, identity)
        self.held_until = float("-inf")
        self._client = client
        self._times = times
        self._lease: Manifest | None = None
        self._unchanged_since = monotonic_seconds()

    async def get(
        self, name: str, namespace: str
    ) -> tuple[bool, LeaderElectionRecord] | tuple[bool, Exception] | tuple[bool, None]:
        try:
            lease = await self._client.get(LEASES, namespace, name)
        except (Forbidden, Unauthorized) as error:
            raise FatalError(f"may not use the Lease {namespace}/{name}: {error}") from error
        except (ApiError, Unreachable) as error:
            return False, _as_the_elector_knows_it(error)
        if self._lease is None or lease["spec"] != self._lease["spec"]:
            self._unchanged_since = monotonic_seconds()
        self._lease = lease
        spec = lease["spec"]
        return True, LeaderElectionRecord(
            spec.get("holderIdentity") or None,
            str(spec.get("leaseDurationSeconds") or "") or None,
            spec.get("acquireTime"),
            spec.get("renewTime"),
        )

    async def create(
        self, name: str, namespace: str, election_record: LeaderElectionRecord
    ) -> bool:
        began = monotonic_seconds()
        metadata = {"name": name, "namespace": namespace}
        spec = {**self._spec(), "acquireTime": _now(), "leaseTransitions": 0}
        lease = {"apiVersion": LEASES.api_version, "kind": LEASES.kind}
        try:
            self._lease = await self._client.create(
                LEASES, {**lease, "metadata": metadata, "spec": spec}, manager=self.identity
            )
        except (Forbidden, NotFound) as error:
            raise FatalError(f"may not create the Lease {namespace}/{name}: {error}") from error
        except (ApiError, Unreachable) as error:
            log.info("not the first to create the Lease: %s", error)
            return False
        self._held_from(began)
        return True

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        assert self._lease is not None
        began, old = monotonic_seconds(), self._lease["spec"]
        holder = old.get("holderIdentity")
        if holder and holder != self.identity:
            lasts = max(self._times.lease, old.get("leaseDurationSeconds") or 0)
            if began < self._unchanged_since + lasts:
                return False
        spec = {**old, **self._spec()}
        if holder != self.identity:
            spec["acquireTime"] = _now()
            spec["leaseTransitions"] = (old.get("leaseTransitions") or 0) + 1
        try:
            self._lease = await self._client.replace(LEASES, {**self._lease, "spec": spec})
        except (ApiError, Unreachable) as error:
            log.warning("the Lease is not renewed: %s", error)
            return False
        self._held_from(began)
        return True

    async def release(self) -> None:
        """Gives up what we hold, if we still do. A renewal that was broken off may have happened:
        then the Lease is not as we know it, but ours all the same."""
        if monotonic_seconds() >= self.held_until:
            return
        self.held_until = float("-inf")
        try:
            while True:
                lease = await self._client.get(LEASES, self.namespace, self.name)
                if lease["spec"].get("holderIdentity") != self.identity:
                    return
                spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                spec["renewTime"] = _now()
                with suppress(Conflict):
                    await self._client.replace(LEASES, {**lease, "spec": spec})
                    return
        except (ApiError, Unreachable) as error:
            log.warning("the Lease is not released, and will be taken when it ends: %s", error)

    def _held_from(self, began: float) -> None:
        self.held_until = began + self._times.lease - self._times.margin

    def _spec(self) -> Manifest:
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self._times.lease,
            "renewTime": _now(),
        }


def _as_the_elector_knows_it(error: ApiError | Unreachable) -> ApiException:
    status = error.status if isinstance(error, ApiError) else 0
    known = ApiException(status=status, reason=str(error))
    known.body = json.dumps({"code": status})
    return known


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def _end(task: "asyncio.Task[None]") -> None:
    """Cancels it and waits; its own error, if it has one, is seen by whoever awaits it first."""
    task.cancel()
    await asyncio.wait({task})
