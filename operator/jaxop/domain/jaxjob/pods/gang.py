"""Who is who in the gang: processes by number, and the pods they run in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods import names
from jaxop.domain.jaxjob.views import PodView

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def process_of(pod: PodView, layout: SliceLayout) -> int:
    return pod.slice_index * layout.hosts + pod.index


def by_process(pods: Sequence[PodView], layout: SliceLayout) -> dict[int, PodView]:
    """The pod of each process; of several, one that is alive, and then the newest."""
    chosen: dict[int, PodView] = {}
    for pod in sorted(pods, key=_liveness):
        if pod.slice_index < layout.slices and pod.index < layout.hosts:
            chosen[process_of(pod, layout)] = pod
    return chosen


def _liveness(pod: PodView) -> tuple[bool, bool, datetime, str]:
    return (not pod.over, not pod.terminating, pod.created_at or _LONG_AGO, pod.name)


def host_of(jaxjob: str, attempt: int, process: int, layout: SliceLayout) -> str:
    return names.host(jaxjob, attempt, process // layout.hosts, process % layout.hosts)
