"""A job that has ended stays as it ended; only what still runs of it is stopped.

That its Jobs are complete may be heard before its pods' last words: the last step, and what was
compiled, are then told after the end.
"""

from datetime import datetime, timedelta
from typing import Final

from jaxop.api.plan import Plan
from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus
from jaxop.domain.jaxjob.pods import children
from jaxop.domain.jaxjob.pods.grace import termination_seconds
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.telling.compilation import compilation
from jaxop.domain.jaxjob.telling.last_step import last_checkpoint, last_step

LINGER: Final = timedelta(seconds=10)
"""For the gang's other Jobs to end by themselves, with their pods and logs kept: at once after a
failure, within their grace where only process 0 had to succeed."""


def rest(snapshot: Snapshot, now: datetime) -> Plan:
    status = snapshot.jaxjob.status
    delete = children.stale(snapshot)
    unfinished = [j for j in snapshot.current_jobs if not j.finished and not j.terminating]
    wait = None
    if unfinished and status.completion_time is not None:
        left = (status.completion_time + _patience(snapshot) - now).total_seconds()
        if left <= 0:
            delete += tuple(children.reference(snapshot, job) for job in unfinished)
        else:
            wait = left
    generation = snapshot.jaxjob.metadata.generation
    newer = _with_last_words(snapshot)
    if status.observed_generation != generation:
        seen = tuple(c.replace(observed_generation=generation) for c in status.conditions)
        newer = newer.replace(observed_generation=generation, conditions=seen)
    if newer == status:
        return Plan(delete=delete, requeue_after=wait)
    return Plan(delete=delete, status=newer.to_manifest(), requeue_after=wait)


def _with_last_words(snapshot: Snapshot) -> JaxJobStatus:
    status = snapshot.jaxjob.status
    if status.state != "Succeeded":
        return status
    step, saved = last_step(snapshot), last_checkpoint(snapshot)
    return status.replace(
        step=max(step or 0, status.step or 0) if step is not None else status.step,
        checkpoint_step=max(saved or 0, status.checkpoint_step or 0)
        if saved is not None
        else status.checkpoint_step,
        compilation=compilation(snapshot, status.attempt),
    )


def _patience(snapshot: Snapshot) -> timedelta:
    if snapshot.jaxjob.status.state == "Failed":
        return LINGER
    return LINGER + timedelta(seconds=termination_seconds(snapshot.jaxjob.spec))
