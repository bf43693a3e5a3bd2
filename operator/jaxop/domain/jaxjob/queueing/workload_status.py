"""What the owner of a Workload reports in its status, as Kueue's own job framework does
(kubernetes-sigs/kueue, pkg/controller/jobframework/reconciler.go)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from jaxop.api.plan import Manifest, ObjectRef, StatusPatch
from jaxop.api.v1alpha1.common import rfc3339
from jaxop.domain.jaxjob.queueing.views import WorkloadView

REQUEUED_AT_ONCE: Final = frozenset({"Preempted", "NodeFailures"})
"""Evictions after which the Workload goes straight back to its queue. After any other Kueue itself
says when: at the end of a back-off, when the queue is started or the Workload activated again."""


def quota_given_back(workload: WorkloadView, ref: ObjectRef, now: datetime) -> StatusPatch:
    """After an eviction, when no pod runs any more: until then Kueue keeps the quota reserved, and
    nobody but the owner can know when that is."""
    eviction = workload.conditions["Evicted"]
    reason, message = eviction.reason or "Evicted", eviction.message
    ready = all(check.state == "Ready" for check in workload.checks)
    changes: dict[str, tuple[bool, str, str]] = {
        "Requeued": (reason in REQUEUED_AT_ONCE, reason, message),
        "QuotaReserved": (False, "Pending", message),
        "Admitted": (False, "NoReservation", "The workload has no reservation")
        if ready
        else (
            False,
            "NoReservationUnsatisfiedChecks",
            "The workload has no reservation and not all checks ready",
        ),
    }
    if "PodsReady" in workload.conditions:
        changes["PodsReady"] = (False, "WaitForStart", "Not all pods are ready or succeeded")
    status = {"conditions": _changed(workload, changes, now), "admission": None}
    return StatusPatch(ref, workload.resource_version, status)


def pods_ready(workload: WorkloadView, ref: ObjectRef, now: datetime) -> StatusPatch:
    """Once: what becomes of pods that ran is the operator's own business."""
    changes = {"PodsReady": (True, "Started", "All pods reached readiness and the job is running")}
    return StatusPatch(
        ref, workload.resource_version, {"conditions": _changed(workload, changes, now)}
    )


def finished(
    workload: WorkloadView, ref: ObjectRef, succeeded: bool, message: str, now: datetime
) -> StatusPatch:
    """The quota is free for good."""
    reason = "Succeeded" if succeeded else "Failed"
    conditions = _changed(workload, {"Finished": (True, reason, message)}, now)
    return StatusPatch(ref, workload.resource_version, {"conditions": conditions})


def _changed(
    workload: WorkloadView, changes: Mapping[str, tuple[bool, str, str]], now: datetime
) -> list[Manifest]:
    """All conditions: a merge patch replaces the list. A time moves only with a status."""
    before: dict[str, Mapping[str, Any]] = {
        str(condition.get("type")): condition for condition in workload.raw_conditions
    }
    conditions = {kind: dict(condition) for kind, condition in before.items()}
    for kind, (holds, reason, message) in changes.items():
        status = "True" if holds else "False"
        old = before.get(kind, {})
        same = old.get("status") == status
        conditions[kind] = {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message[:32768],
            "observedGeneration": workload.generation,
            "lastTransitionTime": old["lastTransitionTime"] if same else rfc3339(now),
        }
    return list(conditions.values())
