"""Where the time before the first step went, from the launcher's times."""

from datetime import datetime

from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus, Startup
from jaxop.domain.jaxjob.views import GangReport


def startup(old: JaxJobStatus, report: GangReport | None) -> Startup | None:
    """The parts add up to the time of the first step. What compiling took is process 0's sum, and
    what is left of the time until the first step is the program's own: tracing, data, the step.
    Once the first step is in, nothing changes any more until the next attempt.
    """
    known = old.startup
    if report is None or (known is not None and known.first_step_seconds is not None):
        return known
    times = report.times
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
        parts["compile_seconds"] = round(min(report.compile_seconds, left), 3)
        parts["first_step_seconds"] = round(left - parts["compile_seconds"], 3)
    elif known is not None and known.compile_seconds is not None:
        parts["compile_seconds"] = known.compile_seconds
    elif report.state == "Running" and report.compile_seconds > 0:
        parts["compile_seconds"] = round(report.compile_seconds, 3)
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
