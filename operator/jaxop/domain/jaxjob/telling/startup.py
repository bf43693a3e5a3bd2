"""Where the time before the first step went, from the launcher's times."""

from datetime import datetime

from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus, Startup
from jaxop.domain.jaxjob.failures.pod_cause import words_of_process_zero
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import GangReport, GangTimes


def startup(old: JaxJobStatus, report: GangReport | None) -> Startup | None:
    """The parts add up to the time of the first step. What compiling took is process 0's sum, and
    what is left of the time until the first step is the program's own: tracing, data, the step.
    Once the first step is in, nothing changes any more until the next attempt.
    """
    if report is None:
        return old.startup
    return _startup(old, report.times, report.compile_seconds, runs=report.state == "Running")


def startup_of_ended(snapshot: Snapshot) -> Startup | None:
    """Where nobody led, or asked in time, while the gang started: from what process 0 has left
    behind. That is of its last epoch, and only the first one's start is the attempt's."""
    old = snapshot.jaxjob.status
    known = startup(old, snapshot.current_report)
    if known is not None and known.first_step_seconds is not None:
        return known
    for words in words_of_process_zero(snapshot.current_pods):
        if words.epoch == 1 and words.times.first_step is not None:
            return _startup(old, words.times, words.compile_seconds, runs=False)
    return known


def _startup(
    old: JaxJobStatus, times: GangTimes, compile_seconds: float, *, runs: bool
) -> Startup | None:
    known = old.startup
    if known is not None and known.first_step_seconds is not None:
        return known
    stations = {
        "schedule_seconds": times.launcher_started,
        "join_seconds": times.all_joined,
        "initialise_seconds": times.initialised,
    }
    parts: dict[str, float] = {}
    since = attempt_began(old)
    for name, reached in stations.items():
        if reached is not None:
            parts[name] = _between(since, reached)
            since = reached
    if times.first_step is not None:
        left = _between(since, times.first_step)
        parts["compile_seconds"] = round(min(compile_seconds, left), 3)
        parts["first_step_seconds"] = round(left - parts["compile_seconds"], 3)
    elif known is not None and known.compile_seconds is not None:
        parts["compile_seconds"] = known.compile_seconds
    elif runs and compile_seconds > 0:
        parts["compile_seconds"] = round(compile_seconds, 3)
    return Startup(**parts) if parts else known


def _between(since: datetime | None, reached: datetime) -> float:
    """Seconds; 0 where clocks disagree."""
    return round(max(0.0, (reached - (since or reached)).total_seconds()), 3)


def attempt_began(status: JaxJobStatus) -> datetime | None:
    """When the current attempt was decided on, or let go by its queue; None if the timeline no
    longer reaches back."""
    began = None
    for entry in status.timeline:
        if entry.attempt != status.attempt or entry.state in ("Pending", "Suspended"):
            continue
        if entry.state == "Queued":
            began = None
        elif began is None:
            began = entry.time
    return began
