"""A job that has ended stays as it ended; only what still runs of it is stopped."""

from datetime import datetime, timedelta
from typing import Final

from jaxop.api.plan import Plan
from jaxop.domain.jaxjob import children
from jaxop.domain.jaxjob.grace import termination_seconds
from jaxop.domain.jaxjob.snapshot import Snapshot

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
    if status.observed_generation == generation:
        return Plan(delete=delete, requeue_after=wait)
    seen = tuple(c.replace(observed_generation=generation) for c in status.conditions)
    newer = status.replace(observed_generation=generation, conditions=seen)
    return Plan(delete=delete, status=newer.to_manifest(), requeue_after=wait)


def _patience(snapshot: Snapshot) -> timedelta:
    if snapshot.jaxjob.status.state == "Failed":
        return LINGER
    return LINGER + timedelta(seconds=termination_seconds(snapshot.jaxjob.spec))
