"""What JaxServices name beside their AcceleratorClass: JaxRuntimes, CompileCaches, and their
Warmups. A change of one wakes the services that name it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache, JaxRuntime, Warmup
from jaxop.controllers.jaxjob.cache import ParseCache
from jaxop.domain.service import Snapshot, warmup_asked_for
from jaxop.kube.controller import Watch
from jaxop.kube.resources import COMPILECACHES, JAXRUNTIMES, JAXSERVICES, WARMUPS, Key, key_of
from jaxop.kube.store import IndexFunc, Store, Stores

BY_RUNTIME: Final = "services-runtime"
BY_CACHE: Final = "services-cache"


def _runtime_of(obj: Manifest) -> Iterable[str]:
    runtime = (obj.get("spec") or {}).get("runtime")
    return (runtime,) if runtime else ()


def _cache_of(obj: Manifest) -> Iterable[str]:
    name = ((obj.get("spec") or {}).get("compileCache") or {}).get("name")
    return (f"{obj['metadata']['namespace']}/{name}",) if name else ()


INDEXES: Final[Mapping[str, IndexFunc]] = {BY_RUNTIME: _runtime_of, BY_CACHE: _cache_of}
"""Of JaxServices."""


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
            Watch(WARMUPS, _wake_those_who_ask, selector=""),
        )

    def seen(self, snapshot: Snapshot, stores: Stores) -> Snapshot:
        spec, namespace = snapshot.service.spec, snapshot.service.metadata.namespace
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
        name = warmup_asked_for(snapshot)
        raw = stores[WARMUPS].get(namespace, name) if name is not None else None
        self._forget_the_gone(stores)
        return replace(snapshot, warmup=self._warmups.get(raw) if raw else None)

    def _forget_the_gone(self, stores: Stores) -> None:
        for resource, cache in ((COMPILECACHES, self._caches), (WARMUPS, self._warmups)):
            there = stores[resource]
            if len(cache) > 2 * len(there) + 100:
                cache.keep_only(obj["metadata"]["uid"] for obj in there.all())


def _wake_users_of_runtime(obj: Manifest, stores: Stores) -> Iterable[Key]:
    return map(key_of, stores[JAXSERVICES].by_index(BY_RUNTIME, obj["metadata"]["name"]))


def _wake_users_of_cache(obj: Manifest, stores: Stores) -> Iterable[Key]:
    metadata = obj["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    return map(key_of, stores[JAXSERVICES].by_index(BY_CACHE, name))


def _wake_those_who_ask(obj: Manifest, stores: Stores) -> Iterable[Key]:
    """Those that use the same CompileCache: which of them the Warmup is for, they know."""
    name = f"{obj['metadata']['namespace']}/{obj['spec']['compileCache']}"
    return [
        key_of(service)
        for service in stores[JAXSERVICES].by_index(BY_CACHE, name)
        if service["spec"]["compileCache"].get("warmup") in ("Wait", "Background")
    ]


def _names(store: Store) -> tuple[str, ...]:
    return tuple(sorted(obj["metadata"]["name"] for obj in store.all()))
