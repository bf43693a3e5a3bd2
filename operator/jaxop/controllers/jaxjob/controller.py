"""What wakes a JaxJob and what is seen of it; `domain.jaxjob` decides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1 import AcceleratorClass, JaxJob
from jaxop.api.v1alpha1.jaxjob_status import FINISHED, Goodput, JaxJobStatus
from jaxop.api.v1alpha1.labels import JAXJOB, TOKEN_SECRET
from jaxop.controllers.compile_objects import CompileObjects
from jaxop.controllers.jaxjob import metrics
from jaxop.controllers.jaxjob.compiling import INDEXES, WATCHES
from jaxop.controllers.jaxjob.gang_reports import Address, GangReports
from jaxop.controllers.jaxjob.gang_tokens import GangTokens
from jaxop.controllers.jaxjob.job_templates import JobTemplates
from jaxop.controllers.jaxjob.kueue_objects import KueueObjects
from jaxop.controllers.node_facts import NodeFacts
from jaxop.controllers.parse_cache import ParseCache
from jaxop.controllers.trimming import trim_job, trim_ours, trim_pod, trim_service
from jaxop.domain import jaxjob as domain
from jaxop.domain.jaxjob import OperatorSettings, Snapshot
from jaxop.domain.jaxjob.failures.lost_pods import nodes_matter
from jaxop.domain.jaxjob.failures.replacing import templates_wanted
from jaxop.domain.jaxjob.lifecycle.managed_by import is_ours
from jaxop.domain.jaxjob.reading.reading import read_job, read_pod
from jaxop.domain.jaxjob.validation.stalled import Refused
from jaxop.domain.jaxjob.views import JobView, PodView
from jaxop.domain.jaxjob.warming.asked import name_asked_for
from jaxop.kube.controller import MANAGED_BY, Refusal, Watch, wake_itself, wake_label
from jaxop.kube.resources import (
    ACCELERATORCLASSES,
    GANG_WORKLOADS,
    JAXJOBS,
    JOBS,
    PODS,
    SERVICES,
    Key,
    Resource,
    key_of,
)
from jaxop.kube.store import Stores

NAME: Final = "jax-operator-jaxjob"

BY_CLASS: Final = "class"
BY_JAXJOB: Final = "jaxjob"

PODS_SETTLE_SECONDS: Final = 0.2
"""The pods of a job change together: one pass for many changes."""

READINESS_SECONDS: Final = 5.0
"""How old what is known of nodes may be while a pod may be on one that is not ready."""

STEP_SECONDS: Final = 10.0
STEP_WRITES_PER_SECOND: Final = 10.0

Clock = Callable[[], datetime]

_Pod = tuple[PodView | None, str | None]
"""With the uid of the Job that it belongs to."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Seen:
    status: JaxJobStatus
    written_at: datetime | None
    """None for what was there before this process first looked."""
    counted: Goodput | None
    """What the metrics have of its goodput, or need not have."""


