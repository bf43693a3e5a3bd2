"""Who is who in the gang: processes by number, and the pods they run in."""

from collections.abc import Sequence

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob import names
from jaxop.domain.jaxjob.views import PodView


def process_of(pod: PodView, layout: SliceLayout) -> int:
    return pod.slice_index * layout.hosts + pod.index


def by_process(pods: Sequence[PodView], layout: SliceLayout) -> dict[int, PodView]:
    """The pod of each process; of several, one that is alive, and then the newest."""
    chosen: dict[int, PodView] = {}
    for pod in sorted(pods, key=_liveness):
        if pod.slice_index < layout.slices and pod.index < layout.hosts:
            chosen[process_of(pod, layout)] = pod
    return chosen


def _liveness(pod: PodView) -> tuple[bool, bool, float, str]:
    created = pod.created_at.timestamp() if pod.created_at else 0.0
    return (not pod.over, not pod.terminating, created, pod.name)


def host_of(jaxjob: str, attempt: int, process: int, layout: SliceLayout) -> str:
    return names.host(jaxjob, attempt, process // layout.hosts, process % layout.hosts)
