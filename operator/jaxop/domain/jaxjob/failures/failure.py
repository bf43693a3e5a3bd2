"""What ended an attempt: the first real cause, told apart from its consequences.

A gang ends when its launchers end with the gang's last words (scope Gang), or with a code that says
so, or when its Job fails or goes. A pod that is lost while the gang lives on is for `lost_pods`.
Why a pod failed is read by `pod_cause`, the same for both. The earliest real cause counts;
PeerLost, which is what the others see of any of them, only where nothing better turns up.

    cause              evidence, best first
    ProgramError       an uncaught exception, exit code or signal, as the launcher classified it; a
                       container that ended with a code and no word from a launcher
    DeviceOutOfMemory  RESOURCE_EXHAUSTED
    HostOutOfMemory    the memory cgroup's oom_kill, seen by the launcher; an OOMKilled container
    NumericalError     FloatingPointError, jax_debug_nans
    CompileFailed      XLA's error while it compiled
    DeviceMismatch     preflight, before the first step
    Preempted          DisruptionTarget, but for those below; an eviction; a deleted pod; a stop
                       signal from outside, as the launcher saw it
    NodeLost           DisruptionTarget DeletionByTaintManager or DeletionByPodGC; a node that is
                       not ready while the gang misses its process
    PeerLost           a launcher that vanished or was killed, and nothing says by whom; a Job that
                       failed or was deleted without a word
    Deadline           not all processes in jax.distributed.initialize in time; the Job's own
                       deadline; spec.activeDeadlineSeconds (`deadline`)

    cause              by default                       what the user should do
    ProgramError       in place; counts                 read the last lines: kubectl logs
    DeviceOutOfMemory  in place; counts                 smaller batch, more sharding, remat
    HostOutOfMemory    in place, or a new pod where     raise the memory limit, load less
                       the launcher died too; counts
    NumericalError     in place; counts                 data, learning rate
    CompileFailed      in place; counts                 the message is the compiler's
    DeviceMismatch     in place; counts                 compare image and spec.accelerator
    Preempted          a new pod for the lost one;      a priority class, or nodes that are not
                       exempt                           reclaimed
    NodeLost           a new pod for the lost one;      nothing: it was not the program
                       exempt
    PeerLost           a new pod for the lost one, or   look at its pod's and node's events
                       in place; counts
    Deadline           in place; counts. Of the whole   see where one process hangs before
                       job: Failed                      initialize; a longer deadline

In place means the same pods and the next epoch. A failure of the program (the first six) that
comes a second time in a row at the same step gets new pods for all; the third time the job is
Failed (`restart_policy`). ImagePull and Unschedulable end no attempt: they are shown while they
last (`image_pull`, `unschedulable`), but a successor that cannot be placed makes all pods anew
(`recreate`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures.lost_pods import was_judged
from jaxop.domain.jaxjob.failures.pod_cause import CONSEQUENCE, cause_of, ends_the_gang
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import Cause, JobView, PodView

SETTLE: Final = timedelta(seconds=3)
"""A cause that is only a consequence waits this long for the pod that has the real one."""

LATE: Final = timedelta(seconds=45)
"""For so long an ended Job's pods may seem to run because a watch was cut off."""

ABSENCE: Final = timedelta(seconds=6)
"""For so long a Job may be missing only because news of the job came before news of its Jobs."""

_GANG_EXISTS: Final = frozenset({"WaitingForPeers", "Compiling", "Running"})


@dataclass(frozen=True, slots=True)
class Failed:
    """`final`: no more evidence is to be expected, or it would not change the verdict."""

    cause: Cause
    final: bool


def find_failure(snapshot: Snapshot, layout: SliceLayout, now: datetime) -> Failed | None:
    """None while the current gang has not ended badly."""
    pods, jobs = snapshot.current_pods, snapshot.current_jobs
    in_place = {job.slice_index for job in jobs if job.in_place}
    failed_pods = [pod for pod in pods if pod.failed and not was_judged(snapshot, pod)]
    ended = any(ends_the_gang(pod, pod.slice_index in in_place) for pod in failed_pods)
    failed_jobs = [job for job in jobs if job.failed is not None]
    lost = _lost_jobs(snapshot, layout)
    if not ended and not failed_jobs and not lost:
        return None
    causes = list(_evidence(snapshot, failed_pods, layout))
    if causes:
        best = min(causes, key=rank)
        if best.cause != CONSEQUENCE:
            return Failed(best, final=True)
        settled = all(pod.over for pod in pods) or _settled(failed_pods, now)
        return Failed(best, final=settled)
    if failed_jobs:
        return Failed(_of_job(failed_jobs[0]), final=_has_told_all(snapshot, failed_jobs, now))
    since = snapshot.jobs_missing_since
    believed = any(job.terminating for job in jobs) or (
        since is not None and not timedelta(0) <= now - since < ABSENCE
    )
    cause = Cause(CONSEQUENCE, f"Job {lost[0]} was deleted while its pods ran")
    return Failed(cause, final=believed)


def rank(cause: Cause) -> tuple[bool, float, int]:
    """The best evidence first."""
    when = cause.time.timestamp() if cause.time else float("inf")
    return (cause.cause == CONSEQUENCE, when, cause.process or 0)


def _lost_jobs(snapshot: Snapshot, layout: SliceLayout) -> Sequence[str]:
    """Jobs that somebody deletes or has deleted. Before the gang runs, a Job that is not there
    may not have been created yet."""
    from_somebody = [job.name for job in snapshot.current_jobs if job.terminating]
    status = snapshot.jaxjob.status
    exists = status.state in _GANG_EXISTS or status.epoch is not None
    if from_somebody or not exists:
        return from_somebody
    there = {job.slice_index for job in snapshot.current_jobs}
    return [f"of slice {i}" for i in range(layout.slices) if i not in there]


def _evidence(
    snapshot: Snapshot, failed_pods: Sequence[PodView], layout: SliceLayout
) -> Iterable[Cause]:
    report = snapshot.current_report
    if report is not None and report.state == "Failed" and report.cause is not None:
        yield report.cause
    dead = snapshot.dead_nodes
    for pod in failed_pods:
        yield cause_of(pod, layout, dead)


def _of_job(job: JobView) -> Cause:
    cause = "Deadline" if job.failed == "DeadlineExceeded" else CONSEQUENCE
    said = job.failed_message or job.failed or ""
    return Cause(cause, f"Job {job.name} failed and its pods are gone: {said}")


def _has_told_all(snapshot: Snapshot, failed_jobs: Sequence[JobView], now: datetime) -> bool:
    """News of a Job and of its pods come apart: none of them is known to have failed yet. While one
    is believed to run, which it cannot, the news of it are late."""
    slices = {job.slice_index for job in failed_jobs}
    pods = [pod for pod in snapshot.current_pods if pod.slice_index in slices]
    patience = LATE if any(not (pod.over or pod.terminating) for pod in pods) else SETTLE
    times = [job.failed_at for job in failed_jobs if job.failed_at is not None]
    return not times or not timedelta(0) <= now - min(times) < patience


def _settled(broken: Sequence[PodView], now: datetime) -> bool:
    ends = [end.finished_at for pod in broken for end in pod.ends if end.finished_at]
    return not ends or not timedelta(0) <= now - min(ends) < SETTLE
