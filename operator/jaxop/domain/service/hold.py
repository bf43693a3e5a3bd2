"""Compiled first: the first pod of a revision waits for its CompileCache and its Warmup.

    the CompileCache           the revision
    does not exist             waits, while the service is younger than NEW_SERVICE
    is new and not usable yet  waits, for NEW_CACHE at most; then it starts without it
    is usable                  warmup: None or Background starts; Wait waits for the Warmup
    the Warmup
    is not there               is made
    is Ready                   the revision starts
    has failed                 it starts cold, or the rollout stops, as onWarmupFailure says

Whatever serves goes on serving meanwhile. A revision that has begun is never held again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jaxop.api.plan import Manifest
from jaxop.domain.ages import seconds_left
from jaxop.domain.jaxjob.pods.compile_cache import unusable
from jaxop.domain.service import reasons
from jaxop.domain.service.children.warmup import warmup, warmup_name
from jaxop.domain.service.replica import Described
from jaxop.domain.service.snapshot import Snapshot

NEW_SERVICE: Final = timedelta(seconds=10)
"""For the CompileCache to be heard of: both may have been applied together."""

NEW_CACHE: Final = timedelta(minutes=5)
"""For a CompileCache to become usable, from its creation."""


@dataclass(frozen=True, slots=True)
class Held:
    reason: str
    message: str
    create: tuple[Manifest, ...] = ()
    look_again: float | None = None
    failed: bool = False
    """Nothing but a change of the spec, or a new Warmup, ends it."""


def hold(snapshot: Snapshot, described: Described, now: datetime) -> Held | None:
    """For a revision that has no replica yet; None when it may start."""
    asked, cache = snapshot.service.spec.compile_cache, snapshot.compile_cache
    if asked is None:
        return None
    why = unusable(asked.name, cache)
    if why is not None:
        left = _seconds_left(snapshot, now)
        return Held(reasons.WAITING_FOR_CACHE, why, look_again=left) if left > 0 else None
    if asked.warmup != "Wait":
        return None
    found = snapshot.warmup
    if found is None:
        told = f"waits for Warmup {warmup_name(snapshot, described)}, which is asked for"
        return Held(reasons.WAITING_FOR_WARMUP, told, (warmup(snapshot, described),))
    name, said = found.metadata.name, found.status.message
    if found.status.state == "Ready":
        return None
    if found.status.state == "Failed":
        if asked.on_warmup_failure == "StartCold":
            return None
        message = f"Warmup {name} failed: {said}; delete it to have it tried again"
        return Held(reasons.WARMUP_FAILED, message, failed=True)
    told = f"waits for Warmup {name}, which is {found.status.state or 'new'}"
    return Held(reasons.WAITING_FOR_WARMUP, f"{told}: {said}" if said else told)


def beside(snapshot: Snapshot, described: Described) -> tuple[Manifest, ...]:
    """warmup: Background. The Warmup is made as the revision's first pod is."""
    asked, cache = snapshot.service.spec.compile_cache, snapshot.compile_cache
    if asked is None or asked.warmup != "Background" or cache is None:
        return ()
    return (warmup(snapshot, described),) if snapshot.warmup is None else ()


def _seconds_left(snapshot: Snapshot, now: datetime) -> float:
    cache = snapshot.compile_cache
    new, patience = (snapshot.service, NEW_SERVICE) if cache is None else (cache, NEW_CACHE)
    return seconds_left(new.metadata, patience, now)
