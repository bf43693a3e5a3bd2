"""Deaths and gangs in few words."""

from collections.abc import Sequence
from typing import Any

from jaxrun.evidence import Death, ExceptionReport, How, Verdict
from jaxrun.gang.memory import Memory
from jaxrun.gang.outputs import Output, Send
from jaxrun.gang.protocol import Died, End, Gone, Idle, Start, Stop
from jaxrun.gang.sequel import Terms
from jaxrun.gang.state import Gang
from jaxrun.program_progress import Progress
from jaxrun.settings import Timing

TIMING = Timing()
UNIX = 1_800_000_000.0
"""What the played gangs' clock shows less than Unix time."""


def raised(type_: str, message: str = "", process: int = 1, *bases: str, **rest: Any) -> Death:
    exception = ExceptionReport(type_, message, bases=(type_, *bases), **rest)
    return Death(process, f"host-{process}", How.RAISED, exit_code=1, exception=exception)


def exited(code: int, process: int = 1, **rest: Any) -> Death:
    return Death(process, f"host-{process}", How.EXITED, exit_code=code, **rest)


def signalled(number: int, process: int = 1, **rest: Any) -> Death:
    return Death(process, f"host-{process}", How.SIGNALLED, signal=number, **rest)


class APlayedGang:
    """A gang of pure state, its clock, and everything it ever sent."""

    def __init__(
        self,
        size: int = 2,
        timing: Timing = TIMING,
        terms: Terms = Terms(),
    ) -> None:
        self.now = 100.0
        self.size = size
        self.gang = Gang(
            size, timing, lambda epoch: 9439 + epoch, self.now, terms, lambda now: now + UNIX
        )
        self.sent: list[tuple[int | None, Any]] = []

    @property
    def number(self) -> int:
        """Of the present epoch."""
        return self.gang.epoch.number if self.gang.epoch is not None else 0

    def joined(
        self,
        processes: Sequence[int] | None = None,
        memory: Memory = Memory(),
    ) -> "APlayedGang":
        for process in processes if processes is not None else range(self.size):
            self._take(self.gang.join(process, f"host-{process}", memory, self.now))
        return self

    def spawned(self) -> "APlayedGang":
        for process in range(self.size):
            self.progress(process)
        return self

    def initialised(self) -> "APlayedGang":
        for process in range(self.size):
            self.progress(process, jax_imported=True, initialising=True, initialised=True)
        return self

    def progress(self, process: int, **seen: Any) -> None:
        self.say(process, Progress(self.number, **seen))

    def died(self, process: int, death: Death) -> None:
        self.say(process, Died(self.number, death))

    def gone(self, process: int, code: int | None = None, **rest: Any) -> None:
        self.say(process, Gone(self.number, code, rest.pop("signal", None), **rest))

    def killed(self, process: int) -> None:
        """The launcher did what Stop told it."""
        self.gone(process, signal=9)

    def idle(self, *processes: int) -> None:
        """Nothing is left of these programs; of all, if none is named."""
        for process in processes or range(self.size):
            self.say(process, Idle(self.number))

    def say(self, process: int, message: Any) -> None:
        self._take(self.gang.message(process, message, self.now))

    def left(self, process: int, reason: str = "closed") -> None:
        self._take(self.gang.left(process, reason, self.now))

    def after(self, seconds: float, tick: float = 0.25, heard: bool = True) -> "APlayedGang":
        """Time passes in ticks, with heartbeats unless told otherwise."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + tick, end)
            if heard:
                for process in range(self.size):
                    self.gang.heard(process, self.now)
            self._take(self.gang.tick(self.now))
        return self

    def _take(self, outputs: list[Output]) -> None:
        self.sent += [(out.to, out.message) for out in outputs if isinstance(out, Send)]

    def messages(self, kind: type) -> list[Any]:
        return [message for _, message in self.sent if isinstance(message, kind)]

    @property
    def started(self) -> bool:
        return bool(self.messages(Start))

    @property
    def stopped(self) -> bool:
        return bool(self.messages(Stop))

    @property
    def verdict(self) -> Verdict | None:
        ends = [m for to, m in self.sent if isinstance(m, End) and to is None]
        assert len(ends) <= 1, "two verdicts"
        return ends[0].verdict if ends else None
