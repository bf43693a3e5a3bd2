"""Whom the gang waits for: the missing processes, and what their pods are doing."""

from collections.abc import Mapping, Sequence

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.gang import host_of
from jaxop.domain.jaxjob.views import PodView

SHOWN = 3


def explain(
    missing: Sequence[int],
    pods: Mapping[int, PodView],
    layout: SliceLayout,
    jaxjob: str,
    attempt: int,
) -> str:
    """`waiting for process 1 (digits-a0-s0-1: Pending, PodInitializing); 1 of 2 have joined`."""
    described = [
        f"process {number} ({host_of(jaxjob, attempt, number, layout)}: {_doing(pods.get(number))})"
        for number in missing[:SHOWN]
    ]
    more = len(missing) - len(described)
    rest = f" and {more} more" if more > 0 else ""
    joined = max(0, layout.processes - len(missing))
    return f"waiting for {', '.join(described)}{rest}; {joined} of {layout.processes} have joined"


def _doing(pod: PodView | None) -> str:
    if pod is None:
        return "no pod yet"
    if pod.terminating:
        return "being deleted"
    if pod.unschedulable is not None:
        return "Pending, not scheduled"
    held = next((w.reason for w in pod.waiting if w.reason), "")
    if held:
        return f"{pod.phase}, {held}"
    if pod.phase == "Running":
        return "Running, its launcher has not joined"
    return pod.phase
