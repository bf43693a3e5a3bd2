"""Stopping a job that runs: suspended by its user, over its deadline, or out of quota.

    1. The status says Checkpointing, and why.
    2. The Jobs are deleted; the pods get SIGTERM, and the program has its grace to save.
    3. When no pod is left that could still save, what comes next follows from the spec as it is
       then: Suspended, or Failed for the deadline, or a new attempt if the user changed his mind.

The status is written before anything is deleted: a Job that is gone for another reason is a
failure, and a crash in between must not turn one into the other.
"""

from datetime import datetime
from typing import Any, Final

from jaxop.api.plan import Plan
from jaxop.api.v1alpha1.jaxjob_status import Failure, JaxJobStatus, State
from jaxop.domain.jaxjob.failures import ledger
from jaxop.domain.jaxjob.lifecycle import deadline
from jaxop.domain.jaxjob.lifecycle.suspend import SENTENCE, seconds_until_overdue, still_stopping
from jaxop.domain.jaxjob.pods import children
from jaxop.domain.jaxjob.pods.grace import program_seconds
from jaxop.domain.jaxjob.queueing import kueue
from jaxop.domain.jaxjob.queueing.labels import has_own_workload
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.standing import reasons
from jaxop.domain.jaxjob.telling.last_step import Progress, lost_steps, progress
from jaxop.domain.jaxjob.telling.status import compose, none_ready

_NOT_BEGUN: Final[frozenset[State]] = frozenset({"Pending", "Queued", "Suspended"})


def why(snapshot: Snapshot, now: datetime) -> str | None:
    """The reason to stop; None where the job may go on."""
    if snapshot.jaxjob.spec.suspend:
        return reasons.SUSPENDING
    if deadline.passed(snapshot, now):
        return reasons.DEADLINE
    if kueue.quota_lost(snapshot):
        return reasons.QUOTA_LOST
    return snapshot.jaxjob.status.reason if under_way(snapshot) else None


def under_way(snapshot: Snapshot) -> bool:
    """Where Kueue itself stops the Job, that stays."""
    status, external = snapshot.jaxjob.status, snapshot.settings.kueue_external_framework
    if status.reason == reasons.QUOTA_LOST and not has_own_workload(snapshot.jaxjob, external):
        return False
    return status.state == "Checkpointing" and status.reason in reasons.STOPPING


def stop(snapshot: Snapshot, reason: str, now: datetime) -> tuple[JaxJobStatus, Plan]:
    """The status to write, and what else to do."""
    known_to_have_stopped = snapshot.jaxjob.status.state == "Suspended"
    if not known_to_have_stopped and still_stopping(snapshot, now, every_attempt=True):
        return _checkpointing(snapshot, reason, now)
    if snapshot.jaxjob.spec.suspend:
        return _suspended(snapshot, now)
    if deadline.passed(snapshot, now):
        return _failed(snapshot, now)
    return _go_on(snapshot, now)


def _checkpointing(snapshot: Snapshot, reason: str, now: datetime) -> tuple[JaxJobStatus, Plan]:
    told = progress(snapshot)
    message = f"{_why(snapshot, reason)}; {_grace(snapshot)}{_in_words(told)}"
    new = compose(snapshot, "Checkpointing", reason, message, now, **told)
    if not under_way(snapshot):
        new = new.replace(**_counted_so_far(snapshot))
        return new, Plan(delete=children.stale(snapshot), requeue_after=0.0)
    running = tuple(
        children.reference(snapshot, job) for job in snapshot.jobs if not job.terminating
    )
    return new, Plan(delete=running, requeue_after=seconds_until_overdue(snapshot, now))


def _suspended(snapshot: Snapshot, now: datetime) -> tuple[JaxJobStatus, Plan]:
    old = snapshot.jaxjob.status
    changes: dict[str, Any] = {"hosts": none_ready(old), **progress(snapshot)}
    if _attempt_is_used(snapshot):
        changes |= _next_attempt(old)
    new = compose(snapshot, "Suspended", reasons.SUSPENDED, SENTENCE, now, **changes)
    return new, Plan(delete=children.stale(snapshot))


