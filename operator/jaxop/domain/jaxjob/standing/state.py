"""Where an attempt that goes on stands: a state, a reason, and a sentence for a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jaxop.api.v1alpha1.jaxjob_status import State
from jaxop.api.v1alpha1.labels import JAXJOB
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures.lost_pods import live_report
from jaxop.domain.jaxjob.failures.restarting import is_between_epochs, what_is_waited_for
from jaxop.domain.jaxjob.pods.placement import place
from jaxop.domain.jaxjob.pods.slice_placement import domain_key
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.standing import (
    container_start,
    image_pull,
    reasons,
    unschedulable,
    waiting,
)
from jaxop.domain.jaxjob.telling.startup import attempt_began
from jaxop.domain.jaxjob.views import GangReport, PodView

PATIENCE: Final = timedelta(seconds=60)
"""For all pods to exist, before somebody should look why they do not."""

SILENCE: Final = timedelta(seconds=10)
"""Without a report for so long, ready pods alone must do as a sign that the job runs."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`look_again` is in seconds, where time alone can change the answer."""

    state: State
    reason: str
    message: str
    look_again: float | None = None


def where_it_stands(
    snapshot: Snapshot, layout: SliceLayout, pods: Mapping[int, PodView], now: datetime
) -> Standing:
    """`pods` are those of the current attempt, by process."""
    report = live_report(snapshot, pods, now)
    if is_between_epochs(snapshot, layout, pods, report, now):
        return _problem(snapshot, pods, layout) or _restarting(snapshot, layout, pods, report, now)
    if report is not None and report.state != "Joining":
        return _of_gang(report, snapshot, layout)
    if report is None and _gang_runs(snapshot):
        return _as_before(snapshot)
    problem = _problem(snapshot, pods, layout)
    if problem is not None:
        return problem
    if len(pods) < layout.processes:
        return _creating(snapshot, len(pods), layout, now)
    started = sum(pod.phase != "Pending" for pod in pods.values())
    if report is not None and (report.missing or started == layout.processes):
        return _joining(report, snapshot, pods, layout)
    if started < layout.processes:
        return _quietly(snapshot, layout)
    return _without_report(snapshot, pods, layout, now)


def _of_gang(report: GangReport, snapshot: Snapshot, layout: SliceLayout) -> Standing:
    everyone = f"all {layout.processes} processes" if layout.processes > 1 else "the process"
    have, run = ("have", "run") if layout.processes > 1 else ("has", "runs")
    match report.state:
        case "Starting":
            message = f"{everyone} {have} joined; the program starts and JAX initialises"
            return Standing("Compiling", reasons.INITIALISING, message)
        case "Compiling":
            message = f"{everyone} {have} joined; the first step is being compiled"
            return Standing("Compiling", reasons.COMPILING, message)
        case "Running":
            return Standing("Running", reasons.PROGRAM_RUNNING, f"{everyone} {run}")
        case "Checkpointing":
            return Standing("Checkpointing", reasons.PREEMPTED, _who_is_stopped(report))
    if _gang_runs(snapshot):
        return _as_before(snapshot)
    return Standing("Running", reasons.PROGRAM_RUNNING, f"{everyone} {have} run")


def _gang_runs(snapshot: Snapshot) -> bool:
    """Or starts its next epoch: as the status has it."""
    status = snapshot.jaxjob.status
    if status.reason == reasons.QUOTA_LOST:
        return False
    in_place = status.state == "Restarting" and status.epoch is not None
    return in_place or status.state in ("Compiling", "Running", "Checkpointing")


def _who_is_stopped(report: GangReport) -> str:
    stop = report.stop
    if stop is None:
        return "a pod is being stopped, and the program saves a checkpoint"
    who = f"process {stop.process} ({stop.host})" if stop.host else f"process {stop.process}"
    saved = report.checkpoint_step
    last = f"; last checkpoint: step {saved}" if saved is not None else ""
    return (
        f"{who} was asked to stop: its pod is deleted, drained or preempted; "
        f"the program has its grace to save a checkpoint{last}"
    )