class JaxJobController:
    """A `kube.controller.Controller[Snapshot]`."""

    name: Final = NAME
    resource: Final[Resource] = JAXJOBS

    def __init__(
        self,
        settings: OperatorSettings,
        *,
        reports: GangReports,
        tokens: GangTokens,
        nodes: NodeFacts,
        templates: JobTemplates,
        kueue: KueueObjects | None = None,
        gangs_served: bool = False,
        clock: Clock = utc_now,
    ) -> None:
        self._settings = settings
        self._reports = reports
        self._tokens = tokens
        self._nodes = nodes
        self._templates = templates
        self._kueue = kueue
        self._gangs_served = gangs_served
        self._clock = clock
        self._jaxjobs = ParseCache(JaxJob.model_validate)
        self._classes = ParseCache(AcceleratorClass.model_validate)
        self._compiling = CompileObjects()
        self._pods: dict[Key, ParseCache[_Pod]] = {}
        self._seen: dict[str, _Seen] = {}
        self._jobs_missing_since: dict[str, datetime] = {}

    @property
    def watches(self) -> tuple[Watch, ...]:
        wake_owner = wake_label("JaxJob", JAXJOB)
        by_jaxjob = {BY_JAXJOB: _jaxjob_of}
        return (
            Watch(
                JAXJOBS,
                wake_itself,
                selector="",
                trim=trim_ours,
                indexes={BY_CLASS: _class_of, **INDEXES},
            ),
            Watch(ACCELERATORCLASSES, _wake_users, selector=""),
            *WATCHES,
            Watch(SERVICES, wake_owner, selector=MANAGED_BY, trim=trim_service),
            Watch(JOBS, wake_owner, selector=MANAGED_BY, trim=trim_job, indexes=by_jaxjob),
            Watch(
                PODS,
                wake_owner,
                selector=MANAGED_BY,
                trim=trim_pod,
                indexes=by_jaxjob,
                settle_seconds=PODS_SETTLE_SECONDS,
            ),
            *(self._kueue.watches(wake_owner) if self._kueue is not None else ()),
            *((Watch(GANG_WORKLOADS, wake_owner),) if self._gangs_served else ()),
        )

    def observe(self, key: Key, stores: Stores) -> Snapshot | None:
        raw = stores[JAXJOBS].get(key.namespace, key.name)
        if raw is None:
            return None
        jaxjob = self._jaxjobs.get(raw)
        if not is_ours(jaxjob):
            return None
        written_at = self._note(jaxjob)
        self._forget_the_gone(stores)
        name = f"{key.namespace}/{key.name}"
        raw_jobs = [
            job
            for job in stores[JOBS].by_index(BY_JAXJOB, name)
            if _controller_uid(job) == jaxjob.metadata.uid
        ]
        jobs = tuple(view for view in map(read_job, raw_jobs) if view is not None)
        pods = self._read_pods(key, jaxjob, jobs, stores[PODS].by_index(BY_JAXJOB, name))
        self._follow(key, jaxjob, pods)
        self._mind_the_token(key, pods)
        heard = self._reports.heard(key)
        token_ready = not _has_jobs_to_create(jaxjob, jobs) or self._tokens.ready(key)
        class_raw = stores[ACCELERATORCLASSES].get("", jaxjob.spec.accelerator.class_)
        snapshot = Snapshot(
            jaxjob=jaxjob,
            settings=self._settings,
            accelerator_class=self._classes.get(class_raw) if class_raw else None,
            class_names=() if class_raw else _names(stores[ACCELERATORCLASSES].all()),
            jobs=jobs,
            jobs_missing_since=self._missing_since(jaxjob, jobs),
            pods=pods,
            report=heard.report,
            silent_since=heard.silent_since,
            unheard_since=heard.unheard_since,
            report_ip=heard.ip,
            token_ready=token_ready,
            token_problem=self._tokens.wrong(key.namespace),
            kueue=self._kueue.of(key, jaxjob, stores) if self._kueue is not None else None,
            gangs_served=self._gangs_served,
            written_at=written_at,
            step_interval_seconds=max(STEP_SECONDS, len(self._reports) / STEP_WRITES_PER_SECOND),
        )
        snapshot = self._compiling.seen(
            snapshot, jaxjob.spec, key.namespace, stores, name_asked_for
        )
        return self._with_what_is_fetched(key, snapshot)

    def decide(self, snapshot: Snapshot, now: datetime) -> Plan:
        return domain.decide(snapshot, now)

    def refused(self, snapshot: Snapshot, refusals: tuple[Refusal, ...], now: datetime) -> Plan:
        refused = [Refused(r.reason, r.message, r.ref.kind) for r in refusals]
        return domain.refused(snapshot, refused, now)

    def _with_what_is_fetched(self, key: Key, snapshot: Snapshot) -> Snapshot:
        """What no store has, and only few decisions need."""
        unplaced = any(p.unschedulable is not None and not p.node for p in snapshot.pods)
        if nodes_matter(snapshot):
            nodes, _ = self._nodes.of(key, fresh_seconds=READINESS_SECONDS)
            snapshot = replace(snapshot, nodes=nodes)
        elif unplaced:
            nodes, pending = self._nodes.of(key)
            snapshot = replace(snapshot, nodes=nodes, nodes_pending=pending)
        if wanted := templates_wanted(snapshot):
            snapshot = replace(snapshot, templates=self._templates.of(key, wanted))
        return snapshot

    def _read_pods(
        self, key: Key, jaxjob: JaxJob, jobs: tuple[JobView, ...], raw: list[Manifest]
    ) -> tuple[PodView, ...]:
        """The pods of our Jobs, and those left of Jobs that are gone; not a namesake's."""
        cache = self._pods.setdefault(key, ParseCache(_read_pod))
        ours = {job.uid for job in jobs}
        made_at, attempt = jaxjob.metadata.creation_timestamp, jaxjob.status.attempt
        found = []
        for pod in raw:
            view, owner = cache.get(pod)
            if view is None:
                continue
            orphan = view.attempt != attempt or jaxjob.status.state == "Checkpointing"
            if owner in ours or (orphan and _is_younger(view, made_at)):
                found.append(view)
        if len(cache) > 2 * len(raw):
            cache.keep_only(pod["metadata"]["uid"] for pod in raw)
        return tuple(found)

    def _follow(self, key: Key, jaxjob: JaxJob, pods: tuple[PodView, ...]) -> None:
        status, uid = jaxjob.status, jaxjob.metadata.uid
        self._reports.unfollow_namesakes(key, uid)
        first = [
            pod
            for pod in pods
            if (pod.attempt, pod.slice_index, pod.index) == (status.attempt, 0, 0)
            and pod.phase == "Running"
            and pod.ip
            and not pod.terminating
        ]
        if status.state in FINISHED or status.state in ("Queued", "Suspended"):
            self._reports.unfollow(key)
        elif first:
            self._reports.follow(key, Address(first[0].ip, status.attempt, jaxjob=uid))
        stopped = any(p.terminating and not p.over for p in pods if p.attempt == status.attempt)
        self._reports.being_stopped(key, stopped)

    def _mind_the_token(self, key: Key, pods: tuple[PodView, ...]) -> None:
        if any(TOKEN_SECRET in w.message for pod in pods for w in pod.waiting):
            self._tokens.lost(key.namespace)
            self._tokens.ready(key)

    def _note(self, jaxjob: JaxJob) -> datetime | None:
        """When the status was last seen to change; counts what changed."""
        uid, status = jaxjob.metadata.uid, jaxjob.status
        before = self._seen.get(uid)
        if before is None:
            self._seen[uid] = _Seen(status, None, status.goodput)
        elif before.status != status:
            counted = metrics.count(before.status, status, before.counted)
            self._seen[uid] = _Seen(status, self._clock(), counted)
        return self._seen[uid].written_at

    def _missing_since(self, jaxjob: JaxJob, jobs: tuple[JobView, ...]) -> datetime | None:
        uid = jaxjob.metadata.uid
        if not _has_jobs_to_create(jaxjob, jobs):
            self._jobs_missing_since.pop(uid, None)
            return None
        return self._jobs_missing_since.setdefault(uid, self._clock())

    def _forget_the_gone(self, stores: Stores) -> None:
        """Now and then; what is kept of jobs that were deleted is small."""
        store = stores[JAXJOBS]
        if len(self._seen) <= 2 * len(store) + 100:
            return
        there = {obj["metadata"]["uid"] for obj in store.all()}
        keys = {key_of(obj) for obj in store.all()}
        self._jaxjobs.keep_only(there)
        self._seen = {uid: seen for uid, seen in self._seen.items() if uid in there}
        self._pods = {key: cache for key, cache in self._pods.items() if key in keys}
        missing = self._jobs_missing_since
        self._jobs_missing_since = {uid: at for uid, at in missing.items() if uid in there}


