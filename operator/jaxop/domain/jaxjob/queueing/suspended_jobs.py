"""Jobs that Kueue suspends: until it has quota for them, and again when it takes that back.

Kueue's own integration of Jobs does everything to the Job of a single slice: it suspends it as it
is created, adds the flavour's node selector to its template, lets it go, suspends it again to evict
it. It decides when; here is only what that means. The attempt stays the same, since another one's
Job would have to queue again, behind all others.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from jaxop.api.plan import Plan
from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus
from jaxop.domain.jaxjob.lifecycle.suspend import seconds_until_overdue, still_stopping
from jaxop.domain.jaxjob.pods import children
from jaxop.domain.jaxjob.pods.grace import program_seconds
from jaxop.domain.jaxjob.queueing.labels import JOB_UID, queue_of
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.standing import reasons
from jaxop.domain.jaxjob.telling.last_step import last_checkpoint, last_step
from jaxop.domain.jaxjob.telling.status import compose, none_ready
from jaxop.domain.jaxjob.views import JobView, PodView


def hold(snapshot: Snapshot, now: datetime) -> tuple[JaxJobStatus, Plan] | None:
    """What to say, and to do, while a Job of the attempt is suspended; None when none is."""
    held = _held(snapshot)
    if not held:
        return None
    old, stale = snapshot.jaxjob.status, children.stale(snapshot)
    if still_stopping(snapshot, now, every_attempt=True):
        # What its program does until the end is judged by nobody: it was told to stop.
        seconds = program_seconds(snapshot.jaxjob.spec)
        message = (
            f"{_who(snapshot)} takes the quota back; the program has up to {seconds} s to save a "
            "checkpoint"
        )
        changes = _progress(snapshot)
        new = compose(snapshot, "Checkpointing", reasons.QUOTA_LOST, message, now, **changes)
        return new, Plan(delete=stale, requeue_after=seconds_until_overdue(snapshot, now))
    new = compose(
        snapshot,
        "Queued",
        reasons.WAITING_FOR_QUOTA,
        _waits(snapshot, held),
        now,
        hosts=none_ready(old),
        epoch=None,
        startup=None,
    )
    return new, Plan(delete=stale)


def without_leftovers(snapshot: Snapshot) -> Snapshot:
    """A Job that was let go again may have pods left from before, still saving or just ended: they
    were told to stop before it was resumed, and are neither failures nor members of the new gang.
    """
    resumed = {
        job.uid: job.resumed_at for job in snapshot.current_jobs if job.resumed_at is not None
    }
    if not resumed:
        return snapshot
    slices = {
        job.slice_index: resumed[job.uid] for job in snapshot.current_jobs if job.uid in resumed
    }
    attempt = snapshot.attempt
    pods = tuple(
        pod
        for pod in snapshot.pods
        if pod.attempt != attempt or not _is_from_before(pod, slices.get(pod.slice_index))
    )
    if len(pods) == len(snapshot.pods):
        return snapshot
    leads = any((p.attempt, p.slice_index, p.index) == (attempt, 0, 0) for p in pods)
    return replace(snapshot, pods=pods, report=snapshot.report if leads else None)


def _is_from_before(pod: PodView, resumed_at: datetime | None) -> bool:
    if resumed_at is None or pod.told_to_go_at is None:
        return False
    return pod.told_to_go_at <= resumed_at


def _held(snapshot: Snapshot) -> list[JobView]:
    return [
        job
        for job in snapshot.current_jobs
        if job.suspended and not job.finished and not job.terminating
    ]


def _who(snapshot: Snapshot) -> str:
    queue = queue_of(snapshot.jaxjob)
    return f"Kueue (queue {queue})" if queue else "somebody suspended the Job and"


def _waits(snapshot: Snapshot, held: list[JobView]) -> str:
    namespace, queue = snapshot.jaxjob.metadata.namespace, queue_of(snapshot.jaxjob)
    if queue is None:
        names = ", ".join(job.name for job in held[:3])
        return (
            f"Job {names} is suspended, and not by this operator; if Kueue does that "
            "(manageJobsWithoutQueueName), name a queue in the label kueue.x-k8s.io/queue-name"
        )
    see = f"kubectl get workloads -n {namespace} -l {JOB_UID}={held[0].uid}"
    return f"waits in queue {queue} for quota; see why: {see}"


def _progress(snapshot: Snapshot) -> dict[str, Any]:
    """Kept before the pods that know it are gone."""
    old, step, saved = snapshot.jaxjob.status, last_step(snapshot), last_checkpoint(snapshot)
    return {
        "step": old.step if step is None else step,
        "checkpoint_step": old.checkpoint_step if saved is None else saved,
    }
