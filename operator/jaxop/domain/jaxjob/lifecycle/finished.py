"""A job that has ended stays as it ended; only what still runs of it is stopped.

A Job that goes on is ended: a pod of it does not end, or it would make more pods, as its launchers
ended with a code that a lost pod has, too. Its pods that are over stay, and their logs tell what
happened. One that is in a queue is deleted instead: where no pod of it has failed it can only be
suspended, and its queue would let it go on some day.

Last words that come later than they are waited for (`success`) are told after the end: the last
step, how it started, what was compiled and the last restarts.
"""

from datetime import datetime, timedelta
from typing import Final

from jaxop.api.plan import ObjectRef, Plan
from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus
from jaxop.domain.jaxjob.failures import ledger
from jaxop.domain.jaxjob.pods import children
from jaxop.domain.jaxjob.pods.grace import termination_seconds
from jaxop.domain.jaxjob.queueing.labels import queue_of
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.telling.compilation import compilation
from jaxop.domain.jaxjob.telling.last_step import last_checkpoint, last_step
from jaxop.domain.jaxjob.telling.startup import startup_of_ended
from jaxop.domain.jaxjob.views import JobView

SETTLE: Final = timedelta(seconds=3)
"""For a Job without any pod that runs: it ends by itself within a second or two, or makes the next
pod 10 s after the last one's end."""

LINGER: Final = timedelta(seconds=10)
"""For the gang's other Jobs to end by themselves, with their pods and logs kept: at once after a
failure, within their grace where only process 0 had to succeed."""


def rest(snapshot: Snapshot, now: datetime) -> Plan:
    status = snapshot.jaxjob.status
    delete = children.stale(snapshot)
    end: tuple[ObjectRef, ...] = ()
    queued = queue_of(snapshot.jaxjob) is not None
    wait = None
    for job in snapshot.current_jobs:
        if job.finished or job.terminating or status.completion_time is None:
            continue
        left = (status.completion_time + _patience(snapshot, job) - now).total_seconds()
        if left > 0:
            wait = left if wait is None else min(wait, left)
        elif queued:
            delete += (children.reference(snapshot, job),)
        elif not job.suspended:
            end += (children.reference(snapshot, job),)
    generation = snapshot.jaxjob.metadata.generation
    newer = _with_last_words(snapshot)
    if status.observed_generation != generation:
        seen = tuple(c.replace(observed_generation=generation) for c in status.conditions)
        newer = newer.replace(observed_generation=generation, conditions=seen)
    told = newer.to_manifest() if newer != status else None
    return Plan(end=end, delete=delete, status=told, requeue_after=wait)


def _with_last_words(snapshot: Snapshot) -> JaxJobStatus:
    status = snapshot.jaxjob.status
    if status.state != "Succeeded":
        return status
    step, saved = last_step(snapshot), last_checkpoint(snapshot)
    return status.replace(
        **ledger.as_told(ledger.told(snapshot), status),
        step=max(step or 0, status.step or 0) if step is not None else status.step,
        checkpoint_step=max(saved or 0, status.checkpoint_step or 0)
        if saved is not None
        else status.checkpoint_step,
        compilation=compilation(snapshot, status.attempt),
        startup=startup_of_ended(snapshot),
    )


def _patience(snapshot: Snapshot, job: JobView) -> timedelta:
    if snapshot.jaxjob.status.state == "Failed":
        pods = [pod for pod in snapshot.current_pods if pod.slice_index == job.slice_index]
        return SETTLE if all(pod.over for pod in pods) else LINGER
    return LINGER + timedelta(seconds=termination_seconds(snapshot.jaxjob.spec))
