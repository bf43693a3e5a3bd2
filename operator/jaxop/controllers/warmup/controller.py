"""What wakes a Warmup and what is seen of it; `domain.warmup` decides."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1 import AcceleratorClass, CompileCache, JaxJob, JaxRuntime, Warmup
from jaxop.api.v1alpha1.labels import WARMUP
from jaxop.api.v1alpha1.warmup import WARMUP_FINISHED
from jaxop.controllers.parse_cache import ParseCache
from jaxop.controllers.trimming import trim_ours
from jaxop.controllers.warmup.keepers import Keepers, read_keeper
from jaxop.domain import warmup as domain
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.domain.warmup import Rival, Snapshot
from jaxop.kube.children import controller_of
from jaxop.kube.controller import KeysOf, Refusal, Watch, wake_label
from jaxop.kube.resources import (
    ACCELERATORCLASSES,
    COMPILECACHES,
    JAXJOBS,
    JAXRUNTIMES,
    WARMUPS,
    Key,
    Resource,
    key_of,
)
from jaxop.kube.store import Store, Stores

NAME: Final = "jax-operator-warmup"

BY_WARMUP: Final = "warmup"
BY_CACHE: Final = "warmups-cache"
BY_RUNTIME: Final = "warmups-runtime"
BY_CLASS: Final = "warmups-class"

RUNS_KEPT: Final = 8
"""For each Warmup, before it is looked which of them are gone."""


class WarmupController:
    """A `kube.controller.Controller[Snapshot]`."""

    name: Final = NAME
    resource: Final[Resource] = WARMUPS

    def __init__(self, settings: OperatorSettings, *, keepers: Keepers) -> None:
        self._settings = settings
        self._keepers = keepers
        self._warmups = ParseCache(Warmup.model_validate)
        self._jaxjobs = ParseCache(JaxJob.model_validate)
        self._classes = ParseCache(AcceleratorClass.model_validate)
        self._caches = ParseCache(CompileCache.model_validate)
        self._runtimes = ParseCache(JaxRuntime.model_validate)

    @property
    def watches(self) -> tuple[Watch, ...]:
        indexes = {BY_CACHE: _cache_of, BY_RUNTIME: _runtime_of, BY_CLASS: _class_of}
        return (
            Watch(WARMUPS, _wake_itself_and_rivals, selector="", indexes=indexes),
            Watch(
                JAXJOBS,
                wake_label("Warmup", WARMUP),
                selector="",
                trim=trim_ours,
                indexes={BY_WARMUP: _warmup_of},
            ),
            Watch(COMPILECACHES, _wake_users_of_cache, selector=""),
            Watch(JAXRUNTIMES, _wake_users_of(BY_RUNTIME), selector=""),
            Watch(ACCELERATORCLASSES, _wake_users_of(BY_CLASS), selector=""),
        )

    def observe(self, key: Key, stores: Stores) -> Snapshot | None:
        raw = stores[WARMUPS].get(key.namespace, key.name)
        if raw is None:
            return None
        warmup = self._warmups.get(raw)
        self._forget_the_gone(stores)
        spec = warmup.spec
        class_raw = stores[ACCELERATORCLASSES].get("", spec.accelerator.class_)
        runtime_raw = stores[JAXRUNTIMES].get("", spec.runtime) if spec.runtime else None
        cache_raw = stores[COMPILECACHES].get(key.namespace, spec.compile_cache)
        cache_key = Key(COMPILECACHES.kind, key.namespace, spec.compile_cache)
        return Snapshot(
            warmup=warmup,
            settings=self._settings,
            accelerator_class=self._classes.get(class_raw) if class_raw else None,
            class_names=() if class_raw else _names(stores[ACCELERATORCLASSES]),
            runtime=self._runtimes.get(runtime_raw) if runtime_raw else None,
            runtime_names=() if runtime_raw else _names(stores[JAXRUNTIMES]),
            compile_cache=self._caches.get(cache_raw) if cache_raw else None,
            keeper=read_keeper(self._keepers.heard(cache_key)),
            runs=self._runs(warmup, stores),
            rivals=self._rivals(warmup, stores),
        )

    def decide(self, snapshot: Snapshot, now: datetime) -> Plan:
        return domain.decide(snapshot, now)

    def refused(self, snapshot: Snapshot, refusals: tuple[Refusal, ...], now: datetime) -> Plan:
        return domain.refused(snapshot, [(r.reason, r.message) for r in refusals], now)

    def _runs(self, warmup: Warmup, stores: Stores) -> dict[str, JaxJob]:
        metadata = warmup.metadata
        labelled = stores[JAXJOBS].by_index(BY_WARMUP, f"{metadata.namespace}/{metadata.name}")
        return {
            raw["metadata"]["name"]: self._jaxjobs.get(raw)
            for raw in labelled
            if (controller_of(raw) or {}).get("uid") == metadata.uid
        }

    def _rivals(self, warmup: Warmup, stores: Stores) -> tuple[Rival, ...]:
        cache = f"{warmup.metadata.namespace}/{warmup.spec.compile_cache}"
        others = map(self._warmups.get, stores[WARMUPS].by_index(BY_CACHE, cache))
        return tuple(
            Rival(
                name=other.metadata.name,
                created_at=other.metadata.creation_timestamp,
                state=other.status.state,
                reason=other.status.reason,
                digest=other.status.cache_namespace,
            )
            for other in others
            if other.metadata.uid != warmup.metadata.uid
            and other.status.state not in WARMUP_FINISHED
            and other.metadata.deletion_timestamp is None
        )

    def _forget_the_gone(self, stores: Stores) -> None:
        warmups = stores[WARMUPS]
        if len(self._warmups) > 2 * len(warmups) + 100:
            self._warmups.keep_only(obj["metadata"]["uid"] for obj in warmups.all())
        caches = stores[COMPILECACHES]
        if len(self._caches) > 2 * len(caches) + 100:
            self._caches.keep_only(obj["metadata"]["uid"] for obj in caches.all())
        if len(self._jaxjobs) > RUNS_KEPT * len(warmups) + 100:
            labelled = (job for job in stores[JAXJOBS].all() if _warmup_of(job))
            self._jaxjobs.keep_only(job["metadata"]["uid"] for job in labelled)


def _wake_itself_and_rivals(obj: Manifest, stores: Stores) -> Iterable[Key]:
    """Those that wait for their turn, as far as it may be theirs now."""
    rivals = stores[WARMUPS].by_index(BY_CACHE, *_cache_of(obj))
    waiting = [r for r in rivals if _state(r) in (None, "Waiting")]
    return {key_of(obj), *map(key_of, waiting)}


def _wake_users_of_cache(obj: Manifest, stores: Stores) -> Iterable[Key]:
    """Those that are Ready, too: what they have published may be gone."""
    metadata = obj["metadata"]
    users = stores[WARMUPS].by_index(BY_CACHE, f"{metadata['namespace']}/{metadata['name']}")
    return [key_of(w) for w in users if _state(w) == "Ready" or _state(w) not in WARMUP_FINISHED]


def _wake_users_of(index: str) -> KeysOf:
    def keys(obj: Manifest, stores: Stores) -> Iterable[Key]:
        return _unfinished(stores[WARMUPS], index, obj["metadata"]["name"])

    return keys


def _unfinished(store: Store, index: str, value: str) -> list[Key]:
    found = store.by_index(index, value)
    return [key_of(w) for w in found if _state(w) not in WARMUP_FINISHED]


def _state(warmup: Manifest) -> str | None:
    state: str | None = (warmup.get("status") or {}).get("state")
    return state


def _cache_of(obj: Manifest) -> tuple[str]:
    return (f"{obj['metadata']['namespace']}/{obj['spec']['compileCache']}",)


def _runtime_of(obj: Manifest) -> Iterable[str]:
    runtime = obj["spec"].get("runtime")
    return (runtime,) if runtime else ()


def _class_of(obj: Manifest) -> Iterable[str]:
    return (obj["spec"]["accelerator"]["class"],)


def _warmup_of(obj: Manifest) -> Iterable[str]:
    metadata = obj["metadata"]
    name = (metadata.get("labels") or {}).get(WARMUP)
    return (f"{metadata['namespace']}/{name}",) if name else ()


def _names(store: Store) -> tuple[str, ...]:
    return tuple(sorted(obj["metadata"]["name"] for obj in store.all()))
