"""The one reconcile loop for all kinds. It owns stores, reflectors, the queue and its workers.

    a change in a store -> keys -> queue -> a worker: observe -> decide -> Executor.execute

A pass that wrote something is followed by another, which sees what was written and writes nothing.
An error concerns one key and is tried again later, ever more slowly; a FatalError ends the loop.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from jaxop.api.plan import Manifest
from jaxop.kube import metrics
from jaxop.kube.apply import Executor, Outcome
from jaxop.kube.client import ApiClient
from jaxop.kube.controller import Controller, Watch, wake_itself
from jaxop.kube.errors import (
    ApiError,
    Conflict,
    FatalError,
    NotLeading,
    Superseded,
    Unauthorized,
    Unreachable,
)
from jaxop.kube.fed import FedStore
from jaxop.kube.leader import Elector
from jaxop.kube.reflector import Reflector
from jaxop.kube.resources import Key, Resource
from jaxop.kube.store import Listener, ObjectStore
from jaxop.kube.workqueue import ShutDown, WorkQueue

log = logging.getLogger(__name__)

WORKERS = 16
DRAIN_SECONDS = 5.0
"""Passes under way may end by themselves for so long when the loop is stopped."""
RESTLESS = 5
"""So many passes in a row that wrote something, and the next one has to wait: it may never end."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Loop:
    """Runs `controllers` until cancelled.

    `fed` names own kinds whose events arrive through `feed` instead of a reflector. `namespace`
    None watches all namespaces. `clock` gives the `now` of decisions.
    """

    def __init__(
        self,
        client: ApiClient,
        controllers: Sequence[Controller[Any]],
        *,
        namespace: str | None = None,
        workers: int = WORKERS,
        fed: frozenset[Resource] = frozenset(),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.synced = asyncio.Event()
        self.stores: dict[Resource, ObjectStore] = {}
        self.queue = WorkQueue()
        self._client = client
        self._namespace = namespace
        self._workers = workers
        self._clock = clock
        self._working = False
        self._seen: set[Key] = set()
        self._restless: dict[Key, int] = {}
        self._controllers = {c.resource.kind: c for c in controllers}
        self._reflectors: list[Reflector] = []
        self._fed: dict[Resource, FedStore] = {}
        for resource, watches in _by_resource(controllers).items():
            self._add_store(resource, watches, fed=resource in fed)
        self._executors = {
            kind: Executor(client, self.stores, manager=controller.name)
            for kind, controller in self._controllers.items()
        }

    def feed(self, resource: Resource, event_type: str | None, obj: Manifest) -> None:
        """One event of a fed kind; `event_type` None is kopf's word for the initial listing."""
        self._fed[resource].feed(event_type, obj)

    def wake(self, key: Key) -> None:
        """Something outside the stores has changed for this object. For nothing while standing by:
        whoever begins to lead looks at all objects anyway."""
        if self._working:
            self.queue.add(key)

    async def run(self, elector: Elector | None = None) -> None:
        """For ever: keeps the stores warm and, while leading (always, without an elector), works.
        Raises FatalError; when cancelled, lets passes under way end first."""
        sources = [source.run() for source in self._sources()]
        await together(*sources, self._lead_when_synced(elector))

    async def work(self) -> None:
        """Runs the workers, all keys queued first. Only while leading, and not twice at once."""
        self.queue = WorkQueue()
        self._seen.clear()
        self._restless.clear()
        self._working = True
        for controller in self._controllers.values():
            for obj in self.stores[controller.resource].all():
                for key in wake_itself(obj, self.stores):
                    self._wake(key, 0.0)
        workers = [asyncio.create_task(self._worker()) for _ in range(self._workers)]
        try:
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
            for worker in done:
                worker.result()
        finally:
            self._working = False
            self.queue.shut_down()
            _, late = await asyncio.wait(workers, timeout=DRAIN_SECONDS)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _lead_when_synced(self, elector: Elector | None) -> None:
        for source in self._sources():
            await source.synced.wait()
        self.synced.set()
        log.info("all %d stores are filled", len(self.stores))
        await (elector.run(self.work) if elector else self.work())

    def _sources(self) -> list[Reflector | FedStore]:
        return [*self._reflectors, *self._fed.values()]

    def _add_store(self, resource: Resource, watches: list[Watch], *, fed: bool) -> None:
        first = watches[0]
        if any((w.selector, w.trim) != (first.selector, first.trim) for w in watches):
            raise ValueError(f"controllers disagree on selector or trim of {resource}")
        indexes = {name: f for watch in watches for name, f in watch.indexes.items()}
        store = ObjectStore(resource, trim=first.trim, indexes=indexes)
        store.listeners = [self._listener(watch) for watch in watches]
        self.stores[resource] = store
        if fed:
            self._fed[resource] = FedStore(self._client, store, namespace=self._namespace)
        else:
            self._reflectors.append(
                Reflector(self._client, store, namespace=self._namespace, selector=first.selector)
            )

    def _listener(self, watch: Watch) -> Listener:
        def changed(old: Manifest | None, new: Manifest | None, by: Key | None) -> None:
            if not self._working:
                return
            for obj in (old, new):
                if obj is not None:
                    for key in watch.keys_of(obj, self.stores):
                        if key != by:
                            self._wake(key, watch.settle_seconds)

        return changed

    def _wake(self, key: Key, after: float) -> None:
        if after:
            self.queue.add_after(key, after)
        else:
            self.queue.add(key, fresh=key not in self._seen)

    async def _worker(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except ShutDown:
                return
            try:
                await self._guarded(key)
            finally:
                self.queue.done(key)

    async def _guarded(self, key: Key) -> None:
        began, result = time.perf_counter(), "failed"
        try:
            result = await self._pass(key)
        except NotLeading as error:
            log.info("%s: %s", key, error)
        except (Conflict, Superseded) as error:
            result = "superseded"
            log.debug("%s: %s", key, error)
            self.queue.add_rate_limited(key)
        except Unauthorized as error:
            raise FatalError(f"the API server rejects our credentials: {error}") from error
        except FatalError:
            raise
        except (ApiError, Unreachable) as error:
            log.warning("%s: %s; again in %.1f s", key, error, self.queue.add_rate_limited(key))
        except Exception:
            log.exception("%s: again in %.1f s", key, self.queue.add_rate_limited(key))
        finally:
            seconds = time.perf_counter() - began
            controller = self._controllers[key.kind].name
            metrics.RECONCILE_SECONDS.labels(controller, result).observe(seconds)

    async def _pass(self, key: Key) -> str:
        controller = self._controllers[key.kind]
        owner = self.stores[controller.resource].get(key.namespace, key.name)
        if owner is None:
            self._forget(key)
            return "unchanged"
        self._seen.add(key)
        snapshot = controller.observe(key, self.stores)
        if snapshot is None:
            self.queue.forget(key)
            return "unchanged"
        now = self._clock()
        plan = controller.decide(snapshot, now)
        outcome = await self._executors[key.kind].execute(
            owner, plan, lambda refusals: controller.refused(snapshot, refusals, now)
        )
        return self._follow_up(key, outcome, plan.requeue_after)

    def _follow_up(self, key: Key, outcome: Outcome, requeue_after: float | None) -> str:
        if requeue_after is not None:
            self.queue.add_after(key, requeue_after)
        if outcome.refusals or outcome.waiting:
            self.queue.add_rate_limited(key)
            return "refused" if outcome.refusals else "unchanged"
        if not outcome.writes:
            self.queue.forget(key)
            self._restless.pop(key, None)
            return "unchanged"
        passes = self._restless[key] = self._restless.get(key, 0) + 1
        if passes < RESTLESS:
            self.queue.add(key)
        else:
            if passes == RESTLESS:
                log.warning("%s: %d passes in a row wrote something", key, passes)
            self.queue.add_rate_limited(key)
        return "written"

    def _forget(self, key: Key) -> None:
        self.queue.forget(key)
        self._seen.discard(key)
        self._restless.pop(key, None)


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Runs them side by side; the first error ends the others and is raised as it is."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _by_resource(controllers: Sequence[Controller[Any]]) -> dict[Resource, list[Watch]]:
    """Own kinds come first: their keys are the first to be known."""
    found: dict[Resource, list[Watch]] = {}
    for controller in controllers:
        watches = list(controller.watches)
        if all(watch.resource != controller.resource for watch in watches):
            watches.insert(0, Watch(controller.resource, wake_itself, selector=""))
        for watch in watches:
            found.setdefault(watch.resource, []).append(watch)
    return found
