"""What wakes a CompileCache and what is seen of it; `domain.cache` decides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1 import CompileCache
from jaxop.api.v1alpha1.compile_cache import CompileCacheStatus
from jaxop.api.v1alpha1.labels import CACHE_NAMESPACE, COMPILE_CACHE, KEEPER
from jaxop.controllers.compilecache import metrics
from jaxop.controllers.compilecache.keeper_reports import Address, KeeperReports
from jaxop.controllers.compilecache.trimming import trim_claim, trim_policy
from jaxop.controllers.deployments import trim_deployment
from jaxop.controllers.parse_cache import ParseCache
from jaxop.controllers.trimming import trim_job, trim_pod
from jaxop.domain import cache as domain
from jaxop.domain.cache import Snapshot, names
from jaxop.domain.cache.reading import (
    digests_in_use,
    read_claim,
    read_keeper_pod,
    read_pod_refusal,
    read_told_in_use,
)
from jaxop.domain.cache.snapshot import ClaimView
from jaxop.kube.children import controller_of
from jaxop.kube.controller import MANAGED_BY, Refusal, Watch, wake_itself, wake_label
from jaxop.kube.resources import (
    COMPILECACHES,
    CONFIGMAPS,
    DEPLOYMENTS,
    JOBS,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    Key,
    Resource,
    key_of,
)
from jaxop.kube.store import Stores

NAME: Final = "jax-operator-compilecache"

BY_CLAIM: Final = "claim"
BY_COMPILE_CACHE: Final = "compile-cache"
BY_KEEPER: Final = "keeper"

PODS_SETTLE_SECONDS: Final = 0.5
"""The pods of many jobs come and go together: one pass for many changes."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A value, and when it was seen to change: None for what was there when first looked at."""

    value: object
    changed_at: datetime | None = None


