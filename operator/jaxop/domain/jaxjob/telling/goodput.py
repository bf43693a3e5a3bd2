"""status.goodput: what the whole life of a job was spent on, over all its attempts.

A gang accounts for its own time, from the start of launcher 0 on, and hands the account on within
its attempt. Only the operator sees the time that no gang does: until the first launcher of an
attempt ran. So the whole is

    before        all that has ended: earlier gangs, and the waiting for this one
    + the gang    as its last report or its termination message tells

and both are in one status write with the attempt's number: a crash between two writes loses
nothing, and no report counts twice. Time in Suspended and Queued counts for nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from jaxop.api.v1alpha1.jaxjob_status import FINISHED, Goodput, GoodputBase, JaxJobStatus, State
from jaxop.domain import contract
from jaxop.domain.jaxjob.reading.launcher_reading import read_last_words
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import PodView

PARTS: Final = tuple(n for n in Goodput.model_fields if n.endswith("_seconds"))
"""Names of the fields that add up to the whole."""

Part = Literal["scheduling", "recovery", "other"]

_NOT_COUNTED: Final[frozenset[State]] = frozenset({"Suspended", "Queued"})
_NOT_BEGUN: Final[frozenset[State]] = _NOT_COUNTED | {"Pending"}
_GANG_EXISTS: Final[frozenset[State]] = frozenset(
    {"WaitingForPeers", "Compiling", "Running", "Checkpointing"}
)
_SAME_START: Final = 0.5
_EXACTNESS: Final = timedelta(seconds=1)
"""Of the times that Kubernetes gives, which are whole seconds."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the status holds: the whole, and what the next report is added to."""

    goodput: Goodput | None
    base: GoodputBase | None


@dataclass(frozen=True, slots=True)
class _Said:
    """A gang's own account, from the start of launcher 0 on."""

    goodput: Goodput
    started: datetime

    @property
    def until(self) -> datetime:
        return self.started + timedelta(seconds=total(self.goodput))


def account(
    snapshot: Snapshot, state: State, attempt: int, failed_at: datetime | None, now: datetime
) -> Account:
    """For a status with this state and attempt; `failed_at` is that of its failure."""
    old = snapshot.jaxjob.status
    if old.state in FINISHED:
        return Account(old.goodput, old.goodput_base)
    known = Account(old.goodput, old.goodput_base)
    for said in _said(snapshot, now):
        known = _with(known, said, now)
    if state == "Succeeded":
        return Account(known.goodput, None)
    if state in _NOT_COUNTED or state == "Failed" or attempt != old.attempt:
        end = failed_at if failed_at is not None and state not in _NOT_COUNTED else now
        known = _closed(known, old, end, now)
        since = known.base.waiting_since if known.base is not None else min(end, now)
        if state == "Failed":
            return Account(known.goodput, None)
        before = known.goodput
        if state in _NOT_COUNTED:
            return Account(before, _base(GoodputBase(before=before)))
        return Account(before, GoodputBase(before=before, recovering=True, waiting_since=since))
    if state not in _NOT_BEGUN and _stands_still(known.base):
        begun = known.base or GoodputBase()
        return Account(known.goodput, begun.replace(waiting_since=now))
    return known


def total(goodput: Goodput | None) -> float:
    """Seconds, all parts together."""
    return sum(getattr(goodput, part) for part in PARTS) if goodput is not None else 0.0


def with_percent(goodput: Goodput) -> Goodput:
    """Without a percentage as long as nothing was productive or lost: a job that tells of no steps
    is not one whose time is wasted."""
    if goodput.productive_seconds + goodput.wasted_seconds == 0:
        return goodput.replace(percent=None)
    return goodput.replace(percent=f"{100 * goodput.productive_seconds / total(goodput):.1f}")


def _with(known: Account, said: _Said, now: datetime) -> Account:
    """With what the gang says; of two of its accounts the longer one is the newer."""
    base = known.base or GoodputBase()
    if base.launcher_started is None:
        if base.waiting_since is None or said.until <= base.waiting_since:
            return known
        whole = _plus(known.goodput, _kind(base), _between(base.waiting_since, said.started))
        known = Account(whole, base.replace(before=whole, launcher_started=said.started))
    elif _is_another(known, base.launcher_started, said, now):
        waited = _between(_told_until(known, base.launcher_started), said.started)
        whole = _plus(known.goodput, "recovery", waited)
        anew = GoodputBase(before=whole, recovering=True, launcher_started=said.started)
        known = Account(whole, anew)
    elif total(said.goodput) < _told(known):
        return known
    base = (known.base or GoodputBase()).replace(waiting_since=None)
    return Account(_sum(base.before, _as_recovery(said.goodput, base)), base)