def _read_pod(raw: Manifest) -> _Pod:
    return read_pod(raw), _controller_uid(raw)


def _is_younger(pod: PodView, made_at: datetime | None) -> bool:
    return made_at is None or pod.created_at is None or pod.created_at >= made_at


def _is_over(jaxjob: JaxJob) -> bool:
    return jaxjob.status.state in FINISHED or jaxjob.spec.suspend


def _has_jobs_to_create(jaxjob: JaxJob, jobs: tuple[JobView, ...]) -> bool:
    current = sum(job.attempt == jaxjob.status.attempt for job in jobs)
    return not _is_over(jaxjob) and current < jaxjob.spec.accelerator.slices


def _wake_users(obj: Manifest, stores: Stores) -> Iterable[Key]:
    """A class that came, changed or went concerns the jobs that name it."""
    users = stores[JAXJOBS].by_index(BY_CLASS, obj["metadata"]["name"])
    return [
        key_of(user) for user in users if (user.get("status") or {}).get("state") not in FINISHED
    ]


def _class_of(obj: Manifest) -> Iterable[str]:
    return (obj["spec"]["accelerator"]["class"],)


def _jaxjob_of(obj: Manifest) -> Iterable[str]:
    metadata = obj["metadata"]
    name = (metadata.get("labels") or {}).get(JAXJOB)
    return (f"{metadata['namespace']}/{name}",) if name else ()


def _controller_uid(obj: Manifest) -> str | None:
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def _names(objects: Iterable[Manifest]) -> tuple[str, ...]:
    return tuple(sorted(obj["metadata"]["name"] for obj in objects))
