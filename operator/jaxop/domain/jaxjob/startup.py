"""Where the time before the first step went, from the launcher's times."""

from datetime import datetime

from jaxop.api.v1alpha1.jaxjob import JaxJobStatus, Startup
from jaxop.domain.jaxjob.views import GangReport


def startup(old: JaxJobStatus, report: GangReport | None) -> Startup | None:
    """Each part runs from the station before it, so that they add up. Once the first step is in,
    nothing changes any more until the next attempt."""
    known = old.startup
    if report is None or (known is not None and known.first_step_seconds is not None):
        return known
    times = report.times
    began = attempt_began(old)
    stations = {
        "schedule_seconds": times.launcher_started,
        "join_seconds": times.all_joined,
        "initialise_seconds": times.initialised,
        "compile_seconds": times.first_compile,
        "first_step_seconds": times.first_step,
    }
    parts: dict[str, float] = {}
    since = began
    for name, reached in stations.items():
        if reached is None:
            continue
        if since is not None:
            parts[name] = round(max(0.0, (reached - since).total_seconds()), 3)
        since = reached
    return Startup(**parts) if parts else known


def attempt_began(status: JaxJobStatus) -> datetime | None:
    """When the current attempt was decided on; None if the timeline no longer reaches back."""
    for entry in status.timeline:
        if entry.attempt == status.attempt and entry.state not in ("Pending", "Suspended"):
            return entry.time
    return None
