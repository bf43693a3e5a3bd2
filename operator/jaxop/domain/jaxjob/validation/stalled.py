"""A job that cannot go on until somebody changes something: field, fault and remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jaxop.api.plan import Plan
from jaxop.domain.jaxjob.pods import children
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.standing import reasons
from jaxop.domain.jaxjob.telling.events import events
from jaxop.domain.jaxjob.telling.status import compose
from jaxop.domain.problem import Problem, sentence


@dataclass(frozen=True, slots=True)
class Refused:
    """A child that the API server would not take; `message` is a sentence for the user."""

    reason: str
    message: str
    kind: str = ""


def invalid(snapshot: Snapshot, problems: Sequence[Problem], now: datetime) -> Plan:
    return _stalled(snapshot, reasons.INVALID_SPEC, sentence(tuple(problems)), now)


def refused(snapshot: Snapshot, refusals: Sequence[Refused], now: datetime) -> Plan:
    """Of many children refused for the same reason, one sentence is enough."""
    first = next((r for r in refusals if r.kind != "Pod"), refusals[0])
    others = len({refusal.message for refusal in refusals}) - 1
    more = f" (and {others} more)" if others else ""
    if first.kind == "Pod":
        return _waits_for_its_job(snapshot, first.message + more, now)
    return _stalled(snapshot, first.reason, first.message + more, now)


def _waits_for_its_job(snapshot: Snapshot, message: str, now: datetime) -> Plan:
    """A lost pod's successor is refused: its Job tries the same, with a back-off of its own, and
    the others wait."""
    old = snapshot.jaxjob.status
    reason = old.failure.cause if old.failure is not None else "PeerLost"
    told = f"{message}; its Job tries again by itself, ever more slowly"
    new = compose(snapshot, "Restarting", reason, told, now)
    return Plan() if new == old else Plan(status=new.to_manifest(), events=events(old, new))


def _stalled(snapshot: Snapshot, reason: str, message: str, now: datetime) -> Plan:
    old = snapshot.jaxjob.status
    new = compose(snapshot, "Pending", reason, message, now)
    delete = children.stale(snapshot)
    if new == old:
        return Plan(delete=delete)
    return Plan(delete=delete, status=new.to_manifest(), events=events(old, new))
