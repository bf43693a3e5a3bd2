"""What ended an attempt: the first real cause, told apart from its consequences.

Evidence, best first; within one kind of evidence the earliest counts.

    what a launcher wrote into its termination message or report     its cause, as classified
    the pod's DisruptionTarget condition, or an eviction             Preempted or NodeLost
    a container killed for memory                                    HostOutOfMemory
    a container that ended with a code and no word from a launcher   ProgramError
    a launcher that only lost a peer                                 PeerLost
    a Job that failed, or vanished, without any of these             PeerLost
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from jaxop.domain import contract
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.gang import process_of
from jaxop.domain.jaxjob.launcher_reading import read_last_words
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import Cause, ContainerEnd, JobView, PodView

SETTLE: Final = timedelta(seconds=3)
"""A cause that is only a consequence waits this long for the pod that has the real one."""

CONSEQUENCE: Final = "PeerLost"

_NODE_LOST: Final = frozenset({"DeletionByTaintManager", "DeletionByPodGC"})


@dataclass(frozen=True, slots=True)
class Failed:
    """`final`: no more evidence is to be expected, or it would not change the verdict."""

    cause: Cause
    final: bool


def find_failure(snapshot: Snapshot, layout: SliceLayout, now: datetime) -> Failed | None:
    """None while the current attempt has not failed."""
    pods, jobs = snapshot.current_pods, snapshot.current_jobs
    broken = [pod for pod in pods if pod.failed]
    failed_jobs = [job for job in jobs if job.failed is not None]
    lost = _lost_jobs(snapshot, layout)
    if not broken and not failed_jobs and not lost:
        return None
    causes = list(_evidence(snapshot, broken, layout))
    if causes:
        best = min(causes, key=_rank)
        if best.cause != CONSEQUENCE:
            return Failed(best, final=True)
        settled = all(pod.over for pod in pods) or _settled(broken, now)
        return Failed(best, final=settled)
    if failed_jobs:
        return Failed(_of_job(failed_jobs[0]), final=True)
    return Failed(Cause(CONSEQUENCE, f"Job {lost[0]} was deleted while its pods ran"), final=True)


def _lost_jobs(snapshot: Snapshot, layout: SliceLayout) -> Sequence[str]:
    """Jobs that somebody deletes or has deleted. Before the gang runs, a Job that is not there
    may not have been created yet."""
    from_somebody = [job.name for job in snapshot.current_jobs if job.terminating]
    if from_somebody or snapshot.jaxjob.status.state not in _GANG_EXISTS:
        return from_somebody
    there = {job.slice_index for job in snapshot.current_jobs}
    return [f"of slice {i}" for i in range(layout.slices) if i not in there]


_GANG_EXISTS: Final = frozenset({"WaitingForPeers", "Compiling", "Running"})


def _evidence(
    snapshot: Snapshot, broken: Sequence[PodView], layout: SliceLayout
) -> Iterable[Cause]:
    report = snapshot.current_report
    if report is not None and report.state == "Failed" and report.cause is not None:
        yield report.cause
    for pod in broken:
        yield _of_pod(pod, layout)


def _of_pod(pod: PodView, layout: SliceLayout) -> Cause:
    process, ended = process_of(pod, layout), _bad_end(pod)
    words = read_last_words(ended.message) if ended else None
    said = words.cause if words else None
    if said is not None and said.cause != CONSEQUENCE:
        killed = ended is not None and ended.reason == "OOMKilled" and said.signal == 9
        return replace(said, cause="HostOutOfMemory") if killed else said
    disruption = _of_disruption(pod, process)
    if disruption is not None:
        return disruption
    if said is not None:
        return said
    return _of_container(pod, process, ended)


def _of_disruption(pod: PodView, process: int) -> Cause | None:
    where = f"process {process} ({pod.name})"
    on_node = f" on node {pod.node}" if pod.node else ""
    if pod.disruption is not None:
        cause = "NodeLost" if pod.disruption in _NODE_LOST else "Preempted"
        message = f"{where} was removed{on_node}: {pod.disruption}"
    elif pod.reason in ("Evicted", "Preempting", "Terminated", "Shutdown"):
        cause = "Preempted"
        message = f"{where} was evicted{on_node}: {pod.message or pod.reason}"
    elif pod.reason in ("NodeLost", "NodeAffinity", "UnexpectedAdmissionError"):
        cause, message = "NodeLost", f"{where} failed{on_node}: {pod.message or pod.reason}"
    else:
        return None
    return Cause(cause, message, process=process, host=pod.name)


def _of_container(pod: PodView, process: int, ended: ContainerEnd | None) -> Cause:
    where = f"process {process} ({pod.name})"
    if ended is None:
        message = f"{where} failed: {pod.message or pod.reason or 'the pod does not say why'}"
        return Cause(CONSEQUENCE, message, process=process, host=pod.name)
    signal = ended.signal or (ended.exit_code - 128 if 128 < ended.exit_code < 160 else None)
    which = "" if ended.container == contract.CONTAINER else f"container {ended.container} of "
    if ended.reason == "OOMKilled":
        cause = "HostOutOfMemory"
        message = f"{which}{where} was killed: it used more memory than its limit"
    elif signal is not None:
        cause, message = "ProgramError", f"{which}{where} was killed by signal {signal}"
    else:
        cause, message = "ProgramError", f"{which}{where} exited with {ended.exit_code}"
        last_words = _last_line(ended.message)
        message += f": {last_words}" if last_words else ""
    return Cause(
        cause,
        message,
        process=process,
        host=pod.name,
        exit_code=ended.exit_code,
        signal=signal,
        time=ended.finished_at,
    )


def _of_job(job: JobView) -> Cause:
    cause = "Deadline" if job.failed == "DeadlineExceeded" else CONSEQUENCE
    said = job.failed_message or job.failed or ""
    return Cause(cause, f"Job {job.name} failed and its pods are gone: {said}")


def _bad_end(pod: PodView) -> ContainerEnd | None:
    """The end that matters: the program's, or else the first that was not a success."""
    bad = [end for end in pod.ends if end.exit_code != 0]
    programs = [end for end in bad if end.container == contract.CONTAINER]
    return next(iter(programs or bad), None)


def _rank(cause: Cause) -> tuple[bool, float, int]:
    when = cause.time.timestamp() if cause.time else float("inf")
    return (cause.cause == CONSEQUENCE, when, cause.process or 0)


def _settled(broken: Sequence[PodView], now: datetime) -> bool:
    ends = [end.finished_at for pod in broken for end in pod.ends if end.finished_at]
    return not ends or not timedelta(0) <= now - min(ends) < SETTLE


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:256] if lines else ""
