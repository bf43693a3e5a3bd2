"""From how many replicas each revision is to have to what is written and deleted.

A Deployment is written only to change its size. Of replicas of several hosts those that do not
serve go first; one that has ended is deleted a while later, and made anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jaxop.api.plan import Manifest, ObjectRef
from jaxop.domain.service.children.deployment import new_deployment, scaled_deployment
from jaxop.domain.service.children.replica_job import reference, replica_job
from jaxop.domain.service.counting import ENDED, serves
from jaxop.domain.service.replica import Described
from jaxop.domain.service.snapshot import Snapshot
from jaxop.domain.service.views import DeploymentView, ReplicaJobView

SHOWN: Final = timedelta(seconds=60)
"""How long a replica of several hosts that has ended stays, for its cause to be read and so that
one that always fails is not made anew all the time."""


@dataclass(frozen=True, slots=True)
class Scaling:
    apply: tuple[Manifest, ...] = ()
    create: tuple[Manifest, ...] = ()
    delete: tuple[ObjectRef, ...] = ()
    look_again: float | None = None


def scaled(
    snapshot: Snapshot,
    replicas: Mapping[str, int],
    described: Mapping[str, Described],
    now: datetime,
) -> Scaling:
    """`described`: the revisions of which replicas can be made."""
    parts = [_one(snapshot, r, n, described.get(r), now) for r, n in replicas.items()]
    return Scaling(
        apply=tuple(m for part in parts for m in part.apply),
        create=tuple(m for part in parts for m in part.create),
        delete=tuple(r for part in parts for r in part.delete),
        look_again=min((p.look_again for p in parts if p.look_again is not None), default=None),
    )


def _one(
    snapshot: Snapshot, revision: str, count: int, described: Described | None, now: datetime
) -> Scaling:
    jobs = [j for j in snapshot.replica_jobs if j.revision == revision]
    if jobs or (described is not None and described.several_hosts):
        return _replicas_of_hosts(snapshot, jobs, count, described, now)
    there = next((d for d in snapshot.deployments if d.revision == revision), None)
    if there is None:
        if described is None or count == 0:
            return Scaling()
        return Scaling(apply=(new_deployment(snapshot.service, described, count),))
    if there.terminating or there.replicas == count:
        return Scaling()
    return Scaling(apply=(scaled_deployment(snapshot.service, there, count),))


def _replicas_of_hosts(
    snapshot: Snapshot,
    jobs: list[ReplicaJobView],
    count: int,
    described: Described | None,
    now: datetime,
) -> Scaling:
    staying = [job for job in jobs if not job.terminating]
    if len(staying) > count:
        pods = list(snapshot.pods)
        of_it = [p for p in pods if staying[0].revision == p.revision]
        staying.sort(key=lambda job: (serves(job, of_it), -job.index))
        going = staying[: len(staying) - count]
        return Scaling(delete=tuple(reference(snapshot, job) for job in going))
    taken = {job.index for job in jobs}
    free = (index for index in range(count + len(jobs)) if index not in taken)
    create = (
        ()
        if described is None
        else tuple(
            replica_job(snapshot, described.revision, next(free))
            for _ in range(count - len(staying))
        )
    )
    waits = {job: _seconds_shown(job, now) for job in staying if job.state in ENDED}
    over = tuple(reference(snapshot, job) for job, wait in waits.items() if wait <= 0)
    return Scaling(
        create=create,
        delete=over,
        look_again=min((wait for wait in waits.values() if wait > 0), default=None),
    )


def _seconds_shown(job: ReplicaJobView, now: datetime) -> float:
    if job.completed_at is None:
        return 0.0
    return (job.completed_at + SHOWN - now).total_seconds()


def deletion(snapshot: Snapshot, deployment: DeploymentView) -> ObjectRef:
    namespace = snapshot.service.metadata.namespace
    return ObjectRef("apps/v1", "Deployment", namespace, deployment.name, deployment.uid)