def _restarting(
    snapshot: Snapshot,
    layout: SliceLayout,
    pods: Mapping[int, PodView],
    report: GangReport | None,
    now: datetime,
) -> Standing:
    """The reason is that of the failure as far as it is told; the gang's own word otherwise."""
    old = snapshot.jaxjob.status
    message = what_is_waited_for(snapshot, layout, pods, report, now)
    said = report.restarts[-1].cause.cause if report is not None and report.restarts else None
    judged = old.failure.cause if old.failure is not None else None
    reason = judged if old.state == "Restarting" and judged else said or judged
    return Standing("Restarting", reason or "PeerLost", message)


def _problem(
    snapshot: Snapshot, pods: Mapping[int, PodView], layout: SliceLayout
) -> Standing | None:
    """What keeps pods from starting, the earliest obstacle first."""
    unplaced = [pod for pod in pods.values() if pod.unschedulable is not None and not pod.node]
    if unplaced:
        if snapshot.nodes_pending:
            return _as_before(snapshot, look_again=1.0)
        spec = {"tolerations": [], **snapshot.jaxjob.spec.template.get("spec", {})}
        place(spec, layout)
        message = unschedulable.explain(
            unplaced,
            layout,
            spec.get("nodeSelector") or {},
            spec["tolerations"],
            snapshot.nodes,
            domain_key(snapshot.jaxjob.spec, layout),
        )
        return Standing("Scheduling", reasons.UNSCHEDULABLE, message)
    alive = list(pods.values())
    message_or_none = image_pull.explain(alive, layout.processes)
    if message_or_none is not None:
        return Standing("Scheduling", reasons.IMAGE_PULL, message_or_none)
    message_or_none = container_start.explain(alive, layout.processes)
    if message_or_none is not None:
        return Standing("Scheduling", reasons.CONTAINER_CANNOT_START, message_or_none)
    return None


def _joining(
    report: GangReport, snapshot: Snapshot, pods: Mapping[int, PodView], layout: SliceLayout
) -> Standing:
    metadata = snapshot.jaxjob.metadata
    message = waiting.explain(report.missing, pods, layout, metadata.name, snapshot.attempt)
    return Standing("WaitingForPeers", reasons.PEERS_MISSING, message)


def _without_report(
    snapshot: Snapshot, pods: Mapping[int, PodView], layout: SliceLayout, now: datetime
) -> Standing:
    ready = sum(pod.counts_as_ready for pod in pods.values())
    silent = snapshot.silent_since
    if ready < layout.processes or silent is None:
        return _quietly(snapshot, layout)
    left = (silent + SILENCE - now).total_seconds()
    if left > 0:
        return _quietly(snapshot, layout, look_again=left)
    message = (
        f"all {layout.processes} pods are ready, but the launcher of process 0 gives no report; "
        "can the operator reach the pods (NetworkPolicy)?"
    )
    return Standing("Running", reasons.PODS_READY, message)


def _creating(snapshot: Snapshot, existing: int, layout: SliceLayout, now: datetime) -> Standing:
    """The Job controller makes pods within seconds, unless something forbids it to."""
    began = attempt_began(snapshot.jaxjob.status) or now
    left = (began + PATIENCE - now).total_seconds()
    if left > 0:
        return _quietly(snapshot, layout, look_again=left)
    metadata = snapshot.jaxjob.metadata
    jobs = f"kubectl describe jobs -n {metadata.namespace} -l {JAXJOB}={metadata.name}"
    message = f"only {existing} of {layout.processes} pods exist; see why: {jobs}"
    return Standing("Scheduling", reasons.CREATING_PODS, message)


def _quietly(snapshot: Snapshot, layout: SliceLayout, look_again: float | None = None) -> Standing:
    """Scheduling, while nothing is wrong: always in the same words, as the counts are in `hosts`
    and each change is a write. After a failure the word stays Restarting."""
    if snapshot.jaxjob.status.state == "Restarting":
        return _as_before(snapshot, look_again)
    pods = f"{layout.processes} pods are" if layout.processes > 1 else "the pod is"
    message = f"{pods} being created and started"
    return Standing("Scheduling", reasons.PODS_STARTING, message, look_again)


def _as_before(snapshot: Snapshot, look_again: float | None = None) -> Standing:
    old = snapshot.jaxjob.status
    if old.state is None or old.state in ("Pending", "Queued", "Suspended"):
        return Standing("Scheduling", reasons.PODS_STARTING, "pods start", look_again)
    return Standing(old.state, old.reason or "", old.message or "", look_again)
