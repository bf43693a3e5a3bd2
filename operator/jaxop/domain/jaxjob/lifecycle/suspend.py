"""A suspended job has no pods: whose pods still stop, and for how long that is waited for."""

from datetime import datetime, timedelta
from typing import Final

from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import PodView

SENTENCE: Final = "suspended; set spec.suspend to false to go on"

OVERDUE: Final = timedelta(seconds=5)
"""A pod that should have ended so long ago is on a dead node, and is not waited for."""


def still_stopping(snapshot: Snapshot, now: datetime, *, every_attempt: bool = False) -> int:
    """Pods of other attempts (or of every one) that may yet write a checkpoint: the next attempt
    must not start beside them."""
    return len(_stopping(snapshot, now, every_attempt))


def seconds_until_overdue(snapshot: Snapshot, now: datetime) -> float | None:
    """When the last of them is not waited for any more; None while one has not been told to stop,
    and so a change of it is still to come."""
    ends = [pod.gone_by for pod in _stopping(snapshot, now, every_attempt=True)]
    known = [end for end in ends if end is not None]
    if not known or len(known) < len(ends):
        return None
    return max(0.0, (max(known) + OVERDUE - now).total_seconds())


def _stopping(snapshot: Snapshot, now: datetime, every_attempt: bool) -> list[PodView]:
    dead = snapshot.dead_nodes
    return [
        pod
        for pod in snapshot.pods
        if (every_attempt or pod.attempt != snapshot.attempt)
        and not pod.over
        and (pod.gone_by is None or now < pod.gone_by + OVERDUE)
        and not (pod.terminating and pod.node in dead)
    ]
