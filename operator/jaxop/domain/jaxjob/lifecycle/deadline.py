"""activeDeadlineSeconds: how long a job has been at it, all attempts together.

The clock stands while the job is suspended, queued or not startable. Two facts in the status are
enough to know it at any time: the seconds up to the last such pause, and when the job last went on.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from jaxop.api.plan import Plan
from jaxop.api.v1alpha1.jaxjob_status import FINISHED, JaxJobStatus, State
from jaxop.domain.jaxjob.snapshot import Snapshot

FIELD: Final = "spec.activeDeadlineSeconds"

_CLOCK_STANDS: Final[frozenset[State]] = frozenset({"Pending", "Queued", "Suspended", *FINISHED})


def clock(old: JaxJobStatus, state: State, now: datetime) -> dict[str, Any]:
    """What entering `state`, or staying in it, makes of the two fields."""
    if state not in _CLOCK_STANDS:
        return {"active_since": old.active_since or now}
    if old.active_since is None:
        return {}
    return {"active_since": None, "active_seconds": round(active_seconds(old, now), 3)}


def active_seconds(status: JaxJobStatus, now: datetime) -> float:
    since = status.active_since
    running = max(0.0, (now - since).total_seconds()) if since is not None else 0.0
    return (status.active_seconds or 0.0) + running


def seconds_left(snapshot: Snapshot, now: datetime) -> float | None:
    """None without a deadline; 0 or less when it has passed."""
    allowed = snapshot.jaxjob.spec.active_deadline_seconds
    if allowed is None:
        return None
    return allowed - active_seconds(snapshot.jaxjob.status, now)


def passed(snapshot: Snapshot, now: datetime) -> bool:
    left = seconds_left(snapshot, now)
    return left is not None and left <= 0


def looked_at_in_time(snapshot: Snapshot, plan: Plan, now: datetime) -> Plan:
    """The plan, with another look at the very moment the deadline passes."""
    left = seconds_left(snapshot, now)
    if left is None or left <= 0 or snapshot.jaxjob.status.active_since is None:
        return plan
    soonest = left if plan.requeue_after is None else min(left, plan.requeue_after)
    return replace(plan, requeue_after=soonest)