def _is_another(known: Account, started: datetime, said: _Said, now: datetime) -> bool:
    """Launcher 0 was replaced, and nobody was left to hand it the account: it began a new one."""
    if abs((said.started - started).total_seconds()) < _SAME_START:
        return False
    own = total(said.goodput)
    return own < _told(known) or own <= (now - said.started + _EXACTNESS).total_seconds()


def _closed(known: Account, old: JaxJobStatus, end: datetime, now: datetime) -> Account:
    """With the time until `end` that no gang accounts for. From then on there is waiting."""
    base = known.base
    if base is None or _stands_still(base):
        return known
    started, seen_until = base.launcher_started, base.waiting_since or now
    if started is not None:
        seen_until = _told_until(known, started)
    until = min(max(end, seen_until), now)
    unseen = started is not None or old.state in _GANG_EXISTS
    whole = _plus(known.goodput, "other" if unseen else _kind(base), _between(seen_until, until))
    return Account(whole, base.replace(launcher_started=None, waiting_since=until))


def _said(snapshot: Snapshot, now: datetime) -> list[_Said]:
    """What the gangs of the current attempt say and what they left behind, the present one last."""
    base, report = snapshot.jaxjob.status.goodput_base, snapshot.current_report
    starts = [base.launcher_started] if base is not None and base.launcher_started else []
    reported = []
    if report is not None and report.times.launcher_started is not None:
        starts.append(report.times.launcher_started)
        reported = [_Said(report.goodput or Goodput(), report.times.launcher_started)]
    left = [said for pod in snapshot.current_pods for said in _left_behind(pod, starts, now)]
    before = [said for said in left if starts and said.started != starts[-1]]
    return [*before, *reported, *(said for said in left if said not in before)]


def _left_behind(pod: PodView, starts: Sequence[datetime], now: datetime) -> Iterator[_Said]:
    """`starts` are those of the gangs that are known of, the present one's last."""
    for end in pod.ends:
        words = read_last_words(end.message) if end.container == contract.CONTAINER else None
        if words is None or words.goodput is None or total(words.goodput) == 0:
            continue
        if not words.ended and (pod.slice_index, pod.index) != (0, 0):
            continue
        ended = end.finished_at or now
        began = [start for start in starts if start < ended + _EXACTNESS]
        if began:
            yield _Said(words.goodput, began[-1])
        elif not starts:
            yield _Said(words.goodput, ended - timedelta(seconds=total(words.goodput)))


def _stands_still(base: GoodputBase | None) -> bool:
    return base is None or (base.launcher_started is None and base.waiting_since is None)


def _base(base: GoodputBase) -> GoodputBase | None:
    return base if base != GoodputBase() else None


def _kind(base: GoodputBase) -> Part:
    return "recovery" if base.recovering else "scheduling"


def _as_recovery(said: Goodput, base: GoodputBase) -> Goodput:
    """To the gang of new pods, that its launchers join is scheduling."""
    if not base.recovering:
        return said
    recovery = said.recovery_seconds + said.scheduling_seconds
    return said.replace(scheduling_seconds=0.0, recovery_seconds=recovery)


def _told(known: Account) -> float:
    """What the present gang has accounted for, in seconds."""
    return total(known.goodput) - total(known.base.before if known.base is not None else None)


def _told_until(known: Account, started: datetime) -> datetime:
    return started + timedelta(seconds=max(0.0, _told(known)))


def _between(start: datetime, end: datetime) -> float:
    """Seconds; 0 where clocks disagree."""
    return max(0.0, (end - start).total_seconds())


def _plus(goodput: Goodput | None, part: Part, seconds: float) -> Goodput | None:
    if seconds == 0.0:
        return goodput
    return _sum(goodput, Goodput().replace(**{f"{part}_seconds": seconds}))


def _sum(one: Goodput | None, other: Goodput) -> Goodput:
    if one is not None:
        parts = {part: getattr(one, part) + getattr(other, part) for part in PARTS}
    else:
        parts = {part: getattr(other, part) for part in PARTS}
    rounded = {part: round(seconds, 3) for part, seconds in parts.items()}
    return with_percent(Goodput().replace(**rounded))
