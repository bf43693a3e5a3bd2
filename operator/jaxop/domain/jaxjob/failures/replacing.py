"""Which lost pods get their successors now, and which Jobs' templates that takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jaxop.api.plan import Manifest, ObjectRef
from jaxop.api.v1alpha1.jaxjob_status import FINISHED
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures.lost_pods import newest, on_dead_nodes, was_judged
from jaxop.domain.jaxjob.failures.pod_cause import ends_the_gang
from jaxop.domain.jaxjob.failures.restart import retry_at
from jaxop.domain.jaxjob.pods.gang import process_of
from jaxop.domain.jaxjob.pods.successor import name_for, successor
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import JobView, PodView

_GANG_EXISTS: Final = frozenset({"Compiling", "Running", "Checkpointing", "Restarting"})


@dataclass(frozen=True, slots=True)
class Replacing:
    create: tuple[Manifest, ...] = ()
    delete: tuple[ObjectRef, ...] = ()
    look_again: float | None = None


def replacing(
    snapshot: Snapshot, layout: SliceLayout, pods: Mapping[int, PodView], now: datetime
) -> Replacing:
    """`pods` are those of the current attempt, by process; all losses have been judged."""
    delete = tuple(_reference(snapshot, p) for p in on_dead_nodes(snapshot, layout, pods, now))
    needed = list(_needed(snapshot, layout, pods))
    if not needed:
        return Replacing(delete=delete)
    status, policy = snapshot.jaxjob.status, snapshot.jaxjob.spec.restart_policy
    at = retry_at(status, policy)
    if at is not None and at > now:
        return Replacing(delete=delete, look_again=(at - now).total_seconds())
    create = tuple(
        successor(template, index, name_for(job, index, after), status.restart_ledger)
        for job, index, after in needed
        if (template := snapshot.templates.get(job.uid)) is not None
    )
    return Replacing(create, delete)


def templates_wanted(snapshot: Snapshot) -> tuple[JobView, ...]:
    """Jobs that lose pods, or may be about to: asked for in time, a successor need not wait."""
    status = snapshot.jaxjob.status
    if snapshot.jaxjob.spec.suspend or status.state in FINISHED:
        return ()
    pods = snapshot.current_pods
    leaving = {p.slice_index for p in pods if p.terminating or p.failed}
    if not leaving and status.epoch is None:
        return ()
    if any(pod.failed and ends_the_gang(pod, in_place=True) for pod in pods):
        return ()
    counts: dict[int, int] = {}
    for pod in pods:
        counts[pod.slice_index] = counts.get(pod.slice_index, 0) + 1
    return tuple(
        job
        for job in snapshot.current_jobs
        if _makes_pods(job)
        and (job.slice_index in leaving or counts.get(job.slice_index, 0) < job.hosts)
    )


def _needed(
    snapshot: Snapshot, layout: SliceLayout, pods: Mapping[int, PodView]
) -> list[tuple[JobView, int, str]]:
    """(Job, index, what the new pod follows)."""
    status = snapshot.jaxjob.status
    jobs = {job.slice_index: job for job in snapshot.current_jobs if _makes_pods(job)}
    found = []
    for process in range(layout.processes):
        slice_index, index = divmod(process, layout.hosts)
        pod, job = pods.get(process), jobs.get(slice_index)
        if job is None or (pod is not None and not was_judged(snapshot, pod)):
            continue
        if pod is not None:
            lost = [p for p in snapshot.current_pods if process_of(p, layout) == process]
            last = newest(lost)
            found.append((job, index, last.uid if last is not None else pod.uid))
        elif status.epoch is not None and status.state in _GANG_EXISTS:
            found.append((job, index, f"{job.uid} {index} {status.epoch}"))
    return found


def _makes_pods(job: JobView) -> bool:
    return job.in_place and not (job.finished or job.terminating or job.suspended)


def _reference(snapshot: Snapshot, pod: PodView) -> ObjectRef:
    return ObjectRef("v1", "Pod", snapshot.jaxjob.metadata.namespace, pod.name, pod.uid)
