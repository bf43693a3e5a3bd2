"""What JaxJobs name beside their AcceleratorClass: JaxRuntimes, CompileCaches, and their Warmups.

A change of one wakes the jobs that name it and have not made their pods yet: pods that exist are
never changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache, JaxRuntime, Warmup
from jaxop.controllers.jaxjob.cache import ParseCache
from jaxop.domain.jaxjob import Snapshot
from jaxop.domain.jaxjob.warming.asked import name_asked_for
from jaxop.kube.controller import Watch
from jaxop.kube.resources import COMPILECACHES, JAXJOBS, JAXRUNTIMES, WARMUPS, Key, key_of
from jaxop.kube.store import IndexFunc, Store, Stores

BY_RUNTIME: Final = "runtime"
BY_CACHE: Final = "compile-cache"

_WITHOUT_PODS: Final = frozenset({None, "Pending", "Queued", "Scheduling", "Restarting"})
"""States of jobs whose pods may yet be made."""


def _runtime_of(obj: Manifest) -> Iterable[str]:
    runtime = obj["spec"].get("runtime")
    return (runtime,) if runtime else ()


def _cache_of(obj: Manifest) -> Iterable[str]:
    asked = obj["spec"].get("compileCache")
    return (f"{obj['metadata']['namespace']}/{asked['name']}",) if asked else ()


INDEXES: Final[Mapping[str, IndexFunc]] = {BY_RUNTIME: _runtime_of, BY_CACHE: _cache_of}
"""Of JaxJobs."""


class Compiling:
    """Adds them to snapshots."""

    def __init__(self) -> None:
        self._runtimes = ParseCache(JaxRuntime.model_validate)
        self._caches = ParseCache(CompileCache.model_validate)
        self._warmups = ParseCache(Warmup.model_validate)

    @property
    def watches(self) -> tuple[Watch, ...]:
        return (
            Watch(JAXRUNTIMES, _wake_users_of_runtime, selector=""),
            Watch(COMPILECACHES, _wake_users_of_cache, selector=""),
            Watch(WARMUPS, _wake_those_who_wait, selector=""),
        )

    def seen(self, snapshot: Snapshot, stores: Stores) -> Snapshot:
        spec, namespace = snapshot.jaxjob.spec, snapshot.jaxjob.metadata.namespace
        if spec.runtime is not None:
            raw = stores[JAXRUNTIMES].get("", spec.runtime)
            snapshot = replace(
                snapshot,
                runtime=self._runtimes.get(raw) if raw else None,
                runtime_names=() if raw else _names(stores[JAXRUNTIMES]),
            )
        if spec.compile_cache is None:
            return snapshot
        raw = stores[COMPILECACHES].get(namespace, spec.compile_cache.name)
        snapshot = replace(snapshot, compile_cache=self._caches.get(raw) if raw else None)
        name = name_asked_for(snapshot)
        raw = stores[WARMUPS].get(namespace, name) if name is not None else None
        self._forget_the_gone(stores)
        return replace(snapshot, warmup=self._warmups.get(raw) if raw else None)

    def _forget_the_gone(self, stores: Stores) -> None:
        for resource, cache in ((COMPILECACHES, self._caches), (WARMUPS, self._warmups)):
            there = stores[resource]
            if len(cache) > 2 * len(there) + 100:
                cache.keep_only(obj["metadata"]["uid"] for obj in there.all())


def _wake(index: str, value: str, stores: Stores) -> list[Key]:
    return [
        key_of(job)
        for job in stores[JAXJOBS].by_index(index, value)
        if (job.get("status") or {}).get("state") in _WITHOUT_PODS
    ]


def _wake_users_of_runtime(obj: Manifest, stores: Stores) -> Iterable[Key]:
    return _wake(BY_RUNTIME, obj["metadata"]["name"], stores)


def _wake_users_of_cache(obj: Manifest, stores: Stores) -> Iterable[Key]:
    metadata = obj["metadata"]
    return _wake(BY_CACHE, f"{metadata['namespace']}/{metadata['name']}", stores)


def _wake_those_who_wait(obj: Manifest, stores: Stores) -> Iterable[Key]:
    """Those that use the same CompileCache: which of them the Warmup is for, they know."""
    name = f"{obj['metadata']['namespace']}/{obj['spec']['compileCache']}"
    return [
        key_of(job)
        for job in stores[JAXJOBS].by_index(BY_CACHE, name)
        if job["spec"]["compileCache"].get("warmup") == "Wait"
        and (job.get("status") or {}).get("state") in (None, "Pending")
    ]


def _names(store: Store) -> tuple[str, ...]:
    return tuple(sorted(obj["metadata"]["name"] for obj in store.all()))
