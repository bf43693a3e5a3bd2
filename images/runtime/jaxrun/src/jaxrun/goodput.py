"""What a gang's time is spent on, in the vocabulary of ml-goodput-measurement.

Pure. Process 0's launcher keeps one `Account` for its attempt and tells it what happens, each with
`now` (seconds of any one clock; one that goes back stands still here):

    account = Account(now)                      the launcher started
    account.joined(now)                         all launchers are there; only the first counts
    account.spawned(epoch, now)                 all programs of the epoch run
    account.initialised(now)                    JAX is initialised everywhere, or the gang runs
                                                without it; the first step, too, says so
    account.progress(progress, now)             what process 0's program tells, whenever it does
    account.failed(now)                         the epoch is over, and another may follow
    account.finished(now)                       the gang has ended, well or not: time stops
    account.parts(now).as_json()                the contract's `goodput`; adds up to the whole

When process 0 is lost, its successor goes on from the last `carried` that the others have:

    account.carried(now, unix_time)             plain data, a few hundred bytes
    Account.resumed(carried, now, unix_time)    its launcher started; the time between is recovery

An event in the wrong order is taken for what it can mean, or left. Time between the first step and
the epoch's end is productive, less what compiling, data and checkpoints took. At a failure it is
wasted as far as its steps were in no checkpoint, by `checkpointed`; where a program never tells of
checkpoints, its steps are wasted once the next epoch does them again.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from jaxrun.epoch_time import TOLD, EpochTime
from jaxrun.program_progress import Progress
from jaxrun.work import Work


@dataclass(frozen=True)
class Goodput:
    """Seconds; the parts add up to the time since the launcher started."""

    scheduling: float = 0.0
    initialisation: float = 0.0
    compile: float = 0.0
    data: float = 0.0
    checkpoint: float = 0.0
    productive: float = 0.0
    wasted: float = 0.0
    recovery: float = 0.0
    other: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return float(sum(getattr(self, part.name) for part in fields(self)))

    def plus(self, **seconds: float) -> "Goodput":
        """With more of some parts."""
        return replace(self, **{name: getattr(self, name) + s for name, s in seconds.items()})

    def as_json(self) -> dict[str, float]:
        """The contract's `goodput` object, to the millisecond."""
        return {f"{f.name}Seconds": round(getattr(self, f.name), 3) for f in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Goodput":
        """What `as_json` gave; what is missing or no sensible number counts as 0."""
        return cls(**{f.name: _seconds(data.get(f"{f.name}Seconds")) for f in fields(cls)})


@dataclass(frozen=True)
class Carried:
    """An account as if its epoch had failed at `time` (Unix seconds), to be gone on with."""

    parts: Goodput
    time: float
    begun: bool
    """Whether an epoch was ever spawned: if not, the gang is still being scheduled."""
    work: tuple[tuple[float, float, float], ...] = ()
    """Kept work: first step, last step, productive seconds."""
    checkpoint_step: int | None = None


class Account:
    """Where the time of one attempt went; see the module."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._closed = Goodput()
        self._phase = "scheduling"
        self._since = now
        self._epoch: EpochTime | None = None
        self._number = 0
        self._over = 0
        self._work = Work()
        self._checkpoint_step: int | None = None

    @classmethod
    def resumed(cls, carried: Carried, now: float, unix_time: float) -> "Account":
        """Of process 0's new launcher, which started at `now`."""
        account = cls(now)
        between = _seconds(unix_time - carried.time)
        account._phase = "recovery" if carried.begun else "scheduling"
        account._closed = carried.parts.plus(**{account._phase: between})
        account._work = Work(list(carried.work))
        account._checkpoint_step = carried.checkpoint_step
        return account

    def joined(self, now: float) -> None:
        """All launchers are there."""
        now = self._tick(now)
        if self._phase == "scheduling":
            self._turn("initialisation", now)

    def spawned(self, epoch: int, now: float) -> None:
        """All programs of this epoch run."""
        now = self._tick(now)
        if self._phase == "finished" or epoch <= self._over:
            return
        if self._epoch is None or epoch > self._number:
            if self._epoch is not None:
                self.failed(now)
            self._turn("running", now)
            self._number, self._epoch = epoch, EpochTime(now)

    def initialised(self, now: float) -> None:
        """JAX's world is complete, or the gang runs without one."""
        now = self._tick(now)
        if self._epoch is not None:
            self._epoch.initialise(now)

    def progress(self, progress: Progress, now: float) -> None:
        """What process 0's program tells; seconds are totals of its epoch."""
        now = self._tick(now)
        if progress.epoch <= self._over or progress.epoch < self._number:
            return
        if progress.epoch > self._number or self._epoch is None:
            if progress.step is None:
                return
            self.spawned(progress.epoch, now)
        epoch = self._epoch
        if epoch is None:
            return
        for name in TOLD:
            told = _seconds(getattr(progress, f"{name}_seconds"))
            epoch.told[name] = max(epoch.told[name], told)
        busy = progress.waiting or ("compile" if progress.compiling else "")
        if busy not in TOLD:
            busy = ""
        if busy != epoch.busy:
            epoch.busy, epoch.busy_since = busy, now
        if progress.step is not None:
            if epoch.stepped_at is None:
                self._done_again(progress.step)
            epoch.step(progress.step, now)
        saved = progress.checkpoint_step
        if saved is not None and saved != self._checkpoint_step:
            self._checkpoint_step = saved
            epoch.checkpoint(saved, now)

    def failed(self, now: float) -> None:
        """The epoch is over; what was in no checkpoint is lost with it."""
        now = self._tick(now)
        if self._phase == "finished":
            return
        self._over = self._number
        self._close_epoch(now, lost=True)
        if self._phase != "scheduling":
            self._turn("recovery", now)

    def finished(self, now: float) -> None:
        """The gang has ended; nothing is counted any more."""
        now = self._tick(now)
        self._close_epoch(now, lost=False)
        self._turn("finished", now)

    def parts(self, now: float) -> Goodput:
        """Until now."""
        now = max(now, self._now)
        parts = self._closed
        if self._phase in ("scheduling", "initialisation", "recovery"):
            parts = parts.plus(**{self._phase: now - self._since})
        if self._epoch is not None:
            parts = parts.plus(**self._epoch.parts(now))
        return parts

    def carried(self, now: float, unix_time: float) -> Carried:
        """For whoever goes on if this launcher is lost; leaves the account as it is."""
        other = copy.deepcopy(self)
        begun = self._phase != "scheduling"
        other.failed(now)
        return Carried(
            other.parts(now), unix_time, begun, tuple(other._work.spans), other._checkpoint_step
        )

    def _tick(self, now: float) -> float:
        self._now = max(self._now, now) if math.isfinite(now) else self._now
        return self._now

    def _turn(self, phase: str, now: float) -> None:
        if self._phase in ("scheduling", "initialisation", "recovery"):
            self._closed = self._closed.plus(**{self._phase: now - self._since})
        if self._phase != "finished":
            self._phase, self._since = phase, now

    def _close_epoch(self, now: float, lost: bool) -> None:
        epoch, self._epoch = self._epoch, None
        if epoch is None:
            return
        parts = epoch.parts(now)
        self._closed = self._closed.plus(**parts)
        if epoch.stepped_at is None or not lost:
            return
        end = parts.get("productive", 0.0)
        (saved, at_saved), (last, at_last) = epoch.marks
        at_saved, at_last = min(at_saved, end), min(at_last, end)
        self._work.add(epoch.first_step + 1, saved, at_saved)
        self._work.add(saved + 1, last, at_last - at_saved)
        # The step that was under way, or hung.
        self._waste(end - at_last)
        if self._checkpoint_step is not None:
            self._waste(self._work.cut(self._checkpoint_step + 1))

    def _done_again(self, step: int) -> None:
        """A new epoch begins with this step: it was, and all after it were, lost."""
        self._waste(self._work.cut(step))
        if self._checkpoint_step is not None and self._checkpoint_step >= step:
            self._checkpoint_step = step - 1

    def _waste(self, seconds: float) -> None:
        seconds = min(seconds, self._closed.productive)
        self._closed = self._closed.plus(productive=-seconds, wasted=seconds)


def _seconds(value: Any) -> float:
    """0 for what is no sensible duration."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return 0.0
    return max(float(value), 0.0)
