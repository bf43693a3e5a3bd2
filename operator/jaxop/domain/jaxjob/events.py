"""The story of a job in events: one for each turn that a person should know of.

They come from comparing the old status with the new one, so nothing is told twice. A job that
starts and ends well tells two; the rest is in the status.
"""

from jaxop.api.plan import Event
from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus, Startup
from jaxop.domain.jaxjob import reasons


def events(old: JaxJobStatus, new: JaxJobStatus) -> tuple[Event, ...]:
    message = new.message or ""
    if new.attempt != old.attempt and new.state == "Restarting":
        return (Event("Warning", "Restarting", message),)
    if (old.state, old.reason) == (new.state, new.reason) and (
        new.state != "Pending" or old.message == new.message
    ):
        return ()
    match new.state:
        case "Pending":
            return (Event("Warning", new.reason or "Stalled", message),)
        case "Scheduling" if new.reason in reasons.PROBLEMS:
            return (Event("Warning", new.reason, message),)
        case "Scheduling" if old.state == "Suspended" or _was_stopped(old):
            return (Event("Normal", "Resumed", f"attempt {new.attempt} starts"),)
        case "Running" if new.reason == reasons.PROGRAM_RUNNING and old.state != "Running":
            return (Event("Normal", "Running", message + _took(new.startup)),)
        case "Suspended":
            return (Event("Normal", "Suspended", message),)
        case "Succeeded":
            return (Event("Normal", "Succeeded", message),)
        case "Failed":
            return (Event("Warning", "Failed", message),)
    return ()


def _was_stopped(old: JaxJobStatus) -> bool:
    return old.state == "Checkpointing" and old.reason in reasons.STOPPING


def _took(startup: Startup | None) -> str:
    """`; started in 12.3 s (schedule 4.0, join 0.3, ...)`."""
    if startup is None:
        return ""
    parts = {
        "schedule": startup.schedule_seconds,
        "join": startup.join_seconds,
        "initialise": startup.initialise_seconds,
        "compile": startup.compile_seconds,
        "first step": startup.first_step_seconds,
    }
    known = {name: seconds for name, seconds in parts.items() if seconds is not None}
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in known.items())
    return f"; started in {sum(known.values()):.1f} s ({told})" if known else ""
