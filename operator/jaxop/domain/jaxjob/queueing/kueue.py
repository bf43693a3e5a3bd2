"""Quota: a job of several slices waits until Kueue admits its Workload, and gives the quota back.

    the Workload                       the job
    is not there                       it is made; the job is Queued
    is pending                         Queued, in Kueue's words
    is admitted                        its Jobs are made, where the quota is
    is evicted (or deleted), with Jobs QuotaLost: it is stopped as by suspend, with another attempt
    is evicted, and no pod is left     its quota is given back; Queued again, at its old place
    is kept over restarts              a restart does not queue
    is deleted when the job is suspended, and reported finished when the job ends

A single slice is Kueue's own business: see `suspended_jobs`.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from jaxop.api.plan import Manifest, ObjectRef, Plan
from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.lifecycle.suspend import still_stopping
from jaxop.domain.jaxjob.pods import children
from jaxop.domain.jaxjob.queueing import flavors, workload_status
from jaxop.domain.jaxjob.queueing.labels import PRIORITY_CLASS, QUEUE, has_own_workload, queue_of
from jaxop.domain.jaxjob.queueing.views import KueueView, WorkloadView
from jaxop.domain.jaxjob.queueing.workload import GROUP, workload
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.standing import reasons
from jaxop.domain.jaxjob.telling.status import compose, none_ready
from jaxop.domain.problem import Problem

Held = tuple[JaxJobStatus, Plan]

FLAVOR_SECONDS: Final = 10.0
"""Between looks for a flavour that does not exist."""


def quota_lost(snapshot: Snapshot) -> bool:
    """Jobs of the attempt exist, and their Workload does not grant them quota (any more)."""
    return bool(snapshot.current_jobs) and without_quota(snapshot)


def without_quota(snapshot: Snapshot) -> bool:
    own = _own(snapshot)
    return own is not None and not own.granted


def why_lost(snapshot: Snapshot) -> str:
    own = _own(snapshot)
    evicted = own.conditions.get("Evicted") if own is not None else None
    if evicted is None or not evicted.holds:
        return "its Workload is not admitted by Kueue any more"
    return f"Kueue takes the quota back ({evicted.reason}: {evicted.message})"


def hold(snapshot: Snapshot, layout: SliceLayout, now: datetime) -> Held | None:
    """What to say and to do while the job may not start; None when it may, or is not queued."""
    kueue = snapshot.kueue
    if kueue is None:
        return _not_served(snapshot, now)
    if snapshot.current_jobs and (kueue.workload or snapshot.accelerator_class is None):
        return None
    problem = _priority_problem(snapshot, kueue)
    if problem is not None:
        return _stalled(snapshot, reasons.INVALID_SPEC, str(problem), now)
    wanted = workload(snapshot.jaxjob, layout, kueue, snapshot.settings.runtime_image)
    own = kueue.workload
    if own is None:
        return _without_workload(snapshot, wanted, now)
    if own.granted:
        return _granted(snapshot, kueue, own, wanted, now)
    return _queued(snapshot, own, wanted, now)


def with_quota_given_up(snapshot: Snapshot, plan: Plan, now: datetime) -> Plan:
    """For a suspended job: once none of its pods runs, it has no place in the queue. It gets
    another one with the template that it may have by then."""
    own = _own(snapshot)
    if own is None or own.terminating or snapshot.jaxjob.status.state != "Suspended":
        return plan
    if still_stopping(snapshot, now, every_attempt=True):
        return plan
    return replace(plan, delete=(*plan.delete, _reference(snapshot, own)))


def with_workload_finished(snapshot: Snapshot, plan: Plan, now: datetime) -> Plan:
    """For a job that has ended: once none of its Jobs makes pods any more, the quota is free."""
    own = _own(snapshot)
    if own is None or own.terminating or own.finished:
        return plan
    if any(not job.finished for job in snapshot.jobs):
        return plan
    status = snapshot.jaxjob.status
    told = workload_status.finished(
        own, _reference(snapshot, own), status.state == "Succeeded", status.message or "", now
    )
    return replace(plan, child_status=(*plan.child_status, told))


def with_pods_ready(snapshot: Snapshot, plan: Plan, now: datetime) -> Plan:
    """Kueue's waitForPodsReady evicts what does not get ready in time, and asks the owner."""
    own, hosts = _own(snapshot), snapshot.jaxjob.status.hosts
    if own is None or not own.granted or own.holds("PodsReady"):
        return plan
    if hosts is None or hosts.ready < hosts.wanted:
        return plan
    told = workload_status.pods_ready(own, _reference(snapshot, own), now)
    return replace(plan, child_status=(*plan.child_status, told))


def _not_served(snapshot: Snapshot, now: datetime) -> Held | None:
    jaxjob, external = snapshot.jaxjob, snapshot.settings.kueue_external_framework
    if queue_of(jaxjob) is None or snapshot.current_jobs or not has_own_workload(jaxjob, external):
        return None
    problem = Problem(
        f"metadata.labels[{QUEUE}]",
        "the API server serves no Workloads of Kueue, which queue a job of several slices",
        "install Kueue and restart the operator, or suspend the job and take the label away",
    )
    return _stalled(snapshot, reasons.KUEUE_MISSING, str(problem), now)


