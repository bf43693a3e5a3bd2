"""The gang's goodput: what `state` sees, told to the account of `jaxrun.goodput`. Pure."""

from collections.abc import Callable
from dataclasses import replace

from jaxrun.contract import GangState
from jaxrun.gang.epoch import Epoch
from jaxrun.gang.memory import Memory
from jaxrun.gang.progress import last
from jaxrun.goodput import Account, Carried
from jaxrun.program_progress import Progress

_TELL_EVERY_SECONDS = 15.0


class Books:
    """`now` is when launcher 0 started; `wall` turns the gang's clock into Unix seconds."""

    def __init__(self, now: float, wall: Callable[[float], float]) -> None:
        self._started_at = now
        self._wall = wall
        self._account = Account(now)
        self._next_telling = now + _TELL_EVERY_SECONDS

    def go_on_from(self, carried: Carried | None) -> None:
        """The one that kept them before is lost."""
        if carried is not None:
            at = self._started_at
            self._account = Account.resumed(carried, at, self._wall(at))

    def joined(self, now: float) -> None:
        """All are there."""
        self._account.joined(now)

    def progress(self, process: int, seen: Progress, epoch: Epoch, now: float) -> None:
        """News of a program; those of process 0 stand for all."""
        tracks = [p.track for p in epoch.processes]
        if last(tracks, "spawned") is not None:
            self._account.spawned(epoch.number, now)
        if last(tracks, "initialised") is not None:
            self._account.initialised(now)
        if process == 0:
            self._account.progress(seen, now)

    def state(self, state: GangState, now: float) -> None:
        """A gang may run without JAX's world."""
        if state is GangState.RUNNING:
            self._account.initialised(now)

    def failed(self, at: float) -> None:
        """An epoch is over, and another follows."""
        self._account.failed(at)

    def finished(self, at: float) -> None:
        """The gang has ended."""
        self._account.finished(at)

    def parts(self, now: float) -> dict[str, float]:
        """The contract's `goodput`."""
        return self._account.parts(now).as_json()

    def into(self, memory: Memory, now: float) -> Memory:
        """For whoever keeps them next."""
        self._next_telling = now + _TELL_EVERY_SECONDS
        return replace(memory, goodput=self._account.carried(now, self._wall(now)))

    def due(self, now: float) -> bool:
        """Whether the others should be told again."""
        return now >= self._next_telling
