"""The story of a job in events: one for each turn that a person should know of.

They come from comparing the old status with the new one, so nothing is told twice. A job that
starts and ends well tells two; the rest is in the status.
"""

from jaxop.api.plan import Event
from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus, Startup
from jaxop.domain.jaxjob.standing import reasons


def events(old: JaxJobStatus, new: JaxJobStatus) -> tuple[Event, ...]:
    return (*_restarts(old, new), *_turns(old, new), *_recompiled(old, new))


def _restarts(old: JaxJobStatus, new: JaxJobStatus) -> tuple[Event, ...]:
    """One for each epoch that failed, and is followed by another; of several that passed between
    two looks, the last."""
    if new.state == "Restarting" and (
        new.attempt != old.attempt or set(new.lost_pods) - set(old.lost_pods)
    ):
        return (Event("Warning", "Restarting", new.message or ""),)
    count = new.restarts - old.restarts
    if new.attempt != old.attempt or count <= 0 or new.failure in (None, old.failure):
        return ()
    failed = new.failure.message if new.failure is not None else ""
    more = f" (the last of {count} since the operator looked)" if count > 1 else ""
    epoch = (new.epoch or 1) + (new.state == "Restarting")
    message = f"restart {new.restarts} in place, epoch {epoch}: {failed}{more}"
    return (Event("Warning", "Restarting", message),)


def _recompiled(old: JaxJobStatus, new: JaxJobStatus) -> tuple[Event, ...]:
    """Of one epoch only the first: the count is in the status."""
    before, now = old.compilation, new.compilation
    if now is None or not now.recompilations or (before is not None and before.recompilations):
        return ()
    more = f" (the last of {now.recompilations})" if now.recompilations > 1 else ""
    message = f"compiled again after the first step{more}: {now.last_recompilation}"
    return (Event("Warning", "Recompiled", message),)


def _turns(old: JaxJobStatus, new: JaxJobStatus) -> tuple[Event, ...]:
    message = new.message or ""
    if (old.state, old.reason) == (new.state, new.reason) and (
        new.state != "Pending" or _waits_for_warmup(new) or old.message == new.message
    ):
        return ()
    match new.state:
        case "Pending" if _waits_for_warmup(new):
            return (Event("Normal", reasons.WAITING_FOR_WARMUP, message),)
        case "Pending":
            return (Event("Warning", new.reason or "Stalled", message),)
        case "Scheduling" if new.reason in reasons.PROBLEMS:
            return (Event("Warning", new.reason, message),)
        case "Queued" if new.reason in reasons.NEVER_ADMITTED:
            return (Event("Warning", new.reason, message),)
        case "Queued" if old.state != "Queued":
            return (Event("Normal", "Queued", message),)
        case "Checkpointing" if new.reason == reasons.QUOTA_LOST:
            return (Event("Normal", reasons.QUOTA_LOST, message),)
        case "Scheduling" if old.state == "Queued":
            return (Event("Normal", "Admitted", f"attempt {new.attempt} has its quota and starts"),)
        case "Scheduling" if old.state == "Suspended" or _was_stopped(old):
            return (Event("Normal", "Resumed", f"attempt {new.attempt} starts"),)
        case "Running" if new.reason == reasons.PROGRAM_RUNNING and old.state != "Running":
            took = _took(new.startup) if (new.epoch or 1) == 1 else f", epoch {new.epoch}"
            return (Event("Normal", "Running", message + took),)
        case "Suspended":
            return (Event("Normal", "Suspended", message),)
        case "Succeeded":
            return (Event("Normal", "Succeeded", message),)
        case "Failed":
            return (Event("Warning", "Failed", message),)
    return ()


def _waits_for_warmup(status: JaxJobStatus) -> bool:
    return status.reason == reasons.WAITING_FOR_WARMUP


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