def _priority_problem(snapshot: Snapshot, kueue: KueueView) -> Problem | None:
    wanted = snapshot.jaxjob.metadata.labels.get(PRIORITY_CLASS)
    has = kueue.priority
    if not wanted or (has is not None and has.kind == "WorkloadPriorityClass"):
        return None
    return Problem(
        f"metadata.labels[{PRIORITY_CLASS}]",
        f"there is no WorkloadPriorityClass named {wanted}",
        "create it, or name one of: kubectl get workloadpriorityclasses",
    )


def _without_workload(snapshot: Snapshot, wanted: Manifest, now: datetime) -> Held:
    if snapshot.current_jobs:
        # Deleted by somebody, or not heard of yet: whether the job has to stop shows when it
        # exists (again), and until then nothing is said.
        return snapshot.jaxjob.status, Plan(apply=(wanted,))
    reason, message = in_kueues_words(snapshot)
    return _waiting(snapshot, reason, message, Plan(apply=(wanted,)), now)


def _granted(
    snapshot: Snapshot, kueue: KueueView, own: WorkloadView, wanted: Manifest, now: datetime
) -> Held | None:
    unknown = flavors.unknown_flavors(kueue, own)
    if unknown:
        message = f"Kueue admitted it to ResourceFlavor {', '.join(unknown)}, which does not exist"
        return _waiting(
            snapshot, reasons.WAITING_FOR_QUOTA, message, Plan(requeue_after=FLAVOR_SECONDS), now
        )
    template = wanted["spec"]["podSets"][0]["template"]
    conflict = flavors.conflict(template, kueue)
    if conflict is not None:
        remedy = "correct the ResourceFlavor or the admission check, or the pod template"
        return _stalled(snapshot, reasons.INVALID_SPEC, f"{conflict}; {remedy}", now)
    return None


def _queued(snapshot: Snapshot, own: WorkloadView, wanted: Manifest, now: datetime) -> Held:
    reference = _reference(snapshot, own)
    if own.terminating:
        plan = Plan()
    elif own.finished:
        plan = Plan(delete=(reference,))
    elif own.evicted and own.reserved:
        if still_stopping(snapshot, now):
            plan = Plan(requeue_after=1.0)
        else:
            told = workload_status.quota_given_back(own, reference, now)
            plan = Plan(child_status=(told,))
    elif own.reserved:
        plan = Plan()
    else:
        plan = Plan(apply=(wanted,))
    reason, message = in_kueues_words(snapshot)
    return _waiting(snapshot, reason, message, plan, now)


def in_kueues_words(snapshot: Snapshot) -> tuple[str, str]:
    """Reason and message of a job that waits."""
    own, queue = _own(snapshot), queue_of(snapshot.jaxjob)
    if own is None:
        return reasons.WAITING_FOR_QUOTA, f"waits for Kueue to admit it to queue {queue}"
    if not own.active:
        return reasons.WORKLOAD_INACTIVE, f"Workload {own.name} is deactivated (spec.active: false)"
    quota, evicted = own.conditions.get("QuotaReserved"), own.conditions.get("Evicted")
    if own.evicted and evicted is not None:
        why = f"it lost its quota ({evicted.reason}: {evicted.message})"
        return reasons.WAITING_FOR_QUOTA, f"waits in queue {queue} again: {why}"
    if own.reserved:
        open_checks = [
            f"{check.name} {check.state}" + (f" ({check.message})" if check.message else "")
            for check in own.checks
            if check.state != "Ready"
        ]
        waits = f": {', '.join(open_checks)}" if open_checks else ""
        message = f"has quota in ClusterQueue {own.cluster_queue}, and waits for its checks{waits}"
        return reasons.WAITING_FOR_QUOTA, message
    if quota is not None and quota.reason == "Inadmissible":
        return reasons.INADMISSIBLE, f"queue {queue} cannot admit it: {quota.message}"
    why = f": {quota.message}" if quota is not None and quota.message else ""
    return reasons.WAITING_FOR_QUOTA, f"waits in queue {queue} for quota{why}"


def _waiting(snapshot: Snapshot, reason: str, message: str, plan: Plan, now: datetime) -> Held:
    changes: dict[str, Any] = {"hosts": none_ready(snapshot.jaxjob.status)}
    new = compose(snapshot, "Queued", reason, message[:4096], now, **changes)
    return new, replace(plan, delete=(*children.stale(snapshot), *plan.delete))


def _stalled(snapshot: Snapshot, reason: str, message: str, now: datetime) -> Held:
    new = compose(snapshot, "Pending", reason, message, now)
    return new, Plan(delete=children.stale(snapshot))


def _own(snapshot: Snapshot) -> WorkloadView | None:
    return snapshot.kueue.workload if snapshot.kueue is not None else None


def _reference(snapshot: Snapshot, own: WorkloadView) -> ObjectRef:
    version = snapshot.kueue.version if snapshot.kueue is not None else ""
    namespace = snapshot.jaxjob.metadata.namespace
    return ObjectRef(f"{GROUP}/{version}", "Workload", namespace, own.name, own.uid)
