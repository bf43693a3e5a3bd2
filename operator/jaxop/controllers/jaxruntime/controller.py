"""Which objects concern a JaxRuntime, read from the stores into what `domain.runtime` decides on.

A JaxRuntime has no namespace; the Jobs that verify it are in `VerificationSettings.namespace`,
which must be one that the loop watches.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1 import AcceleratorClass, JaxRuntime
from jaxop.api.v1alpha1.jaxjob import MANAGER
from jaxop.api.v1alpha1.jaxjob_status import FINISHED
from jaxop.api.v1alpha1.labels import JAXRUNTIME
from jaxop.api.v1alpha1.warmup import WARMUP_FINISHED
from jaxop.controllers.node_facts import NodeFacts
from jaxop.controllers.parse_cache import ParseCache
from jaxop.controllers.trimming import trim_job, trim_ours, trim_pod
from jaxop.domain import runtime as domain
from jaxop.domain.runtime.reading import read_verification_job
from jaxop.domain.runtime.snapshot import Snapshot, VerificationSettings
from jaxop.kube.children import controller_of
from jaxop.kube.controller import MANAGED_BY, Refusal, Watch, wake_itself
from jaxop.kube.resources import (
    ACCELERATORCLASSES,
    JAXJOBS,
    JAXRUNTIMES,
    JOBS,
    PODS,
    WARMUPS,
    Key,
    Resource,
    key_of,
)
from jaxop.kube.store import Stores

NAME: Final = "jax-operator-jaxruntime"

UNFINISHED_USERS: Final = "unfinished-users-of-jaxruntime"
BY_JAXRUNTIME: Final = "jaxruntime"

USERS_SETTLE_SECONDS: Final = 1.0
"""Jobs tell of every step, and few of these words change what is in use."""
PODS_SETTLE_SECONDS: Final = 0.2
"""That of all who watch pods."""

_OVER: Final[frozenset[str]] = frozenset(FINISHED | WARMUP_FINISHED)


class JaxRuntimeController:
    """A `kube.controller.Controller[Snapshot]`."""

    name: Final = NAME
    resource: Final[Resource] = JAXRUNTIMES

    def __init__(self, settings: VerificationSettings, *, nodes: NodeFacts) -> None:
        self._settings = settings
        self._nodes = nodes
        self._runtimes = ParseCache(JaxRuntime.model_validate)
        self._classes = ParseCache(AcceleratorClass.model_validate)

    @property
    def watches(self) -> tuple[Watch, ...]:
        ours = {BY_JAXRUNTIME: _verified_by}
        users = {UNFINISHED_USERS: _used_by}
        return (
            Watch(JAXRUNTIMES, wake_itself, selector=""),
            Watch(ACCELERATORCLASSES, _wake_all, selector=""),
            Watch(
                JAXJOBS,
                _wake_used,
                selector="",
                trim=trim_ours,
                indexes=users,
                settle_seconds=USERS_SETTLE_SECONDS,
            ),
            Watch(
                WARMUPS,
                _wake_used,
                selector="",
                indexes=users,
                settle_seconds=USERS_SETTLE_SECONDS,
            ),
            Watch(JOBS, _wake_verified, selector=MANAGED_BY, trim=trim_job, indexes=ours),
            Watch(
                PODS,
                _wake_verified,
                selector=MANAGED_BY,
                trim=trim_pod,
                indexes=ours,
                settle_seconds=PODS_SETTLE_SECONDS,
            ),
        )

    def observe(self, key: Key, stores: Stores) -> Snapshot | None:
        raw = stores[JAXRUNTIMES].get("", key.name)
        if raw is None:
            return None
        runtime = self._runtimes.get(raw)
        raw_jobs = [
            job
            for job in stores[JOBS].by_index(BY_JAXRUNTIME, key.name)
            if (controller_of(job) or {}).get("uid") == runtime.metadata.uid
        ]
        raw_pods = stores[PODS].by_index(BY_JAXRUNTIME, key.name)
        jobs = tuple(read_verification_job(job, _pods_of(job, raw_pods)) for job in raw_jobs)
        nodes, pending = None, False
        if any(pod.unschedulable is not None and not pod.node for j in jobs for pod in j.pods):
            nodes, pending = self._nodes.of(key)
        users = (
            user
            for kind in (JAXJOBS, WARMUPS)
            for user in stores[kind].by_index(UNFINISHED_USERS, key.name)
        )
        classes = map(self._classes.get, stores[ACCELERATORCLASSES].all())
        return Snapshot(
            runtime=runtime,
            settings=self._settings,
            asked_for=frozenset(user["spec"]["accelerator"]["class"] for user in users),
            classes={known.metadata.name: known for known in classes},
            jobs=jobs,
            nodes=nodes,
            nodes_pending=pending,
        )

    def decide(self, snapshot: Snapshot, now: datetime) -> Plan:
        return domain.decide(snapshot, now)

    def refused(self, snapshot: Snapshot, refusals: tuple[Refusal, ...], now: datetime) -> Plan:
        return domain.refused(snapshot, [refusal.message for refusal in refusals], now)


def _wake_all(_: Manifest, stores: Stores) -> Iterable[Key]:
    """A class that came, changed or went may concern any of them; they are few."""
    return [key_of(runtime) for runtime in stores[JAXRUNTIMES].all()]


def _wake_used(user: Manifest, _: Stores) -> Iterable[Key]:
    name = user["spec"].get("runtime")
    return (Key(JAXRUNTIMES.kind, "", name),) if name else ()


def _wake_verified(obj: Manifest, _: Stores) -> Iterable[Key]:
    return [Key(JAXRUNTIMES.kind, "", name) for name in _verified_by(obj)]


def _verified_by(obj: Manifest) -> Iterable[str]:
    name = (obj["metadata"].get("labels") or {}).get(JAXRUNTIME)
    return (name,) if name else ()


def _used_by(user: Manifest) -> Iterable[str]:
    """The runtime of a JaxJob or Warmup that is not over, and that we act on."""
    spec: dict[str, Any] = user["spec"]
    over = (user.get("status") or {}).get("state") in _OVER
    if over or "deletionTimestamp" in user["metadata"] or not spec.get("runtime"):
        return ()
    return (spec["runtime"],) if spec.get("managedBy", MANAGER) == MANAGER else ()


def _pods_of(job: Manifest, pods: list[Manifest]) -> list[Manifest]:
    uid = job["metadata"]["uid"]
    return [pod for pod in pods if (controller_of(pod) or {}).get("uid") == uid]
