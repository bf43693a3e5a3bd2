"""The whole status, from the old one and what is new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jaxop.api.v1alpha1.jaxservice_status import (
    JaxServiceStatus,
    RevisionStanding,
    RolloutStanding,
)
from jaxop.domain.service import names, revisions_kept
from jaxop.domain.service.children.endpoint import selector
from jaxop.domain.service.rollout import Count
from jaxop.domain.service.snapshot import Snapshot
from jaxop.domain.service.standing import Standing
from jaxop.domain.service.telling import traffic
from jaxop.domain.service.telling.conditions import conditions
from jaxop.domain.service.views import ReplicaReport


@dataclass(frozen=True, slots=True)
class Revisions:
    """`updated` is None where the spec describes none."""

    counts: Mapping[str, Count]
    replicas: Mapping[str, int]
    """That each is to have from now on."""
    updated: str | None
    current: str | None
    rollout: RolloutStanding | None = None
    accelerator: str | None = None


def compose(
    snapshot: Snapshot,
    standing: Standing,
    revisions: Revisions,
    now: datetime,
    *,
    stalled: bool = False,
) -> JaxServiceStatus:
    service, reports = snapshot.service, traffic.told(snapshot)
    metadata, old, counts = service.metadata, service.status, revisions.counts
    ready = sum(count.ready for count in counts.values())
    updated = counts.get(revisions.updated or "")
    return old.replace(
        observed_generation=metadata.generation,
        state=standing.state,
        reason=standing.reason,
        message=standing.message,
        url=names.url(metadata.name, metadata.namespace),
        accelerator=revisions.accelerator or old.accelerator,
        current_revision=revisions.current,
        updated_revision=revisions.updated or old.updated_revision,
        revisions=_standings(snapshot, revisions),
        replicas=sum(count.existing for count in counts.values()),
        ready_replicas=ready,
        updated_replicas=updated.existing if updated is not None else 0,
        ready=f"{ready}/{service.spec.replicas}",
        selector=",".join(f"{k}={v}" for k, v in sorted(selector(service).items())),
        **(_figures(reports) if not snapshot.reports_pending else {}),
        rollout=_with_gap(revisions.rollout, old, ready, now),
        start_time=old.start_time or now,
        state_since=old.state_since if old.state == standing.state else now,
        conditions=conditions(service, standing, ready, stalled, now),
    )


def _figures(reports: Sequence[ReplicaReport]) -> dict[str, Any]:
    return {
        "buckets": traffic.buckets(reports),
        "latency": traffic.latency(reports),
        "requests_per_second": traffic.requests_per_second(reports),
        "cache_hit": traffic.cache_hit(reports),
        "compiles_after_ready": traffic.compiles_after_ready(reports),
    }


def _standings(snapshot: Snapshot, revisions: Revisions) -> tuple[RevisionStanding, ...]:
    numbers = {view.revision: view.number for view in snapshot.revisions}
    if revisions.updated is not None:
        numbers[revisions.updated] = revisions_kept.number_of(snapshot, revisions.updated)
    shown = [
        RevisionStanding(
            name=name,
            number=numbers.get(name, 0),
            replicas=revisions.replicas.get(name, count.desired),
            ready=count.ready,
        )
        for name, count in revisions.counts.items()
        if not count.gone or revisions.replicas.get(name)
    ]
    return tuple(sorted(shown, key=lambda each: (-each.number, each.name)))


def _with_gap(
    rollout: RolloutStanding | None, old: JaxServiceStatus, ready: int, now: datetime
) -> RolloutStanding | None:
    """Since when nothing is served, told where it is a rollout that does it."""
    if rollout is None or ready:
        return rollout.replace(unserved_since=None) if rollout is not None else None
    before = old.rollout
    known = before.unserved_since if before is not None else None
    return rollout.replace(unserved_since=known or now)
