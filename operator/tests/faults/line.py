"""The line to the API server that the operator and the world around it share in one schedule.

It knows all writes of its namespace, so it knows what each watch still has to deliver: until that
has come, time stands still. And it puts the server's own times into virtual time.

Schedules that run side by side share what has no namespace. A JaxRuntime is one schedule's own: it
has the name of its namespace, and nobody else sees it.
"""

import json
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from jaxop.api.plan import Manifest
from jaxop.kube.login import login
from jaxop.kube.transport import KubernetesTransport, Request, Response
from virtual_time import VirtualTimeLoop

Heard = Callable[[Request, Manifest], None]


@dataclass(frozen=True, slots=True)
class _Write:
    """`version` of a deletion is the latest one before it: the server tells its own only where an
    object is left to answer with."""

    path: str
    labels: dict[str, str]
    uid: str
    version: int
    gone: bool


@dataclass(eq=False)
class _Watch:
    """One that is open: `due` is the version of the latest write that it must tell of."""

    path: str
    selector: dict[str, str]
    since: int
    seen: int
    due: int = 0
    due_deletions: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    """Told already: an event may come before the answer to the request that caused it."""

    def concerns(self, path: str, labels: dict[str, str]) -> bool:
        if path != self.path and not path.startswith(f"{self.path}/"):
            return False
        return all(labels.get(k) == v for k, v in self.selector.items())

    @property
    def is_behind(self) -> bool:
        return self.due > self.seen or bool(self.due_deletions)


class Line(KubernetesTransport):
    """`heard` is called for every write that the server has carried out, with its answer."""

    def __init__(self, kubeconfig: str, loop: VirtualTimeLoop, namespace: str) -> None:
        super().__init__(login(kubeconfig))
        self._namespace = namespace
        self.heard: list[Heard] = []
        self.versions: list[int] = []
        """After each write, in order."""
        self._loop = loop
        self._writes: list[_Write] = []
        self._watches: set[_Watch] = set()
        self._labels: dict[str, dict[str, str]] = {}
        self._born: dict[str, str] = {}
        self._doomed: dict[str, str] = {}
        loop.on_its_way.append(self._is_behind)

    async def request(self, request: Request) -> Response:
        with self._loop.busy():
            response = await super().request(self._own(request))
        body = json.loads(response.body)
        if response.status < 300 and request.method != "GET":
            self._note(request, body)
        if body.get("kind", "").endswith("List"):
            for item in body.get("items") or ():
                self._in_virtual_time(item)
        else:
            self._in_virtual_time(body)
        return Response(response.status, json.dumps(body).encode(), response.retry_after)

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        pairs = request.query.get("labelSelector", "")
        selector = dict(pair.split("=", 1) for pair in pairs.split(",") if pair)
        since = int(request.query["resourceVersion"])
        watch = _Watch(request.path, selector, since, since)
        for write in self._writes:
            self._make_due(watch, write)
        self._watches.add(watch)
        # Bookmarks, which tell that a watch is alive, come in real time.
        lines = super().stream(replace(self._own(request), timeout=math.inf))
        try:
            async for line in lines:
                event = json.loads(line)
                self._seen(watch, event)
                self._in_virtual_time(event["object"])
                yield json.dumps(event).encode()
        finally:
            self._watches.discard(watch)
            await lines.aclose()  # type: ignore[attr-defined]

    async def _open(self, request: Request, limits: Any) -> Any:
        with self._loop.busy():
            return await super()._open(request, limits)

    def _own(self, request: Request) -> Request:
        if request.method != "GET" or not request.path.endswith("/jaxruntimes"):
            return request
        own = {"fieldSelector": f"metadata.name={self._namespace}"}
        return replace(request, query={**request.query, **own})

    def behind(self) -> list[str]:
        """What open watches have not told of, though they should."""
        return [str(watch) for watch in self._watches if watch.is_behind]

    def _is_behind(self) -> bool:
        return any(watch.is_behind for watch in self._watches)

    def _note(self, request: Request, body: Manifest) -> None:
        metadata = body.get("metadata") or {}
        uid = metadata.get("uid") or (body.get("details") or {}).get("uid") or ""
        if "labels" in metadata or request.method == "POST":
            self._labels[uid] = metadata.get("labels") or {}
        version = int(metadata.get("resourceVersion") or 0)
        gone = _is_gone(request, body)
        labels = self._labels.get(uid, {})
        before = max(self.versions, default=0)
        if version:
            self.versions.append(version)
        write = _Write(request.path, labels, uid, before if gone else version, gone)
        self._writes.append(write)
        for watch in self._watches:
            self._make_due(watch, write)
        for heard in self.heard:
            heard(request, body)

    def _make_due(self, watch: _Watch, write: "_Write") -> None:
        if not watch.concerns(write.path, write.labels):
            return
        if not write.gone:
            watch.due = max(watch.due, write.version)
        elif write.version >= watch.since and write.uid not in watch.deleted:
            watch.due_deletions.add(write.uid)

    def _seen(self, watch: _Watch, event: Manifest) -> None:
        metadata = event["object"].get("metadata") or {}
        watch.seen = max(watch.seen, int(metadata.get("resourceVersion") or 0))
        if event["type"] == "DELETED":
            watch.deleted.add(metadata["uid"])
            watch.due_deletions.discard(metadata["uid"])
        if event["type"] == "ERROR":
            watch.due, watch.due_deletions = 0, set()

    def _in_virtual_time(self, obj: Manifest) -> None:
        """By the moment at which we first heard of it, from an answer or from a watch."""
        metadata = obj.get("metadata") or {}
        uid = metadata.get("uid", "")
        if "creationTimestamp" in metadata:
            metadata["creationTimestamp"] = self._born.setdefault(uid, self._in(0))
        if "deletionTimestamp" in metadata:
            grace = metadata.get("deletionGracePeriodSeconds") or 0
            metadata["deletionTimestamp"] = self._doomed.setdefault(uid, self._in(grace))

    def _in(self, seconds: int) -> str:
        moment = self._loop.now() + timedelta(seconds=seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_gone(request: Request, body: Manifest) -> bool:
    """Whether the object has left the API server with this write."""
    metadata = body.get("metadata") or {}
    if request.method == "DELETE" and body.get("kind") == "Status":
        return True
    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
        return False
    return not metadata.get("deletionGracePeriodSeconds")
