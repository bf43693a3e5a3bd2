"""Notes when which object was first seen to be how, over watches as anyone has them."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jaxop.kube.client import ApiClient
from jaxop.kube.resources import JAXJOBS, JOBS, PODS, Resource

DEADLINE_SECONDS = 300.0
LABEL = "jaxop.dev/jaxjob"
ATTEMPT = "jaxop.dev/attempt"


class TooSlow(Exception):  # noqa: N818 - a finding
    """The deadline passed; the message says what had been seen."""


@dataclass
class Pod:
    jaxjob: str
    attempt: int
    index: int
    slice: int
    ip: str = ""
    ready: bool = False


@dataclass
class Seen:
    """Everything that the watches have shown, and when: seconds of `time.monotonic`."""

    jobs: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Those that exist: their JaxJob and attempt."""
    pods: dict[str, Pod] = field(default_factory=dict)
    """Those that exist."""
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    job_at: dict[str, float] = field(default_factory=dict)
    """By JaxJob: when its first Job was seen."""
    pods_ready_at: dict[str, float] = field(default_factory=dict)
    """By JaxJob: when one more of its pods was last seen to become ready."""
    ready: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Ready pods that exist, by JaxJob and attempt."""
    status_at: dict[str, dict[str, float]] = field(default_factory=dict)
    """By JaxJob: when each `state hosts` was first seen."""
    first_ips: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Address of each process 0: its JaxJob and attempt."""

    def gang_at(self, ip: str) -> tuple[str, int, int] | None:
        """JaxJob, attempt and joined processes of the gang whose process 0 has this address."""
        gang = self.first_ips.get(ip)
        return (*gang, self.ready[gang]) if gang else None

    def attempt_of(self, jaxjob: str) -> int:
        return int(self.statuses.get(jaxjob, {}).get("attempt") or 0)


class Watcher:
    def __init__(self, client: ApiClient) -> None:
        self.seen = Seen()
        self._client = client
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            for resource, take in (
                (JAXJOBS, self._take_jaxjob),
                (JOBS, self._take_job),
                (PODS, self._take_pod),
            ):
                page = await self._client.list_page(resource)
                group.create_task(self._watch(resource, take, page.resource_version))

    async def until(self, what: str, met: Callable[[Seen], bool]) -> float:
        """When it was so. Raises TooSlow."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not met(self.seen):
            self._changed.clear()
            left = deadline - time.monotonic()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                raise TooSlow(f"{what}: not so after {DEADLINE_SECONDS:.0f} s: {self}") from None
        return time.monotonic()

    def __str__(self) -> str:
        states = Counter(state_and_hosts(status) for status in self.seen.statuses.values())
        ready = sum(pod.ready for pod in self.seen.pods.values())
        return f"{len(self.seen.jobs)} Jobs, {len(self.seen.pods)} pods ({ready} ready), {states}"

    async def _watch(
        self,
        resource: Resource,
        take: Callable[[str, dict[str, Any], float], None],
        version: str,
    ) -> None:
        while True:
            async for event in self._client.watch(
                resource, resource_version=version, timeout_seconds=3600
            ):
                version = event.object["metadata"]["resourceVersion"]
                if event.type != "BOOKMARK":
                    take(event.type, event.object, time.monotonic())
                    self._changed.set()

    def _take_jaxjob(self, event: str, obj: dict[str, Any], now: float) -> None:
        name, status = obj["metadata"]["name"], obj.get("status") or {}
        if event == "DELETED":
            self.seen.statuses.pop(name, None)
            return
        self.seen.statuses[name] = status
        self.seen.status_at.setdefault(name, {}).setdefault(state_and_hosts(status), now)

    def _take_job(self, event: str, obj: dict[str, Any], now: float) -> None:
        labels = obj["metadata"].get("labels") or {}
        name, jaxjob = obj["metadata"]["name"], labels.get(LABEL, "")
        if event == "DELETED":
            self.seen.jobs.pop(name, None)
        else:
            self.seen.jobs[name] = jaxjob, int(labels.get(ATTEMPT, 0))
            self.seen.job_at.setdefault(jaxjob, now)

    def _take_pod(self, event: str, obj: dict[str, Any], now: float) -> None:
        metadata, status = obj["metadata"], obj.get("status") or {}
        known = self.seen.pods.get(metadata["name"])
        if event == "DELETED":
            self.seen.pods.pop(metadata["name"], None)
            if known:
                self.seen.first_ips.pop(known.ip, None)
                self.seen.ready[known.jaxjob, known.attempt] -= known.ready
            return
        if known is None:
            labels = metadata["labels"]
            known = self.seen.pods[metadata["name"]] = Pod(
                jaxjob=labels[LABEL],
                attempt=int(labels[ATTEMPT]),
                index=int(labels["batch.kubernetes.io/job-completion-index"]),
                slice=int(labels["jaxop.dev/slice"]),
            )
        if not known.ip and (ip := status.get("podIP")):
            known.ip = ip
            if (known.slice, known.index) == (0, 0):
                self.seen.first_ips[ip] = known.jaxjob, known.attempt
        ready = any(
            c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()
        )
        self.seen.ready[known.jaxjob, known.attempt] += ready - known.ready
        if ready and not known.ready:
            self.seen.pods_ready_at[known.jaxjob] = now
        known.ready = ready


def state_and_hosts(status: dict[str, Any]) -> str:
    hosts = status.get("hosts") or {}
    return f"{status.get('state')} {hosts.get('summary')}"
