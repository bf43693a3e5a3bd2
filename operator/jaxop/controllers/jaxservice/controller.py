"""What wakes a JaxService and what is seen of it; `domain.service` decides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1 import AcceleratorClass, JaxService
from jaxop.api.v1alpha1.jaxservice_status import JaxServiceStatus
from jaxop.api.v1alpha1.labels import JAXSERVICE
from jaxop.controllers.compile_objects import CompileObjects
from jaxop.controllers.deployments import trim_deployment
from jaxop.controllers.jaxservice import metrics
from jaxop.controllers.jaxservice.compiling import INDEXES, WATCHES
from jaxop.controllers.jaxservice.replica_reports import Address, Heard, ReplicaReports
from jaxop.controllers.jaxservice.trimming import trim_budget, trim_revision
from jaxop.controllers.node_facts import NodeFacts
from jaxop.controllers.parse_cache import ParseCache
from jaxop.controllers.trimming import trim_ours, trim_pod, trim_service
from jaxop.domain import service as domain
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.domain.service import Snapshot, warmup_asked_for
from jaxop.domain.service.reading import (
    read_deployment,
    read_replica_job,
    read_replica_pod,
    read_revision,
)
from jaxop.domain.service.views import ReplicaPodView
from jaxop.kube.children import controller_of
from jaxop.kube.controller import MANAGED_BY, Refusal, Watch, wake_itself, wake_label
from jaxop.kube.resources import (
    ACCELERATORCLASSES,
    CONTROLLERREVISIONS,
    DEPLOYMENTS,
    JAXJOBS,
    JAXSERVICES,
    PODDISRUPTIONBUDGETS,
    PODS,
    SERVICES,
    Key,
    Resource,
    key_of,
)
from jaxop.kube.store import Stores

NAME: Final = "jax-operator-jaxservice"

BY_CLASS: Final = "services-class"
BY_JAXSERVICE: Final = "jaxservice"

PODS_SETTLE_SECONDS: Final = 0.2
"""The pods of a service change together: one pass for many changes."""

CHANGING: Final = frozenset({None, "Pending", "WarmingUp", "Starting", "RollingOut"})
"""States in which replicas are asked more often."""

Clock = Callable[[], datetime]

T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Seen:
    status: JaxServiceStatus
    written_at: datetime | None = None
    """None for what was there before this process first looked."""


class JaxServiceController:
    """A `kube.controller.Controller[Snapshot]`."""

    name: Final = NAME
    resource: Final[Resource] = JAXSERVICES

    def __init__(
        self,
        settings: OperatorSettings,
        *,
        reports: ReplicaReports,
        nodes: NodeFacts,
        clock: Clock = utc_now,
    ) -> None:
        self._settings = settings
        self._reports = reports
        self._nodes = nodes
        self._clock = clock
        self._services = ParseCache(JaxService.model_validate)
        self._classes = ParseCache(AcceleratorClass.model_validate)
        self._pods = ParseCache(read_replica_pod)
        self._compiling = CompileObjects()
        self._seen: dict[str, _Seen] = {}

    @property
    def watches(self) -> tuple[Watch, ...]:
        wake_owner = wake_label("JaxService", JAXSERVICE)
        by_service = {BY_JAXSERVICE: _service_of}
        return (
            Watch(
                JAXSERVICES,
                wake_itself,
                selector="",
                trim=trim_ours,
                indexes={BY_CLASS: _class_of, **INDEXES},
            ),
            Watch(ACCELERATORCLASSES, _wake_users_of_class, selector=""),
            *WATCHES,
            Watch(CONTROLLERREVISIONS, wake_owner, trim=trim_revision, indexes=by_service),
            Watch(SERVICES, wake_owner, trim=trim_service),
            Watch(PODDISRUPTIONBUDGETS, wake_owner, trim=trim_budget),
            Watch(DEPLOYMENTS, wake_owner, trim=trim_deployment, indexes=by_service),
            Watch(JAXJOBS, wake_owner, selector="", trim=trim_ours, indexes=by_service),
            Watch(
                PODS,
                wake_owner,
                selector=MANAGED_BY,
                trim=trim_pod,
                indexes=by_service,
                settle_seconds=PODS_SETTLE_SECONDS,
            ),
        )

    def observe(self, key: Key, stores: Stores) -> Snapshot | None:
        raw = stores[JAXSERVICES].get(key.namespace, key.name)
        if raw is None:
            return None
        service = self._services.get(raw)
        written_at = self._note(service)
        self._forget_the_gone(stores)
        pods = self._read_pods(service, stores)
        heard = self._heard(key, service, pods)
        snapshot = Snapshot(
            service=service,
            settings=self._settings,
            classes={
                obj["metadata"]["name"]: self._classes.get(obj)
                for obj in stores[ACCELERATORCLASSES].all()
            },
            revisions=_read(read_revision, _children(CONTROLLERREVISIONS, service, stores)),
            deployments=_read(read_deployment, _children(DEPLOYMENTS, service, stores)),
            replica_jobs=_read(read_replica_job, _children(JAXJOBS, service, stores)),
            pods=pods,
            reports={uid: h.report for uid, h in heard.items() if h.report is not None},
            reports_pending=any(h.pending for h in heard.values()),
            written_at=written_at,
        )
        snapshot = self._compiling.seen(
            snapshot, service.spec, key.namespace, stores, warmup_asked_for
        )
        if any(view.pod.unschedulable is not None and not view.pod.node for view in pods):
            nodes, _ = self._nodes.of(key)
            snapshot = replace(snapshot, nodes=nodes)
        return snapshot

    def decide(self, snapshot: Snapshot, now: datetime) -> Plan:
        return domain.decide(snapshot, now)

    def refused(self, snapshot: Snapshot, refusals: tuple[Refusal, ...], now: datetime) -> Plan:
        return domain.refused(snapshot, [(r.reason, r.message) for r in refusals], now)

    def _read_pods(self, service: JaxService, stores: Stores) -> tuple[ReplicaPodView, ...]:
        """Not those of a namesake that was there before: they are older than this one."""
        made_at = service.metadata.creation_timestamp
        views = [
            self._pods.get(pod) for pod in stores[PODS].by_index(BY_JAXSERVICE, _name(service))
        ]
        return tuple(
            view
            for view in views
            if view is not None
            and (made_at is None or view.pod.created_at is None or view.pod.created_at >= made_at)
        )

    def _heard(
        self, key: Key, service: JaxService, pods: tuple[ReplicaPodView, ...]
    ) -> dict[str, Heard]:
        """By the uid of each pod that is asked."""
        asked = {
            view.pod.uid: Address(view.pod.ip)
            for view in pods
            if view.pod.index == 0
            and view.pod.phase == "Running"
            and view.pod.ip
            and not view.pod.terminating
        }
        self._reports.follow(key, asked, hurried=service.status.state in CHANGING)
        return {uid: self._reports.heard(uid) for uid in asked}

    def _note(self, service: JaxService) -> datetime | None:
        """When the status was last seen to change; counts what changed."""
        uid, status = service.metadata.uid, service.status
        before = self._seen.get(uid)
        if before is None:
            self._seen[uid] = _Seen(status)
        elif before.status != status:
            now = self._clock()
            metrics.count(before.status, status, now)
            self._seen[uid] = _Seen(status, now)
        return self._seen[uid].written_at

    def _forget_the_gone(self, stores: Stores) -> None:
        """Now and then; what is kept of what was deleted is small."""
        services = stores[JAXSERVICES]
        if len(self._seen) > 2 * len(services) + 100:
            there = {obj["metadata"]["uid"] for obj in services.all()}
            self._services.keep_only(there)
            self._seen = {uid: seen for uid, seen in self._seen.items() if uid in there}
        if len(self._pods) > 2 * len(stores[PODS]) + 100:
            self._pods.keep_only(pod["metadata"]["uid"] for pod in stores[PODS].all())


def _read(read: Callable[[Manifest], T | None], found: Iterable[Manifest]) -> tuple[T, ...]:
    views = map(read, found)
    return tuple(view for view in views if view is not None)


def _children(resource: Resource, service: JaxService, stores: Stores) -> list[Manifest]:
    """Not a namesake's."""
    labelled = stores[resource].by_index(BY_JAXSERVICE, _name(service))
    uid = service.metadata.uid
    return [child for child in labelled if (controller_of(child) or {}).get("uid") == uid]


def _name(service: JaxService) -> str:
    return f"{service.metadata.namespace}/{service.metadata.name}"


def _wake_users_of_class(obj: Manifest, stores: Stores) -> Iterable[Key]:
    return map(key_of, stores[JAXSERVICES].by_index(BY_CLASS, obj["metadata"]["name"]))


def _class_of(obj: Manifest) -> Iterable[str]:
    """Here, and in all that a store calls, nothing raises: that would end the operator, while an
    object that cannot be read in `observe` is tried again."""
    name = ((obj.get("spec") or {}).get("accelerator") or {}).get("class")
    return (name,) if name else ()


def _service_of(obj: Manifest) -> Iterable[str]:
    metadata = obj["metadata"]
    name = (metadata.get("labels") or {}).get(JAXSERVICE)
    return (f"{metadata['namespace']}/{name}",) if name else ()
