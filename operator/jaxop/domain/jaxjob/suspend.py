"""A suspended job has no children. What ran is stopped as by a restart: by its attempt's number."""

from datetime import datetime, timedelta
from typing import Any, Final

from jaxop.api.plan import Plan
from jaxop.domain.jaxjob import children, reasons
from jaxop.domain.jaxjob.events import events
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.status import compose, none_ready

_SENTENCE: Final = "suspended; set spec.suspend to false to go on"

OVERDUE: Final = timedelta(seconds=5)
"""A pod that should have ended so long ago is on a dead node, and is not waited for."""


def suspended(snapshot: Snapshot, now: datetime) -> Plan:
    old = snapshot.jaxjob.status
    changes: dict[str, Any] = {"hosts": none_ready(old)}
    if snapshot.current_jobs:
        changes |= {"attempt": old.attempt + 1, "startup": None}
    new = compose(snapshot, "Suspended", reasons.SUSPENDED, _SENTENCE, now, **changes)
    if new == old:
        return Plan(delete=children.stale(snapshot))
    return Plan(
        delete=children.stale(snapshot),
        status=new.to_manifest(),
        events=events(old, new),
        requeue_after=0.0 if snapshot.current_jobs else None,
    )


def still_stopping(snapshot: Snapshot, now: datetime) -> int:
    """Pods of the suspended attempt that may yet write a checkpoint: the next one must not start
    beside them."""
    return sum(
        not pod.over and (pod.gone_by is None or now < pod.gone_by + OVERDUE)
        for pod in snapshot.pods
        if pod.attempt != snapshot.attempt
    )
