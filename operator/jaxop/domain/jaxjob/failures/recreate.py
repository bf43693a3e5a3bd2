"""A lost pod's successor that does not come: then all pods are made anew.

On a TPU slice a single host cannot be replaced: a pod that is bound to its peers' slice stays
unschedulable for ever, and the slice has to be placed anew as a whole. Waiting has a price too, as
the other hosts stand still; where the cluster is merely full, nothing is lost that ran.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures.lost_pods import live_report
from jaxop.domain.jaxjob.failures.restarting import not_running
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import PodView

UNPLACED: Final = timedelta(seconds=60)
"""So long may the scheduler try."""

NOT_JOINED: Final = timedelta(seconds=300)
"""So long may a successor take from its creation until it joins: images, volumes, a slow start."""


def why(
    snapshot: Snapshot, layout: SliceLayout, pods: Mapping[int, PodView], now: datetime
) -> tuple[str | None, float | None]:
    """A sentence where all pods are to be made anew; else seconds until that may have changed."""
    if snapshot.jaxjob.status.epoch is None:
        return None, None
    report, soonest = live_report(snapshot, pods, now), None
    joining = report is not None and report.state == "Joining"
    missing = report.missing if joining and report is not None else not_running(layout, pods)
    for process in missing:
        pod = pods.get(process)
        if pod is None or pod.over or pod.terminating or pod.created_at is None:
            continue
        unplaced = pod.unschedulable is not None and not pod.node
        left = (pod.created_at + (UNPLACED if unplaced else NOT_JOINED) - now).total_seconds()
        if left <= 0:
            return _sentence(process, pod, unplaced), None
        soonest = left if soonest is None else min(soonest, left)
    return None, soonest


def _sentence(process: int, pod: PodView, unplaced: bool) -> str:
    who = f"the new pod of process {process} ({pod.name})"
    if unplaced:
        return f"{who} could not be scheduled for {UNPLACED.total_seconds():.0f} s"
    return f"{who} has not joined the others for {NOT_JOINED.total_seconds():.0f} s"
