"""What the JaxJob controller counts, in docs/metrics.md. Labels are bounded: causes, states, parts.

All of it comes from statuses as they change, so nothing counts twice when an operator restarts.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from jaxop.api.v1alpha1.jaxjob_status import FINISHED, Goodput, JaxJobStatus
from jaxop.domain.jaxjob.telling.goodput import PARTS
from jaxop.domain.jaxjob.telling.recoveries import Recovery, recoveries

_TO_THE_FIRST_STEP: Final = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)

RESTARTS = Counter(
    "jaxop_jaxjob_restarts_total",
    "Restarts of JaxJobs, by the cause of the failure before, and how: InPlace, Recreate.",
    ("cause", "how"),
)
RECOVERY_SECONDS = Histogram(
    "jaxop_jaxjob_recovery_seconds",
    "From a failure until the program ran again, by how it restarted: InPlace, Recreate.",
    ("how",),
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800),
)
LOST_STEPS = Counter(
    "jaxop_jaxjob_lost_steps_total",
    "Training steps that failures threw away: those since the last checkpoint.",
)
GOODPUT_SECONDS = Counter(
    "jaxop_jaxjob_goodput_seconds_total",
    "What the time of all JaxJobs was spent on, by part, as in status.goodput.",
    ("part",),
)
FINISHED_JOBS = Counter(
    "jaxop_jaxjob_finished_total", "JaxJobs that ended, by state: Succeeded, Failed.", ("state",)
)
STARTUP_SECONDS = Histogram(
    "jaxop_jaxjob_startup_seconds",
    "Time before the first step, by part: schedule, join, initialise, compile, first_step.",
    ("part",),
    buckets=_TO_THE_FIRST_STEP,
)
REPORTS = Counter(
    "jaxop_gang_reports_total",
    "Reports asked of gangs, by outcome: new, same, unreachable, unreadable.",
    ("outcome",),
)
FOLLOWED = Gauge("jaxop_gangs_followed", "Gangs that are asked for reports.")


def count(old: JaxJobStatus, new: JaxJobStatus, counted: Goodput | None) -> Goodput | None:
    """Counts a change of status. `counted` is what was counted of its goodput so far; returns what
    is now. Seconds that turned from productive to wasted are counted as both, and then no further
    productive ones until these are made up for: a counter only grows."""
    _count_restarts(old, new)
    if new.state in FINISHED and old.state not in FINISHED:
        FINISHED_JOBS.labels(new.state).inc()
    if new.startup is not None and new.startup.first_step_seconds is not None:
        already = old.startup is not None and old.startup.first_step_seconds is not None
        for name, value in () if already else new.startup:
            if value is not None:
                STARTUP_SECONDS.labels(name.removesuffix("_seconds")).observe(value)
    return _count_goodput(counted, new.goodput)


def _count_restarts(old: JaxJobStatus, new: JaxJobStatus) -> None:
    before, after = recoveries(old.timeline), recoveries(new.timeline)
    known = {_identity(recovery) for recovery in before}
    fresh = [recovery for recovery in after if _identity(recovery) not in known]
    untold = max(0, new.restarts - old.restarts)
    for recovery in fresh[len(fresh) - untold :] if untold else ():
        RESTARTS.labels(recovery.entry.reason, recovery.how).inc()
        untold -= 1
    if untold:
        cause = new.failure.cause if new.failure else "Unknown"
        how = "Recreate" if new.attempt != old.attempt else "InPlace"
        RESTARTS.labels(cause, how).inc(untold)
    ran_before = {_identity(r) for r in before if r.running_at is not None}
    for recovery in after:
        if recovery.seconds is not None and _identity(recovery) not in ran_before:
            RECOVERY_SECONDS.labels(recovery.how).observe(recovery.seconds)
    entries = set(old.timeline)
    for entry in new.timeline:
        if entry.lost_steps and entry not in entries:
            LOST_STEPS.inc(entry.lost_steps)


def _identity(recovery: Recovery) -> tuple[object, ...]:
    entry = recovery.entry
    return entry.time, entry.attempt, entry.epoch


def _count_goodput(counted: Goodput | None, new: Goodput | None) -> Goodput | None:
    if new is None:
        return counted
    highest = counted or Goodput()
    for part in PARTS:
        more = getattr(new, part) - getattr(highest, part)
        if more > 0:
            GOODPUT_SECONDS.labels(part.removesuffix("_seconds")).inc(more)
            highest = highest.replace(**{part: getattr(new, part)})
    return highest
