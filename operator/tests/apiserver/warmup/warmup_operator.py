"""The operator's controllers as app/process.py has them, and a namespace to play in."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from jaxop.api.plan import Manifest
from jaxop.controllers.jaxjob import (
    GangReports,
    GangTokens,
    JaxJobController,
    JobTemplates,
)
from jaxop.controllers.jaxjob.controller import NAME
from jaxop.controllers.node_facts import NodeFacts
from jaxop.controllers.warmup import WarmupController
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import NotFound
from jaxop.kube.loop import Loop, together
from jaxop.kube.resources import (
    COMPILECACHES,
    EVENTS,
    JAXJOBS,
    JOBS,
    WARMUPS,
    Key,
    Resource,
)

SETTINGS = OperatorSettings(runtime_image="registry.test/jaxop-runtime:1")
DEADLINE_SECONDS = 60.0


@dataclass
class SaidOffer:
    digest: str
    host: str
    published: int = 0
    refused: int = 0
    pending: int = 0


@dataclass
class SaidNamespace:
    digest: str
    entries: int


@dataclass
class SaidReport:
    """It has `count` namespaces, listed or not."""

    offers: list[SaidOffer] = field(default_factory=list)
    namespaces: list[SaidNamespace] = field(default_factory=list)
    healthy: bool = True
    namespace_count: int = 1


@dataclass
class PlayedKeeper:
    """Of every CompileCache: what it answers when it is asked."""

    report: SaidReport | None = field(default_factory=SaidReport)
    unheard_since: datetime | None = None

    def heard(self, _: Key) -> "PlayedKeeper":
        return self


async def until(what: str, check: Callable[[], Any]) -> Any:
    """The first true result of the coroutine function `check`."""
    deadline, seen = time.monotonic() + DEADLINE_SECONDS, None
    while time.monotonic() < deadline:
        try:
            seen = await check()
        except AssertionError as error:
            seen = error
        else:
            if seen:
                return seen
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {DEADLINE_SECONDS} s: {what}; last seen: {seen!r}")


@dataclass(frozen=True)
class Played:
    client: ApiClient
    namespace: str
    keeper: PlayedKeeper = field(default_factory=PlayedKeeper)

    async def create(self, resource: Resource, name: str, **spec: Any) -> Manifest:
        body: Manifest = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }
        return await self.client.create(resource, body, manager="test")

    async def get(self, resource: Resource, name: str) -> Manifest | None:
        try:
            return await self.client.get(resource, self.namespace, name)
        except NotFound:
            return None

    async def names(self, resource: Resource) -> list[str]:
        page = await self.client.list_page(resource, self.namespace)
        return sorted(item["metadata"]["name"] for item in page.items)

    async def a_usable_cache(self, name: str = "team-cache") -> Manifest:
        await self.create(COMPILECACHES, name, storage={"claimName": "nfs"})
        status = {"state": "Ready", "usable": True, "claimName": "nfs"}
        return await self.patch(COMPILECACHES, name, status)

    async def a_warmup(self, name: str = "w", **spec: Any) -> Manifest:
        return await self.create(
            WARMUPS, name, **{"compileCache": "team-cache", **program(), **spec}
        )

    async def a_jaxjob(self, name: str, **spec: Any) -> Manifest:
        return await self.create(JAXJOBS, name, **{**program(), **spec})

    async def patch(self, resource: Resource, name: str, status: Manifest) -> Manifest:
        return await self.client.patch(
            resource, self.namespace, name, {"status": status}, manager="test", subresource="status"
        )

    async def status(self, resource: Resource, name: str) -> Manifest:
        found = await self.get(resource, name)
        assert found is not None, (
            f"no {resource.kind} {name}; there are {await self.names(resource)}"
        )
        status: Manifest = found.get("status") or {}
        return status

    async def reaches(
        self, resource: Resource, name: str, state: str, reason: str = ""
    ) -> Manifest:
        async def check() -> Manifest:
            status = await self.status(resource, name)
            seen = f"{status.get('state')}/{status.get('reason')}: {status.get('message')}"
            assert status.get("state") == state, seen
            assert not reason or status.get("reason") == reason, seen
            return status

        found: Manifest = await until(f"{resource.kind} {name} is {state} {reason}", check)
        return found

    async def exists(self, resource: Resource, name: str) -> Manifest:
        found: Manifest = await until(f"{name} is there", lambda: self.get(resource, name))
        return found

    async def events(self, name: str) -> list[str]:
        page = await self.client.list_page(EVENTS, self.namespace)
        about = [e for e in page.items if e["involvedObject"]["name"] == name]
        about.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        assert all(event["count"] == 1 for event in about), "something was told twice"
        return [f"{event['type']} {event['reason']}" for event in about]

    # what runs in the pods of a JaxJob

    async def runs(self, job: str) -> None:
        status = {"state": "Running", "reason": "ProgramRunning", "message": "the process runs"}
        await self.patch(JAXJOBS, job, status)

    async def succeeds(
        self, job: str, requests: int, hits: int, offered: int = 0, not_loadable: int = 0
    ) -> None:
        compilation = {
            "cacheNamespace": "0123456789abcdef",
            "requests": requests,
            "hits": hits,
            "notLoadable": not_loadable,
            "offered": offered,
            "offeredBytes": 9 * offered,
            "seconds": 7.5,
            "firstStepSeconds": 12.5,
        }
        await self._ends(job, "Succeeded", "AllProcessesSucceeded", compilation=compilation)

    async def fails(self, job: str, cause: str, message: str) -> None:
        await self._ends(job, "Failed", cause, failure={"cause": cause, "message": message})

    async def _ends(self, job: str, state: str, reason: str, **more: Any) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told = (more.get("failure") or {}).get("message", "the process ended with exit code 0")
        status = {"state": state, "reason": reason, "message": told, "completionTime": now, **more}
        await self.patch(JAXJOBS, job, status)

    def keeper_saw(self, job: str, published: int, refused: int = 0) -> None:
        offer = SaidOffer("0123456789abcdef", f"{job}-a0-s0-0", published, refused)
        before = self.keeper.report or SaidReport()
        self.keeper.report = replace(before, offers=[offer])
        self.keeper.unheard_since = None

    async def keeper_has(
        self, digest: str | None, entries: int = 0, *, more: int = 0, cache: str = "team-cache"
    ) -> None:
        """Of one cache namespace, or of none; `more` are not listed. The operator that leads
        writes it to the CompileCache."""
        listed = [SaidNamespace(digest, entries)] if digest is not None else []
        count = len(listed) + more
        before = self.keeper.report or SaidReport()
        self.keeper.report = replace(before, namespaces=listed, namespace_count=count)
        await self.patch(COMPILECACHES, cache, {"namespaceCount": count, "entries": entries})

    def keeper_is_down(self) -> None:
        self.keeper.unheard_since = datetime.now(UTC)


def program() -> Manifest:
    """Of one process on cpu."""
    container = {"name": "jax", "image": "team/digits:1", "command": ["python", "-m", "train"]}
    return {
        "accelerator": {"class": "cpu", "hosts": 1},
        "template": {"spec": {"containers": [container]}},
    }


class Operator:
    """Runs while the block does."""

    def __init__(self, played: Played, *, with_jaxjobs: bool) -> None:
        client = played.client
        warmups = WarmupController(SETTINGS, keepers=played.keeper)
        self._reports = GangReports(self._wake)
        self._tokens = GangTokens(client, self._wake, NAME)
        self._nodes = NodeFacts(client, self._wake)
        self._templates = JobTemplates(client, self._wake)
        jaxjobs = JaxJobController(
            SETTINGS,
            reports=self._reports,
            tokens=self._tokens,
            nodes=self._nodes,
            templates=self._templates,
        )
        controllers = [jaxjobs, warmups] if with_jaxjobs else [warmups]
        self._ahead = timedelta()
        self.loop = Loop(client, controllers, namespace=played.namespace, clock=self._clock)

    async def __aenter__(self) -> Self:
        parts = (self.loop, self._reports, self._tokens, self._nodes, self._templates)
        self._task = asyncio.create_task(together(*(part.run() for part in parts)))

        async def synced() -> bool:
            if self._task.done():
                self._task.result()
            return self.loop.synced.is_set()

        await until("the stores are filled", synced)
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def time_passes(self, seconds: float) -> None:
        """For what is decided from now on; timers run as they did."""
        self._ahead += timedelta(seconds=seconds)

    def _clock(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def _wake(self, key: Key) -> None:
        self.loop.wake(key)


__all__ = ["COMPILECACHES", "JAXJOBS", "JOBS", "WARMUPS", "Operator", "Played", "until"]
