"""The whole status, from the old one and what is new. What nobody names stays as it was."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from jaxop.api.v1alpha1.jaxjob_status import Hosts, JaxJobStatus, State
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.lifecycle.deadline import clock
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.telling.compilation import compilation
from jaxop.domain.jaxjob.telling.conditions import conditions
from jaxop.domain.jaxjob.telling.goodput import account
from jaxop.domain.jaxjob.telling.timeline import News, extend
from jaxop.domain.jaxjob.views import EpochEnd, PodView

_NOT_BEGUN: Final[frozenset[State]] = frozenset({"Pending", "Queued", "Suspended"})


def compose(
    snapshot: Snapshot,
    state: State,
    reason: str,
    message: str,
    now: datetime,
    *,
    ends: Sequence[EpochEnd] = (),
    **changes: Any,
) -> JaxJobStatus:
    """`changes` are fields of JaxJobStatus; `ends` are epochs that ended, not told before."""
    old, generation = snapshot.jaxjob.status, snapshot.jaxjob.metadata.generation
    attempt = changes.get("attempt", old.attempt)
    report = snapshot.current_report
    failure = changes.get("failure")
    news = News(failure if failure != old.failure else None, ends)
    spent = account(snapshot, state, attempt, failure.time if failure is not None else None, now)
    return old.replace(
        observed_generation=generation,
        state=state,
        reason=reason,
        message=message,
        conditions=conditions(old, state, reason, message, generation, now),
        timeline=extend(old.timeline, state, reason, attempt, report, now, news),
        start_time=old.start_time or (None if state in _NOT_BEGUN else now),
        goodput=spent.goodput,
        goodput_base=spent.base,
        compilation=compilation(snapshot, attempt),
        **clock(old, state, now),
        **changes,
    )


def hosts(pods: Mapping[int, PodView], layout: SliceLayout) -> Hosts:
    """`pods` are those of the current attempt, by process."""
    ready = sum(pod.counts_as_ready for pod in pods.values())
    return Hosts(wanted=layout.processes, ready=ready, summary=f"{ready}/{layout.processes}")


def all_done(layout: SliceLayout) -> Hosts:
    """Every host has done its part."""
    return Hosts(
        wanted=layout.processes,
        ready=layout.processes,
        summary=f"{layout.processes}/{layout.processes}",
    )


def none_ready(old: JaxJobStatus) -> Hosts | None:
    """For a job whose pods are being stopped."""
    if old.hosts is None:
        return None
    return old.hosts.replace(ready=0, summary=f"0/{old.hosts.wanted}")
