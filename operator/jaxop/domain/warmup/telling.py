"""The whole status of a Warmup, and the events that tell of its turns.

state                       Ready   Reconciling  Stalled  Failed
Pending (its spec)          False   False        True
Pending .. Verifying        False   True         False
Ready                       True    False        False
Failed                      False   False        True     True
Evicted                     False   False        True
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from jaxop.api.plan import Event, Plan
from jaxop.api.v1alpha1.warmup import WARMUP_FINISHED, WarmupState, WarmupStatus
from jaxop.domain.conditions import told
from jaxop.domain.warmup.snapshot import Snapshot

NOTHING_ELSE: Final = Plan()


def say(
    snapshot: Snapshot,
    state: WarmupState,
    reason: str,
    message: str,
    now: datetime,
    plan: Plan = NOTHING_ELSE,
    *,
    stalled: bool = False,
    **changes: Any,
) -> Plan:
    """`plan` with the status, where it is another, and its events. `changes` are fields of
    WarmupStatus."""
    old = snapshot.warmup.status
    new = _compose(snapshot, state, reason, message, now, stalled, changes)
    if new == old:
        return plan
    return replace(plan, status=new.to_manifest(), events=_events(old, new, stalled))


def _compose(
    snapshot: Snapshot,
    state: WarmupState,
    reason: str,
    message: str,
    now: datetime,
    stalled: bool,
    changes: dict[str, Any],
) -> WarmupStatus:
    old, generation = snapshot.warmup.status, snapshot.warmup.metadata.generation
    over = state in WARMUP_FINISHED
    holds = {
        "Ready": state == "Ready",
        "Reconciling": not over and not stalled,
        "Stalled": stalled or (over and state != "Ready"),
    }
    if state == "Failed":
        holds["Failed"] = True
    stays = old.state == state and changes.get("run", old.run) == old.run
    return old.replace(
        observed_generation=generation,
        state=state,
        reason=reason,
        message=message,
        start_time=old.start_time or now,
        state_since=old.state_since if stays else now,
        completion_time=(old.completion_time or now) if over else None,
        conditions=told(old.conditions, holds, reason, message, generation, now),
        **changes,
    )


def _events(old: WarmupStatus, new: WarmupStatus, stalled: bool) -> tuple[Event, ...]:
    message = new.message or ""
    if new.run != old.run:
        return (Event("Warning", "Retrying", message),)
    if new.state == "Pending" or stalled:
        if (old.state, old.reason) == (new.state, new.reason):
            return ()
        return (Event("Warning" if stalled else "Normal", new.reason or "Pending", message),)
    if new.state == old.state or new.state is None:
        return ()
    bad = new.state in ("Failed", "Evicted")
    return (Event("Warning" if bad else "Normal", new.state, message),)