def _failed(snapshot: Snapshot, now: datetime) -> tuple[JaxJobStatus, Plan]:
    told = progress(snapshot)
    allowed = snapshot.jaxjob.spec.active_deadline_seconds
    ran = round(deadline.active_seconds(snapshot.jaxjob.status, now))
    more = "" if ran == allowed else f" ({allowed})"
    message = f"ran for {ran} s, {deadline.FIELD}{more}{_in_words(told)}"
    failure = Failure(
        cause="Deadline",
        message=message,
        time=now,
        step=told["step"],
        lost_steps=lost_steps(told["step"], told["checkpoint_step"]),
    )
    new = compose(
        snapshot,
        "Failed",
        reasons.DEADLINE,
        message,
        now,
        failure=failure,
        completion_time=now,
        hosts=none_ready(snapshot.jaxjob.status),
        **told,
    )
    unfinished = tuple(
        children.reference(snapshot, job)
        for job in snapshot.jobs
        if not job.finished and not job.terminating
    )
    return new, Plan(delete=unfinished)


def _go_on(snapshot: Snapshot, now: datetime) -> tuple[JaxJobStatus, Plan]:
    """Resumed, or given more time, while its pods still stopped; or back to the queue."""
    old = snapshot.jaxjob.status
    changes: dict[str, Any] = {"hosts": none_ready(old), **progress(snapshot), **_next_attempt(old)}
    message = "its pods have stopped; new ones are being created and started"
    state: State = "Scheduling"
    reason = reasons.PODS_STARTING
    if kueue.without_quota(snapshot):
        state, (reason, message) = "Queued", kueue.in_kueues_words(snapshot)
    new = compose(snapshot, state, reason, message, now, **changes)
    return new, Plan(delete=children.stale(snapshot))


def _attempt_is_used(snapshot: Snapshot) -> bool:
    """There was, or may have been, a pod of it: the next ones need names of their own."""
    old = snapshot.jaxjob.status
    if snapshot.current_jobs or snapshot.current_pods:
        return True
    return old.state is not None and old.state not in _NOT_BEGUN and old.state != "Restarting"


def _next_attempt(old: JaxJobStatus) -> dict[str, Any]:
    return {"attempt": old.attempt + 1, "epoch": None, "lost_pods": (), "startup": None}


def _counted_so_far(snapshot: Snapshot) -> dict[str, Any]:
    """The gang's own count of restarts, before its pods are stopped: it may take that for losses,
    and stopping is no restart."""
    counted = ledger.known(snapshot)
    if counted == ledger.ours(snapshot):
        return {}
    return {"restart_ledger": counted, "restarts": counted.restarts}


def _why(snapshot: Snapshot, reason: str) -> str:
    if reason == reasons.DEADLINE:
        allowed = snapshot.jaxjob.spec.active_deadline_seconds
        return f"the job has run for {deadline.FIELD}" + (f", {allowed} s" if allowed else "")
    if reason == reasons.QUOTA_LOST:
        return kueue.why_lost(snapshot)
    return "the job is being suspended"


def _grace(snapshot: Snapshot) -> str:
    if not any(pod.phase == "Running" for pod in snapshot.current_pods):
        return "its pods are being deleted"
    seconds = program_seconds(snapshot.jaxjob.spec)
    return f"its program has up to {seconds} s to save a checkpoint"


def _in_words(told: Progress) -> str:
    """`: step 120, last checkpoint 100`, as far as the program tells."""
    known = {"step": told["step"], "last checkpoint": told["checkpoint_step"]}
    words = [f"{name} {number}" for name, number in known.items() if number is not None]
    return f": {', '.join(words)}" if words else ""
