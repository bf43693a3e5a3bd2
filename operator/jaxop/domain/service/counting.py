"""How many replicas of each revision there are to be, there are, and serve."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from jaxop.domain.service.rollout import Count
from jaxop.domain.service.snapshot import Snapshot
from jaxop.domain.service.views import ReplicaJobView, ReplicaPodView

ENDED: Final = frozenset({"Succeeded", "Failed"})

GONE: Final = timedelta(seconds=60)
"""After its grace period a pod that still seems to end is on a node that does not answer, and holds
up nobody."""


def counts(snapshot: Snapshot, now: datetime) -> Mapping[str, Count]:
    """By revision, of all that have a child or a pod."""
    pods = [view for view in snapshot.pods if _is_there(view, now)]
    found = (
        {d.revision for d in snapshot.deployments}
        | {j.revision for j in snapshot.replica_jobs}
        | {p.revision for p in pods}
    )
    return {
        revision: _count(snapshot, revision, [p for p in pods if p.revision == revision])
        for revision in sorted(found)
    }


def _is_there(view: ReplicaPodView, now: datetime) -> bool:
    gone_by = view.pod.gone_by
    return not view.pod.over and (gone_by is None or now < gone_by + GONE)


def _count(snapshot: Snapshot, revision: str, pods: list[ReplicaPodView]) -> Count:
    lone = [p for p in pods if p.replica is None]
    deployments = [d for d in snapshot.deployments if d.revision == revision]
    jobs = [j for j in snapshot.replica_jobs if j.revision == revision]
    staying = [j for j in jobs if not j.terminating]
    made = sum(d.existing if d.settled else max(1, d.existing) for d in deployments)
    left = {j.index for j in jobs} | {p.replica for p in pods if p.replica is not None}
    return Count(
        revision,
        desired=sum(d.replicas for d in deployments if not d.terminating) + len(staying),
        existing=max(len(lone), made) + len(left),
        ready=sum(p.serves for p in lone) + sum(serves(j, pods) for j in staying),
    )


def serves(job: ReplicaJobView, pods: list[ReplicaPodView]) -> bool:
    """A replica of several hosts: by its process 0."""
    if job.terminating or job.state in ENDED:
        return False
    return any(p.replica == job.index and p.serves for p in pods)
