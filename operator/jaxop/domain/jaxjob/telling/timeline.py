"""When the job entered which state, from the launcher's own times where it gave them.

Status is written less often than states pass by: those that passed between two writes are filled
in from the report, so that the timeline is true however often the operator looked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jaxop.api.v1alpha1.jaxjob_status import (
    TIMELINE_LENGTH,
    Failure,
    State,
    TimelineEntry,
)
from jaxop.domain.jaxjob.standing import reasons
from jaxop.domain.jaxjob.views import EpochEnd, GangReport, GangTimes

_STATIONS: Final[tuple[tuple[State, str], ...]] = (
    ("WaitingForPeers", reasons.PEERS_MISSING),
    ("Compiling", reasons.INITIALISING),
    ("Running", reasons.PROGRAM_RUNNING),
)
_ORDER: Final[tuple[State, ...]] = tuple(state for state, _ in _STATIONS)
_OF_AN_EPOCH: Final[frozenset[State]] = frozenset(
    {"Compiling", "Running", "Checkpointing", "Restarting"}
)


@dataclass(frozen=True, slots=True)
class News:
    """What is told with a status for the first time."""

    failure: Failure | None = None
    ends: Sequence[EpochEnd] = ()
    """Oldest first; `failure` is that of the last, where there is any."""


NOTHING_NEW: Final = News()


def extend(
    timeline: tuple[TimelineEntry, ...],
    state: State,
    reason: str,
    attempt: int,
    report: GangReport | None,
    now: datetime,
    news: News = NOTHING_NEW,
) -> tuple[TimelineEntry, ...]:
    """The timeline with the state entered, if it is a new one. Times never go backwards."""
    entries = list(timeline)
    ours = report if report is not None and report.attempt == attempt else None
    for end in news.ends:
        _ended(entries, end, attempt, now, is_last=end is news.ends[-1], failure=news.failure)
    last = entries[-1] if entries else None
    if last is None or _entered(last, state, reason, attempt):
        times, epoch = report.times if report is not None else GangTimes(), current_epoch(report)
        for station, why in _skipped(last, state, times, epoch):
            of = report.attempt if report is not None else 0
            _add(entries, station, why, of, epoch, _time_of(station, times, epoch), now)
        at = _time_of(state, times, epoch) if ours is not None else None
        failure = news.failure if state in ("Restarting", "Failed") else None
        if failure is not None:
            at = failure.time
        _add(entries, state, reason, attempt, current_epoch(ours), at, now, failure)
    return tuple(entries[-TIMELINE_LENGTH:])


def current_epoch(report: GangReport | None) -> int | None:
    """Also while it has failed and the next one has not begun; None before the first."""
    if report is None:
        return None
    last = report.restarts[-1] if report.restarts else None
    if last is not None and last.spawned is None:
        return last.epoch
    return report.epoch or None


def _ended(
    entries: list[TimelineEntry],
    end: EpochEnd,
    attempt: int,
    now: datetime,
    *,
    is_last: bool,
    failure: Failure | None,
) -> None:
    cause, last = end.cause, entries[-1] if entries else None
    told = last is not None and (last.state, last.attempt) == ("Restarting", attempt)
    if not told or last is None or last.epoch not in (None, end.epoch):
        said = failure if is_last else None
        _add(entries, "Restarting", cause.cause, attempt, end.epoch, cause.time, now, said)
    if not is_last and end.spawned is not None:
        starts = reasons.INITIALISING
        _add(entries, "Compiling", starts, attempt, end.epoch + 1, end.spawned, now)


def _entered(last: TimelineEntry, state: State, reason: str, attempt: int) -> bool:
    if (last.state, last.attempt) != (state, attempt):
        return True
    return last.reason != reason and not reasons.PROBLEMS.isdisjoint({last.reason, reason})


def _skipped(
    last: TimelineEntry | None, state: State, times: GangTimes, epoch: int | None
) -> list[tuple[State, str]]:
    """The stations between the last entry and the new state that the report has times for."""
    if state in ("Pending", "Queued", "Scheduling", "Suspended", "Restarting"):
        return []
    first = _ORDER.index(last.state) + 1 if last and last.state in _ORDER else 0
    if (epoch or 1) > 1:
        first = max(first, _ORDER.index("Compiling"))
    end = _ORDER.index(state) if state in _ORDER else len(_ORDER)
    return [(s, why) for s, why in _STATIONS[first:end] if _time_of(s, times, epoch) is not None]


def _time_of(state: State, times: GangTimes, epoch: int | None) -> datetime | None:
    match state:
        case "WaitingForPeers":
            return times.launcher_started
        case "Compiling":
            return times.all_joined if (epoch or 1) == 1 else times.spawned
        case "Running":
            return times.first_step
    return None


def _add(
    entries: list[TimelineEntry],
    state: State,
    reason: str,
    attempt: int,
    epoch: int | None,
    at: datetime | None,
    now: datetime,
    failure: Failure | None = None,
) -> None:
    earliest = entries[-1].time if entries else now
    entries.append(
        TimelineEntry(
            state=state,
            reason=reason,
            attempt=attempt,
            epoch=epoch if state in _OF_AN_EPOCH else None,
            process=failure.process if failure is not None else None,
            exit_code=failure.exit_code if failure is not None else None,
            lost_steps=failure.lost_steps if failure is not None else None,
            time=max(earliest, min(at or now, now)),
        )
    )
