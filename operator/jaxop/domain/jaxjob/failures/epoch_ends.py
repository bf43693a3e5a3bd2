"""Epochs that ended and are followed by another, as the gang tells of them.

The gang's ledger counts restarts, so whatever it counts beyond the status is new. Of several that
passed between two looks the last is told, with how many there were.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jaxop.api.v1alpha1.jaxjob_status import Failure, RestartLedger
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures import ledger
from jaxop.domain.jaxjob.failures.failure import SETTLE
from jaxop.domain.jaxjob.failures.lost_pods import was_judged
from jaxop.domain.jaxjob.failures.pod_cause import ended_at
from jaxop.domain.jaxjob.failures.restart import failure_of
from jaxop.domain.jaxjob.failures.restart_policy import merged
from jaxop.domain.jaxjob.pods.gang import process_of
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.telling.timeline import current_epoch
from jaxop.domain.jaxjob.views import EpochEnd, GangReport

_BETWEEN: Final = frozenset({"Joining", "Restarting", "Stopping"})
_OF_A_POD: Final = frozenset({"PeerLost", "Preempted"})
_SAME_EVENT: Final = timedelta(seconds=60)
_SAME_MOMENT: Final = timedelta(seconds=10)
"""Of several pods that are lost together, the gang may name another than the operator."""


@dataclass(frozen=True, slots=True)
class News:
    """`ends` are new, oldest first. `held_seconds`: the last of them may still turn out to be a
    lost pod, whose own cause is worth waiting for. `of_judged_pod`: it has turned out to be one."""

    ends: tuple[EpochEnd, ...] = ()
    held_seconds: float = 0.0
    of_judged_pod: bool = False

    @property
    def counts(self) -> bool:
        return bool(self.ends) and self.held_seconds == 0


def news(snapshot: Snapshot, layout: SliceLayout, now: datetime) -> News:
    report = snapshot.current_report
    ends = _new(snapshot, report)
    if report is None or not ends:
        return News()
    last = ends[-1]
    if _is_of_judged_pod(snapshot, layout, last):
        return News(ends, of_judged_pod=True)
    if last.cause.cause in _OF_A_POD and report.state in _BETWEEN and last.cause.time is not None:
        left = (last.cause.time + SETTLE - now).total_seconds()
        return News(ends, held_seconds=max(0.0, min(left, SETTLE.total_seconds())))
    return News(ends)


def epoch_begun(snapshot: Snapshot) -> int | None:
    """None until the first epoch of the attempt has begun."""
    old, report = snapshot.jaxjob.status.epoch, snapshot.current_report
    if report is None or (report.state == "Joining" and not report.restarts):
        return old
    return current_epoch(report) or old


def ledger_told(snapshot: Snapshot, told: News) -> RestartLedger | None:
    """What status.restartLedger is now; None as long as nothing has happened."""
    mine, report = snapshot.jaxjob.status.restart_ledger, snapshot.current_report
    theirs = report.ledger if report is not None else None
    if theirs is None or (told.ends and not told.counts):
        return mine
    joined = merged(mine or ledger.EMPTY, theirs)
    if told.of_judged_pod and mine is not None:
        joined = joined.replace(last=mine.last)
    return joined if mine is not None or joined != ledger.EMPTY else None


def failure_told(snapshot: Snapshot, told: News, now: datetime) -> Failure | None:
    """What status.failure is now. The pod's own cause, once judged, is better than what the others
    saw of it."""
    if not told.counts or told.of_judged_pod:
        return snapshot.jaxjob.status.failure
    return failure_of(snapshot, told.ends[-1].cause, now)


def _new(snapshot: Snapshot, report: GangReport | None) -> tuple[EpochEnd, ...]:
    if report is None or report.ledger is None:
        return ()
    count = report.ledger.restarts - ledger.ours(snapshot).restarts
    return report.restarts[-count:] if count > 0 else ()


def _is_of_judged_pod(snapshot: Snapshot, layout: SliceLayout, end: EpochEnd) -> bool:
    if end.cause.cause not in _OF_A_POD:
        return False
    at = end.cause.time
    status = snapshot.jaxjob.status
    known = status.failure.time if status.failure is not None and status.lost_pods else None
    if at is not None and known is not None and status.failure is not None:
        same_process = status.failure.process == end.cause.process
        if abs(known - at) <= (_SAME_EVENT if same_process else _SAME_MOMENT):
            return True
    for pod in snapshot.current_pods:
        if process_of(pod, layout) == end.cause.process and was_judged(snapshot, pod):
            ended = ended_at(pod)
            if at is None or ended is None or abs(ended - at) <= _SAME_EVENT:
                return True
    return False
