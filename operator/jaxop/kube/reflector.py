"""Keeps a store equal to what the API server holds: LIST, then WATCH from there, for ever.

Guarantees, which kopf does not give: after the server has forgotten our resourceVersion (410) we
list anew, and what vanished meanwhile leaves the store, with listeners told; a broken watch goes
on from the last version seen, bookmarks included, so that nothing is missed or listed twice.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator

from jaxop.api.plan import Manifest
from jaxop.kube import metrics
from jaxop.kube.backoff import Backoff
from jaxop.kube.client import ApiClient, WatchEvent
from jaxop.kube.errors import (
    ApiError,
    FatalError,
    Forbidden,
    Gone,
    Malformed,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from jaxop.kube.resources import Resource
from jaxop.kube.store import ObjectStore, version

log = logging.getLogger(__name__)

PAGE_SIZE = 500
PATIENCE_SECONDS = 30.0
"""How long a kind may be missing or forbidden (an upgrade in progress) before we give up."""
STALE_LISTS = 3
"""So many lists in a row older than what we saw, and we believe that time went back (a restore)."""

_Passing = (Unreachable, ServerError, TooManyRequests)


class Reflector:
    """`synced` is set once the store has been filled for the first time."""

    def __init__(
        self,
        client: ApiClient,
        store: ObjectStore,
        *,
        namespace: str | None = None,
        selector: str = "",
        page_size: int = PAGE_SIZE,
        patience: float = PATIENCE_SECONDS,
        watch_seconds: tuple[int, int] = (240, 480),
    ) -> None:
        self.synced = asyncio.Event()
        self.resource_version = ""
        self._client = client
        self._store = store
        self._resource: Resource = store.resource
        self._namespace = namespace
        self._selector = selector
        self._page_size = page_size
        self._patience = patience
        self._watch_seconds = watch_seconds
        self._refused_since: float | None = None

    async def run(self) -> None:
        """For ever. Raises FatalError if the kind cannot be listed or watched."""
        while True:
            await self.fill()
            try:
                await self._watch()
            except ApiError as error:
                self._bear(error)
            metrics.WATCH_RESTARTS.labels(self._resource.kind, "relist").inc()
            log.info("%s: listing anew", self._resource)
            await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311

    async def fill(self) -> None:
        """Lists once, however long that takes. Raises FatalError as `run`."""
        backoff = Backoff(0.5, 30.0)
        while True:
            try:
                await self._list()
                return
            except (ApiError, Unreachable) as error:
                self._bear(error)
                delay = backoff.next()
                log.warning("%s; listing again in %.1f s", error, delay)
                await asyncio.sleep(delay)

    def _bear(self, error: ApiError | Unreachable) -> None:
        """Raises FatalError for what will not pass, or has not for too long."""
        if isinstance(error, (*_Passing, Gone)):
            return
        if not isinstance(error, NotFound | Forbidden | Unauthorized):
            raise FatalError(f"cannot list and watch {self._resource}: {error}") from error
        now = asyncio.get_running_loop().time()
        self._refused_since = self._refused_since or now
        if now - self._refused_since >= self._patience:
            raise FatalError(_remedy(self._resource, error)) from error

    async def _list(self) -> None:
        """Fills the store. Pages are trimmed as they come; only the names are kept till the end."""
        for _ in range(STALE_LISTS):
            taken_at = await self._list_once()
            if taken_at:
                break
            await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311
        else:
            log.warning("%s: the server's history was set back; starting over", self._resource)
            self._store.clear()
            self.resource_version = ""
            taken_at = await self._list_once()
        self.resource_version = taken_at
        self.synced.set()

    async def _list_once(self) -> str:
        """The version of the list; "" if it is older than what we saw, and was not used."""
        chunked = True
        while True:
            listing = self._store.listing()
            try:
                async for items, taken_at in self._pages(chunked):
                    if version(taken_at) < version(self.resource_version):
                        return ""
                    for obj in items:
                        listing.put(obj)
                listing.finish(taken_at)
                return taken_at
            except Gone:
                if not chunked:
                    raise
                chunked = False  # listing took longer than the server keeps a snapshot

    async def _pages(self, chunked: bool) -> AsyncIterator[tuple[list[Manifest], str]]:
        token = ""
        while True:
            page = await self._client.list_page(
                self._resource,
                self._namespace,
                selector=self._selector,
                limit=self._page_size if chunked else 0,
                continue_token=token,
            )
            yield page.items, page.resource_version
            token = page.continue_token
            if not token:
                return

    async def _watch(self) -> None:
        """Returns when a new LIST is needed."""
        backoff = Backoff(0.2, 30.0)
        clock = asyncio.get_running_loop().time
        malformed = 0
        while True:
            started, seen = clock(), 0
            reason = "disconnected"
            try:
                async for event in self._client.watch(
                    self._resource,
                    self._namespace,
                    selector=self._selector,
                    resource_version=self.resource_version,
                    timeout_seconds=random.randint(*self._watch_seconds),  # noqa: S311
                ):
                    self._take(event)
                    seen += 1
                    self._refused_since = None
                reason = ""
                self._refused_since = None
            except Gone:
                return
            except _Passing as error:
                log.info("%s; watching on from %s", error, self.resource_version)
            except Malformed as error:
                log.warning("%s", error)
                reason = "malformed"
            malformed = malformed + 1 if reason == "malformed" and not seen else 0
            if malformed >= 3:
                return
            if reason:
                metrics.WATCH_RESTARTS.labels(self._resource.kind, reason).inc()
            if seen or clock() - started > 5.0:
                backoff.reset()
                if not reason:
                    continue
            await asyncio.sleep(backoff.next())

    def _take(self, event: WatchEvent) -> None:
        obj = event.object
        if event.type in ("ADDED", "MODIFIED"):
            self._store.put(obj)
        elif event.type == "DELETED":
            self._store.remove(obj)
        self.resource_version = obj["metadata"]["resourceVersion"] or self.resource_version


def _remedy(resource: Resource, error: ApiError) -> str:
    if isinstance(error, NotFound):
        return f"the cluster does not serve {resource} ({resource.version}): install the CRDs"
    if isinstance(error, Forbidden):
        return f"may not list and watch {resource}: grant it in the operator's ClusterRole: {error}"
    return f"the API server rejects the operator's credentials: {error}"
