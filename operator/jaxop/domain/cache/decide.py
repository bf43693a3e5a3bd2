"""The order of the questions. Each is answered in the file that has its name."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from jaxop.api.plan import Manifest, Plan
from jaxop.domain.cache.claim import can_be_mounted, claim, hindrance
from jaxop.domain.cache.coalesce import seconds_to_wait
from jaxop.domain.cache.events import events
from jaxop.domain.cache.keeper import deployment
from jaxop.domain.cache.keeper_standing import where_it_stands
from jaxop.domain.cache.policy import in_use_to_tell, policy
from jaxop.domain.cache.snapshot import Snapshot
from jaxop.domain.cache.standing import COST, Standing
from jaxop.domain.cache.status import compose

NOTHING_ELSE: Final = Plan()


def decide(snapshot: Snapshot, now: datetime) -> Plan:
    """Pure; `now` is UTC. Deciding again after the plan was carried out changes nothing."""
    if snapshot.cache.metadata.deletion_timestamp is not None:
        return Plan()
    in_use, told_later = in_use_to_tell(snapshot, now)
    standing = hindrance(snapshot) or where_it_stands(snapshot, now)
    wanted = _children(snapshot, in_use)
    soonest = _soonest(told_later, standing.look_again)
    return _write(snapshot, standing, now, Plan(apply=wanted, requeue_after=soonest))


def refused(snapshot: Snapshot, refusals: Sequence[tuple[str, str]], now: datetime) -> Plan:
    """What to write instead when children were refused: `(reason, sentence)` of each."""
    reason, message = refusals[0]
    others = len({said for _, said in refusals}) - 1
    message = f"{message} (and {others} more)" if others else message
    usable = snapshot.cache.status.usable and hindrance(snapshot) is None
    standing = Standing(
        "Degraded" if usable else "Pending",
        reason,
        f"{message}; {COST}" if usable else message,
        stalled=True,
        usable=usable,
    )
    return _write(snapshot, standing, now)


def _children(snapshot: Snapshot, in_use: frozenset[str]) -> tuple[Manifest, ...]:
    cache = snapshot.cache
    made = claim(cache)
    return (
        *((made,) if made is not None else ()),
        policy(cache, in_use),
        deployment(cache, snapshot.runtime_image, replicas=int(can_be_mounted(snapshot))),
    )


def _write(
    snapshot: Snapshot, standing: Standing, now: datetime, plan: Plan = NOTHING_ELSE
) -> Plan:
    """Adds the status to the plan, now or later, with the events that tell of the change."""
    old = snapshot.cache.status
    new = compose(snapshot, standing, now)
    if new == old:
        return plan
    wait = seconds_to_wait(old, new, snapshot.written_at, now)
    if wait > 0:
        return replace(plan, requeue_after=_soonest(wait, plan.requeue_after))
    told = events(old, new, snapshot.report, standing.stalled)
    return replace(plan, status=new.to_manifest(), events=told)


def _soonest(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)
