"""A Warmup that has ended: of its JaxJobs those that failed stay, for their logs; then, ttl.

One whose entries are gone is of no use to those who ask for it. If it has a ttl it goes at once, so
that the next who asks makes it anew; else it is there for somebody to see, and says so.
"""

from datetime import datetime, timedelta
from typing import Final

from jaxop.api.plan import ObjectRef, Plan
from jaxop.domain.warmup import eviction, reasons
from jaxop.domain.warmup.runs import reference
from jaxop.domain.warmup.snapshot import Snapshot
from jaxop.domain.warmup.telling import say

KEEPER_SECONDS: Final = 30.0
"""Between looks whether a keeper that was silent answers."""

SETTLED: Final = timedelta(seconds=60)
"""From its end on, while what the keeper said may be older, and those who waited begin. A keeper
evicts nothing that was used within the hour."""


def rest(snapshot: Snapshot, now: datetime) -> Plan:
    warmup = snapshot.warmup
    ended, seconds = warmup.status.completion_time, warmup.spec.ttl_seconds_after_finished
    delete = tuple(
        reference(job)
        for job in snapshot.runs.values()
        if job.status.state != "Failed" and job.metadata.deletion_timestamp is None
    )
    settled_in = (ended + SETTLED - now).total_seconds() if ended is not None else 0.0
    lost = eviction.lost(snapshot) if settled_in <= 0 else None
    if lost is not None and seconds is None:
        message = f"{lost}: delete this Warmup, and create it anew if its program is to start warm"
        return say(snapshot, "Evicted", reasons.EVICTED, message, now, Plan(delete=delete))
    if lost is not None:
        return Plan(delete=(_itself(snapshot),))
    look = _seconds_to_look(snapshot, settled_in)
    if seconds is None or ended is None:
        return Plan(delete=delete, requeue_after=look)
    left = (ended + timedelta(seconds=seconds) - now).total_seconds()
    if left > 0:
        return Plan(delete=delete, requeue_after=left if look is None else min(left, look))
    return Plan(delete=(_itself(snapshot),))


def _seconds_to_look(snapshot: Snapshot, settled_in: float) -> float | None:
    """None where nobody has to ask again: a keeper that answers tells of changes."""
    if snapshot.warmup.status.state != "Ready":
        return None
    if settled_in > 0:
        return settled_in
    return None if snapshot.keeper.healthy else KEEPER_SECONDS


def _itself(snapshot: Snapshot) -> ObjectRef:
    warmup = snapshot.warmup
    metadata = warmup.metadata
    return ObjectRef(
        warmup.api_version, warmup.kind, metadata.namespace, metadata.name, metadata.uid
    )
