"""warmup: Wait. A job that has not begun waits until its program has been compiled and verified.

    the CompileCache            the job
    does not exist              waits, while the job is younger than NEW_JOB; then it starts without
    is new and not usable yet   waits, for NEW_CACHE at most; then it starts without it
    is usable                   waits for the Warmup
    the Warmup
    is not there                is made
    is Ready                    the job starts
    has failed                  the job starts cold, or fails, as spec.onWarmupFailure says

A job that has begun is never held again, whatever becomes of the Warmup.
"""

from datetime import datetime, timedelta
from typing import Final

from jaxop.api.plan import Plan
from jaxop.api.v1alpha1 import Warmup
from jaxop.api.v1alpha1.jaxjob_status import Failure, JaxJobStatus
from jaxop.domain.ages import seconds_left
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods import children
from jaxop.domain.jaxjob.pods.compile_cache import unusable
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.standing import reasons
from jaxop.domain.jaxjob.telling.status import compose
from jaxop.domain.jaxjob.warming.asked import asks, warmup, warmup_name

NEW_JOB: Final = timedelta(seconds=10)
"""For the CompileCache to be heard of: both may have been applied together."""

NEW_CACHE: Final = timedelta(minutes=5)
"""For a CompileCache to become usable, from its creation."""

Held = tuple[JaxJobStatus, Plan]


def hold(snapshot: Snapshot, layout: SliceLayout, now: datetime) -> Held | None:
    """What to say and to do while the job waits; None when it may start."""
    asked, cache = snapshot.jaxjob.spec.compile_cache, snapshot.compile_cache
    if not asks(snapshot) or asked is None or asked.warmup != "Wait":
        return None
    why = unusable(asked.name, cache)
    if why is not None:
        left = _seconds_left(snapshot, now)
        return _waits(snapshot, why, Plan(requeue_after=left), now) if left > 0 else None
    found = snapshot.warmup
    if found is None:
        told = f"waits for Warmup {warmup_name(snapshot, layout)}, which is asked for"
        return _waits(snapshot, told, Plan(create=(warmup(snapshot, layout),)), now)
    if found.status.state == "Ready":
        return None
    if found.status.state == "Failed":
        return _failed(snapshot, found, now) if asked.on_warmup_failure == "Fail" else None
    said = f": {found.status.message}" if found.status.message else ""
    told = f"waits for Warmup {found.metadata.name}, which is {found.status.state or 'new'}{said}"
    return _waits(snapshot, told, Plan(), now)


def beside(snapshot: Snapshot, layout: SliceLayout) -> Plan:
    """warmup: Background. The Warmup is made as the job's first pods are."""
    asked = snapshot.jaxjob.spec.compile_cache
    if not asks(snapshot) or asked is None or asked.warmup != "Background":
        return Plan()
    if snapshot.compile_cache is None:
        return Plan()
    return Plan(create=(warmup(snapshot, layout),))


def _seconds_left(snapshot: Snapshot, now: datetime) -> float:
    """For the CompileCache to become one that can be used."""
    cache = snapshot.compile_cache
    new, patience = (snapshot.jaxjob, NEW_JOB) if cache is None else (cache, NEW_CACHE)
    return seconds_left(new.metadata, patience, now)


def _waits(snapshot: Snapshot, message: str, plan: Plan, now: datetime) -> Held:
    new = compose(snapshot, "Pending", reasons.WAITING_FOR_WARMUP, message, now)
    stale = children.stale(snapshot)
    return new, Plan(create=plan.create, delete=stale, requeue_after=plan.requeue_after)


def _failed(snapshot: Snapshot, found: Warmup, now: datetime) -> Held:
    name = found.metadata.name
    message = f"Warmup {name} failed: {found.status.message}; delete it to have it tried again"
    failure = Failure(cause="CompileFailed", message=message, time=now)
    new = compose(
        snapshot, "Failed", failure.cause, message, now, failure=failure, completion_time=now
    )
    return new, Plan(delete=children.stale(snapshot))
