"""Where a gang stands between two epochs: what failed, and what is waited for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.standing import waiting
from jaxop.domain.jaxjob.views import GangReport, PodView

_BELIEVED: Final = timedelta(seconds=30)
"""So long a loss is believed rather than a report that knows nothing of it."""

_ENDED: Final = frozenset({"Succeeded", "Failed"})


def is_between_epochs(
    snapshot: Snapshot,
    layout: SliceLayout,
    pods: Mapping[int, PodView],
    report: GangReport | None,
    now: datetime,
) -> bool:
    """`report` is the gang's present one, if there is any; it may be some seconds old, so that a
    process whose pod is only starting belies it."""
    if report is not None and report.state == "Restarting":
        return True
    if snapshot.jaxjob.status.epoch is None and not (report is not None and report.restarts):
        return False
    if report is not None and report.state in _ENDED:
        return False
    if report is not None and _is_from_before_the_loss(snapshot, report, now):
        return True
    if report is not None and report.state == "Joining":
        return True
    return not all(_has_joined(pods.get(each), report) for each in not_running(layout, pods))


def _has_joined(pod: PodView | None, report: GangReport | None) -> bool:
    """The gang knows sooner than the kubelet tells that a pod's containers run. A successor is
    younger than the gang that it is to join."""
    joined = report.times.all_joined if report is not None else None
    if pod is None or pod.created_at is None or joined is None:
        return False
    return pod.phase == "Pending" and pod.created_at <= joined


def _is_from_before_the_loss(snapshot: Snapshot, report: GangReport, now: datetime) -> bool:
    """A pod's loss may be known before the gang has been asked again: it cannot go on without a
    new epoch."""
    status = snapshot.jaxjob.status
    failure, epoch = status.failure, status.epoch
    if status.state != "Restarting" or not status.lost_pods or failure is None or epoch is None:
        return False
    recent = failure.time is not None and now - failure.time < _BELIEVED
    told = report.ledger is not None and report.ledger.restarts > status.restarts
    return recent and not told and report.epoch <= epoch


def what_is_waited_for(
    snapshot: Snapshot,
    layout: SliceLayout,
    pods: Mapping[int, PodView],
    report: GangReport | None,
    now: datetime,
) -> str:
    """`process 1 (...) ...: why; waiting for ...`."""
    last = report.restarts[-1] if report is not None and report.restarts else None
    failure = snapshot.jaxjob.status.failure
    failed = last.cause.message if last is not None else failure.message if failure else ""
    joining = report is not None and report.state == "Joining"
    missing = report.missing if joining and report is not None else not_running(layout, pods)
    if missing:
        name = snapshot.jaxjob.metadata.name
        doing = waiting.explain(missing, pods, layout, name, snapshot.attempt)
    elif last is not None and last.retry_at is not None and last.retry_at > now:
        at = last.retry_at.astimezone(UTC)
        doing = f"the programs start again at {at:%H:%M:%S} UTC, as the same has failed before"
    else:
        doing = "the programs start again"
    return f"{failed}; {doing}" if failed else doing


def not_running(layout: SliceLayout, pods: Mapping[int, PodView]) -> tuple[int, ...]:
    """Processes whose pod is not there, has not started, or is lost."""
    return tuple(
        process
        for process in range(layout.processes)
        if (pod := pods.get(process)) is None or pod.phase == "Pending" or pod.failed
    )
