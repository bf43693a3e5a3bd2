"""Pods that are lost while their gang lives on, and waits for their successors.

Only of Jobs that restart in place, and only where nothing says that the gang has ended:

    failed                       its launcher was killed, or left with its pod (scope Pod)
    being deleted, and           it never had a node, or its grace has long passed, or its node is
      the gang misses it         not ready: nobody will ever say that it has ended

Each loss is judged once: the status names the pods whose loss is dealt with. It is written first;
the next pass makes the successors of exactly these pods, so a crash in between loses nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures.pod_cause import ended_at, ends_the_gang
from jaxop.domain.jaxjob.lifecycle.suspend import OVERDUE
from jaxop.domain.jaxjob.pods.gang import process_of
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import GangReport, JobView, PodView

UNHEARD: Final = timedelta(seconds=10)
"""A launcher 0 that does not answer for so long may be gone: longer than the gang's heartbeats."""

_EXACTNESS: Final = timedelta(seconds=1)


def mark(pod: PodView) -> str:
    """In status.lostPods."""
    return pod.uid


def was_judged(snapshot: Snapshot, pod: PodView) -> bool:
    return mark(pod) in snapshot.jaxjob.status.lost_pods


def live_report(
    snapshot: Snapshot, pods: Mapping[int, PodView], now: datetime
) -> GangReport | None:
    """What the gang says now. A report outlives the launcher that gave it."""
    zero, report = pods.get(0), snapshot.current_report
    if report is None or zero is None or zero.over:
        return None
    if snapshot.report_ip and zero.ip != snapshot.report_ip:
        return None
    unheard = snapshot.unheard_since
    return None if unheard is not None and now - unheard >= UNHEARD else report


def unjudged(
    snapshot: Snapshot, layout: SliceLayout, pods: Mapping[int, PodView], now: datetime
) -> tuple[PodView, ...]:
    """Lost pods that nobody has dealt with. `pods` are those of the current attempt, by process."""
    return tuple(
        pod
        for pod in snapshot.current_pods
        if not was_judged(snapshot, pod)
        and is_lost(snapshot, layout, pods, pod, now)
        and not _was_superfluous(pod, pods.get(process_of(pod, layout)))
    )


def nobody_lives(snapshot: Snapshot, pods: Mapping[int, PodView], lost: Sequence[PodView]) -> bool:
    """Whether no launcher of the gang is left that could tell a new one of it."""
    gone = {pod.uid for pod in lost}
    begun = snapshot.jaxjob.status.epoch is not None
    return not any(
        pod.uid not in gone and not pod.over and (pod.phase == "Running" or not begun)
        for pod in pods.values()
    )


def is_lost(
    snapshot: Snapshot,
    layout: SliceLayout,
    pods: Mapping[int, PodView],
    pod: PodView,
    now: datetime,
) -> bool:
    if pod.phase == "Succeeded" or not (pod.failed or pod.terminating):
        return False
    if _job_of(snapshot, pod) is None:
        return False
    if pod.failed:
        return not ends_the_gang(pod, in_place=True)
    if not pod.terminating or not _is_missed(snapshot, layout, pods, pod, now):
        return False
    return not pod.node or is_overdue(pod, now) or pod.node in snapshot.dead_nodes


def is_overdue(pod: PodView, now: datetime) -> bool:
    """Being deleted, and long since expected to be gone."""
    return pod.gone_by is not None and now >= pod.gone_by + OVERDUE


def on_dead_nodes(
    snapshot: Snapshot, layout: SliceLayout, pods: Mapping[int, PodView], now: datetime
) -> tuple[PodView, ...]:
    """Pods that the gang misses and whose node is not ready: to be deleted, since nobody else
    will for a while."""
    dead = snapshot.dead_nodes
    return tuple(
        pod
        for pod in pods.values()
        if pod.node in dead
        and not pod.over
        and not pod.terminating
        and _job_of(snapshot, pod) is not None
        and _is_missed(snapshot, layout, pods, pod, now)
    )


def nodes_matter(snapshot: Snapshot) -> bool:
    """Whether a pod may be on a node that is not ready. Its Ready condition is then set to False by
    Kubernetes, and its deletion comes to no end."""
    status = snapshot.jaxjob.status
    if status.epoch is None and status.state not in ("Restarting", "Checkpointing"):
        return False
    return any(
        pod.node
        and not pod.over
        and (pod.terminating or (pod.phase == "Running" and not (pod.ready or pod.program_ended)))
        for pod in snapshot.pods
    )


def _is_missed(
    snapshot: Snapshot,
    layout: SliceLayout,
    pods: Mapping[int, PodView],
    pod: PodView,
    now: datetime,
) -> bool:
    """A gang that still runs with a process whose node is silent is left alone."""
    report = live_report(snapshot, pods, now)
    if report is not None:
        return process_of(pod, layout) in report.missing
    zero = pods.get(0)
    if zero is None or zero.over:
        return True
    since = snapshot.unheard_since or snapshot.silent_since
    return since is not None and now - since >= UNHEARD


def _was_superfluous(pod: PodView, other: PodView | None) -> bool:
    """One of two that were made for the same process lived beside it, and was removed."""
    if other is None or other.uid == pod.uid or other.over or other.terminating:
        return False
    end, born = ended_at(pod), other.created_at
    return end is not None and born is not None and born + _EXACTNESS < end


def _job_of(snapshot: Snapshot, pod: PodView) -> JobView | None:
    """The Job that restarts in place and still makes pods."""
    return next(
        (
            job
            for job in snapshot.current_jobs
            if job.slice_index == pod.slice_index
            and job.in_place
            and not (job.finished or job.terminating or job.suspended)
        ),
        None,
    )


def newest(pods: Iterable[PodView]) -> PodView | None:
    """Of one process, the one that was made last."""
    known = [pod for pod in pods if pod.created_at is not None]
    return max(known, key=lambda pod: (pod.created_at, pod.name), default=None)