class CompileCacheController:
    """A `kube.controller.Controller[Snapshot]`."""

    name: Final = NAME
    resource: Final[Resource] = COMPILECACHES

    def __init__(
        self, runtime_image: str, *, reports: KeeperReports, clock: Clock = utc_now
    ) -> None:
        self._runtime_image = runtime_image
        self._reports = reports
        self._clock = clock
        self._caches = ParseCache(CompileCache.model_validate)
        self._statuses: dict[str, _Seen] = {}
        self._told: dict[str, _Seen] = {}

    @property
    def watches(self) -> tuple[Watch, ...]:
        wake_cache = wake_label("CompileCache", COMPILE_CACHE)
        return (
            Watch(COMPILECACHES, wake_itself, selector="", indexes={BY_CLAIM: _claim_of}),
            Watch(PERSISTENTVOLUMECLAIMS, _wake_users, selector="", trim=trim_claim),
            Watch(CONFIGMAPS, wake_cache, selector=MANAGED_BY, trim=trim_policy),
            Watch(DEPLOYMENTS, wake_cache, selector=MANAGED_BY, trim=trim_deployment),
            Watch(
                JOBS,
                wake_cache,
                selector=MANAGED_BY,
                trim=trim_job,
                indexes={BY_COMPILE_CACHE: _cache_of},
                settle_seconds=PODS_SETTLE_SECONDS,
            ),
            Watch(
                PODS,
                wake_cache,
                selector=MANAGED_BY,
                trim=trim_pod,
                indexes={BY_COMPILE_CACHE: _cache_of, BY_KEEPER: _keeper_of},
                settle_seconds=PODS_SETTLE_SECONDS,
            ),
        )

    def observe(self, key: Key, stores: Stores) -> Snapshot | None:
        raw = stores[COMPILECACHES].get(key.namespace, key.name)
        if raw is None:
            return None
        cache = self._caches.get(raw)
        self._forget_the_gone(stores)
        where = f"{key.namespace}/{key.name}"
        policy = _ours(stores[CONFIGMAPS].get(key.namespace, names.keeper(key.name)), cache)
        deployment = _ours(stores[DEPLOYMENTS].get(key.namespace, names.keeper(key.name)), cache)
        told_in_use = read_told_in_use(policy) if policy is not None else None
        pods = tuple(read_keeper_pod(pod) for pod in stores[PODS].by_index(BY_KEEPER, where))
        snapshot = Snapshot(
            cache=cache,
            runtime_image=self._runtime_image,
            claim=_claim(cache, stores),
            pods=pods,
            pod_refusal=read_pod_refusal(deployment) if deployment is not None else None,
            in_use=digests_in_use(
                stores[PODS].by_index(BY_COMPILE_CACHE, where),
                stores[JOBS].by_index(BY_COMPILE_CACHE, where),
            ),
            told_in_use=told_in_use,
            told_at=self._changed_at(self._told, cache, told_in_use),
            written_at=self._note(cache),
        )
        return self._with_what_is_heard(key, snapshot)

    def decide(self, snapshot: Snapshot, now: datetime) -> Plan:
        return domain.decide(snapshot, now)

    def refused(self, snapshot: Snapshot, refusals: tuple[Refusal, ...], now: datetime) -> Plan:
        return domain.refused(snapshot, [(r.reason, r.message) for r in refusals], now)

    def _with_what_is_heard(self, key: Key, snapshot: Snapshot) -> Snapshot:
        pod = snapshot.keeper_pod
        running = pod is not None and pod.phase == "Running" and pod.ip
        address = Address(pod.ip) if pod is not None and running else None
        heard = self._reports.follow(key, snapshot.cache.metadata.uid, address)
        return replace(
            snapshot,
            report=heard.report,
            unheard_since=heard.unheard_since,
            asked_since=heard.asked_since,
        )

    def _note(self, cache: CompileCache) -> datetime | None:
        """When the status was last seen to change; counts what changed."""
        before = self._statuses.get(cache.metadata.uid)
        if before is not None and isinstance(before.value, CompileCacheStatus):
            metrics.count(before.value, cache.status)
        return self._changed_at(self._statuses, cache, cache.status)

    def _changed_at(
        self, seen: dict[str, _Seen], cache: CompileCache, value: object
    ) -> datetime | None:
        uid = cache.metadata.uid
        before = seen.get(uid)
        if before is None:
            seen[uid] = _Seen(value)
        elif before.value != value:
            seen[uid] = _Seen(value, self._clock())
        return seen[uid].changed_at

    def _forget_the_gone(self, stores: Stores) -> None:
        """Now and then; what is kept of caches that were deleted is small."""
        store = stores[COMPILECACHES]
        if len(self._statuses) <= 2 * len(store) + 100:
            return
        there = {obj["metadata"]["uid"] for obj in store.all()}
        self._caches.keep_only(there)
        for seen in (self._statuses, self._told):
            for uid in seen.keys() - there:
                del seen[uid]


def _claim(cache: CompileCache, stores: Stores) -> ClaimView | None:
    found = stores[PERSISTENTVOLUMECLAIMS].get(cache.metadata.namespace, names.claim_of(cache))
    return read_claim(found) if found is not None else None


def _ours(child: Manifest | None, cache: CompileCache) -> Manifest | None:
    """Not a namesake's, and nobody else's."""
    owner = controller_of(child) if child is not None else None
    return child if owner is not None and owner.get("uid") == cache.metadata.uid else None


def _wake_users(claim: Manifest, stores: Stores) -> Iterable[Key]:
    """Of the user's claims, and of those that were made."""
    metadata = claim["metadata"]
    users = stores[COMPILECACHES].by_index(BY_CLAIM, f"{metadata['namespace']}/{metadata['name']}")
    return [key_of(user) for user in users]


def _claim_of(raw: Manifest) -> Iterable[str]:
    metadata, storage = raw["metadata"], (raw.get("spec") or {}).get("storage") or {}
    name = storage.get("claimName") or names.made_claim(metadata["name"])
    return (f"{metadata['namespace']}/{name}",)


def _cache_of(obj: Manifest) -> Iterable[str]:
    return _labelled(obj, COMPILE_CACHE) if _label(obj, CACHE_NAMESPACE) else ()


def _keeper_of(obj: Manifest) -> Iterable[str]:
    return _labelled(obj, KEEPER)


def _labelled(obj: Manifest, label: str) -> Iterable[str]:
    name = _label(obj, label)
    return (f"{obj['metadata']['namespace']}/{name}",) if name else ()


def _label(obj: Manifest, label: str) -> str | None:
    return (obj["metadata"].get("labels") or {}).get(label)
