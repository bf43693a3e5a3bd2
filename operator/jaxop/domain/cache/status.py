"""The whole status: where it stands, and the keeper's numbers as far as they were ever heard."""

from datetime import datetime
from typing import Any

from jaxop.api.v1alpha1.common import Condition
from jaxop.api.v1alpha1.compile_cache import (
    SHOWN_NAMESPACES,
    CacheNamespace,
    CompileCacheStatus,
)
from jaxop.domain import conditions
from jaxop.domain.cache import names
from jaxop.domain.cache.snapshot import KeeperReport, KeptNamespace, Snapshot
from jaxop.domain.cache.standing import Standing
from jaxop.domain.quantity import shown


def compose(snapshot: Snapshot, standing: Standing, now: datetime) -> CompileCacheStatus:
    cache = snapshot.cache
    return cache.status.replace(
        observed_generation=cache.metadata.generation,
        state=standing.state,
        reason=standing.reason,
        message=standing.message,
        claim_name=names.claim_of(cache),
        usable=standing.usable,
        conditions=_conditions(snapshot, standing, now),
        **(_numbers(snapshot.report, snapshot.in_use) if snapshot.report is not None else {}),
    )


def _conditions(snapshot: Snapshot, standing: Standing, now: datetime) -> tuple[Condition, ...]:
    """A degraded cache is not Ready, though it is used: somebody should know."""
    ready = standing.state == "Ready"
    holds = {
        "Ready": ready,
        "Reconciling": not ready and not standing.stalled,
        "Stalled": standing.stalled,
    }
    metadata, before = snapshot.cache.metadata, snapshot.cache.status.conditions
    return conditions.told(
        before, holds, standing.reason, standing.message, metadata.generation, now
    )


def _numbers(report: KeeperReport, in_use: frozenset[str]) -> dict[str, Any]:
    told = [_told(each, each.digest in in_use) for each in report.namespaces]
    told.sort(key=lambda each: each.digest)
    told.sort(
        key=lambda each: (each.in_use, each.last_used.timestamp() if each.last_used else 0.0),
        reverse=True,
    )
    return {
        "entries": report.entries,
        "bytes": report.bytes,
        "size": shown(report.bytes),
        "published": report.published,
        "refused": report.refused,
        "repaired": report.repaired,
        "evicted": report.evicted,
        "namespace_count": report.namespace_count,
        "namespaces": tuple(told[:SHOWN_NAMESPACES]),
    }


def _told(kept: KeptNamespace, in_use: bool) -> CacheNamespace:
    """The last use of what is in use is always just now: told by the hour, not with each report."""
    last_used = kept.last_used
    if last_used is not None:
        exact = not (in_use or kept.in_use)
        last_used = last_used.replace(microsecond=0)
        last_used = last_used if exact else last_used.replace(minute=0, second=0)
    return CacheNamespace(
        digest=kept.digest,
        entries=kept.entries,
        bytes=kept.bytes,
        last_used=last_used,
        in_use=in_use,
    )
