"""What a JaxJob or a JaxService names beside its AcceleratorClass: a JaxRuntime, a CompileCache,
and the Warmup that it shares with whoever has the same program.

Whom a change of one wakes is for the controllers of each kind; here is how they are found.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache, JaxRuntime, Warmup
from jaxop.api.v1alpha1.jaxjob import JaxJobSpec
from jaxop.api.v1alpha1.jaxservice import JaxServiceSpec
from jaxop.controllers.parse_cache import ParseCache
from jaxop.domain import jaxjob, service
from jaxop.kube.resources import COMPILECACHES, JAXRUNTIMES, WARMUPS
from jaxop.kube.store import Store, Stores

Snapshot = TypeVar("Snapshot", jaxjob.Snapshot, service.Snapshot)


def runtime_of(obj: Manifest) -> Iterable[str]:
    """An index of those that name a JaxRuntime."""
    runtime = (obj.get("spec") or {}).get("runtime")
    return (runtime,) if runtime else ()


def cache_of(obj: Manifest) -> Iterable[str]:
    """An index of those that name a CompileCache, by `namespace/name`."""
    name = ((obj.get("spec") or {}).get("compileCache") or {}).get("name")
    return (f"{obj['metadata']['namespace']}/{name}",) if name else ()


def name_of_cache(cache: Manifest) -> str:
    """As in the index."""
    return f"{cache['metadata']['namespace']}/{cache['metadata']['name']}"


def name_of_cache_to_warm(warmup: Manifest) -> str:
    """As in the index."""
    return f"{warmup['metadata']['namespace']}/{warmup['spec']['compileCache']}"


class CompileObjects:
    """Adds them to snapshots; parses each version of one once."""

    def __init__(self) -> None:
        self._runtimes = ParseCache(JaxRuntime.model_validate)
        self._caches = ParseCache(CompileCache.model_validate)
        self._warmups = ParseCache(Warmup.model_validate)

    def seen(
        self,
        snapshot: Snapshot,
        spec: JaxJobSpec | JaxServiceSpec,
        namespace: str,
        stores: Stores,
        warmup_asked_for: Callable[[Snapshot], str | None],
    ) -> Snapshot:
        """`warmup_asked_for` is asked of a snapshot that has the others already."""
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


def _names(store: Store) -> tuple[str, ...]:
    return tuple(sorted(obj["metadata"]["name"] for obj in store.all()))
