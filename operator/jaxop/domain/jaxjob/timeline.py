"""When the job entered which state, from the launcher's own times where it gave them.

Status is written less often than states pass by: those that passed between two writes are filled
in from the report, so that the timeline is true however often the operator looked.
"""

from datetime import datetime
from typing import Final

from jaxop.api.v1alpha1.jaxjob_status import TIMELINE_LENGTH, State, TimelineEntry
from jaxop.domain.jaxjob import reasons
from jaxop.domain.jaxjob.views import GangReport, GangTimes

_STATIONS: Final[tuple[tuple[State, str], ...]] = (
    ("WaitingForPeers", reasons.PEERS_MISSING),
    ("Compiling", reasons.INITIALISING),
    ("Running", reasons.PROGRAM_RUNNING),
)
_ORDER: Final[tuple[State, ...]] = tuple(state for state, _ in _STATIONS)


def extend(
    timeline: tuple[TimelineEntry, ...],
    state: State,
    reason: str,
    attempt: int,
    report: GangReport | None,
    now: datetime,
) -> tuple[TimelineEntry, ...]:
    """The timeline with the state entered, if it is a new one. Times never go backwards."""
    last = timeline[-1] if timeline else None
    if last is not None and not _entered(last, state, reason, attempt):
        return timeline
    entries = list(timeline)
    times = report.times if report is not None else GangTimes()
    for station, why in _skipped(last, state, times):
        entries.append(_entry(entries, station, why, report, _time_of(station, times), now))
    at = _time_of(state, times) if report is not None and report.attempt == attempt else None
    earliest = entries[-1].time if entries else now
    entries.append(
        TimelineEntry(
            state=state, reason=reason, attempt=attempt, time=max(earliest, min(at or now, now))
        )
    )
    return tuple(entries[-TIMELINE_LENGTH:])


def _entered(last: TimelineEntry, state: State, reason: str, attempt: int) -> bool:
    if (last.state, last.attempt) != (state, attempt):
        return True
    return last.reason != reason and not reasons.PROBLEMS.isdisjoint({last.reason, reason})


def _skipped(last: TimelineEntry | None, state: State, times: GangTimes) -> list[tuple[State, str]]:
    """The stations between the last entry and the new state that the report has times for."""
    if state in ("Pending", "Scheduling", "Suspended"):
        return []
    first = _ORDER.index(last.state) + 1 if last and last.state in _ORDER else 0
    end = _ORDER.index(state) if state in _ORDER else len(_ORDER)
    return [(s, why) for s, why in _STATIONS[first:end] if _time_of(s, times) is not None]


def _time_of(state: State, times: GangTimes) -> datetime | None:
    match state:
        case "WaitingForPeers":
            return times.launcher_started
        case "Compiling":
            return times.all_joined
        case "Running":
            return times.first_step
    return None


def _entry(
    entries: list[TimelineEntry],
    state: State,
    reason: str,
    report: GangReport | None,
    at: datetime | None,
    now: datetime,
) -> TimelineEntry:
    earliest = entries[-1].time if entries else now
    attempt = report.attempt if report is not None else 0
    return TimelineEntry(
        state=state, reason=reason, attempt=attempt, time=max(earliest, min(at or now, now))
    )
