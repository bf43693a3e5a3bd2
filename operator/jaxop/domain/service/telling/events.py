"""The story of a service in events, from comparing the old status with the new one."""

from typing import Literal

from jaxop.api.plan import Event
from jaxop.api.v1alpha1.jaxservice_status import JaxServiceStatus

_WARNINGS = frozenset({"Pending", "Degraded", "RolloutStopped", "Failed"})


def events(old: JaxServiceStatus, new: JaxServiceStatus) -> tuple[Event, ...]:
    return (*_rollout(old, new), *_turn(old, new))


def _rollout(old: JaxServiceStatus, new: JaxServiceStatus) -> tuple[Event, ...]:
    begun = new.rollout is not None and (
        old.rollout is None or old.rollout.revision != new.rollout.revision
    )
    if begun and new.rollout is not None:
        source = f" from {new.current_revision}" if new.current_revision else ""
        message = f"{new.rollout.strategy}{source} to revision {new.rollout.revision}"
        return (Event("Normal", "RolloutStarted", message),)
    if new.current_revision != old.current_revision and new.current_revision is not None:
        message = f"revision {new.current_revision} serves with {new.ready} replicas"
        return (Event("Normal", "RolloutComplete", message),)
    return ()


def _turn(old: JaxServiceStatus, new: JaxServiceStatus) -> tuple[Event, ...]:
    if new.state is None or (old.state, old.reason) == (new.state, new.reason):
        return ()
    message = new.message or ""
    if new.state in _WARNINGS:
        same_word = new.state in ("RolloutStopped", "Failed")
        reason = new.state if same_word else new.reason or new.state
        return (Event("Warning", reason, message),)
    if new.state == old.state:
        kind: Literal["Normal", "Warning"] = "Normal"
        if new.state == "RollingOut" and new.reason not in _USUAL:
            kind = "Warning"
        elif new.state != "WarmingUp":
            return ()
        return (Event(kind, new.reason or new.state, message),)
    if new.state == "Ready" and old.state in ("Degraded", "Failed"):
        return (Event("Normal", "Recovered", message),)
    if new.state in ("WarmingUp", "Idle"):
        return (Event("Normal", new.reason or new.state, message),)
    return ()


_USUAL = frozenset({"ReplacingReplicas", "NoReplicaReady"})
