"""Deaths and gangs in few words."""

from collections.abc import Sequence
from typing import Any

from jaxrun.evidence import Death, ExceptionReport, How, Verdict
from jaxrun.gang.outputs import Output, Send
from jaxrun.gang.protocol import Died, End, Gone, Progress, Start, Stop
from jaxrun.gang.state import Gang
from jaxrun.settings import Timing

TIMING = Timing()


def raised(type_: str, message: str = "", process: int = 1, *bases: str, **rest: Any) -> Death:
    exception = ExceptionReport(type_, message, bases=(type_, *bases), **rest)
    return Death(process, f"host-{process}", How.RAISED, exit_code=1, exception=exception)


def exited(code: int, process: int = 1, **rest: Any) -> Death:
    return Death(process, f"host-{process}", How.EXITED, exit_code=code, **rest)


def signalled(number: int, process: int = 1, **rest: Any) -> Death:
    return Death(process, f"host-{process}", How.SIGNALLED, signal=number, **rest)


class APlayedGang:
    """A gang of pure state, its clock, and everything it ever sent."""

    def __init__(self, size: int = 2, timing: Timing = TIMING) -> None:
        self.now = 100.0
        self.size = size
        self.gang = Gang(size, timing, lambda epoch: 9439 + epoch, self.now)
        self.sent: list[tuple[int | None, Any]] = []

    def joined(self, processes: Sequence[int] | None = None) -> "APlayedGang":
        for process in processes if processes is not None else range(self.size):
            self._take(self.gang.join(process, f"host-{process}", 0, self.now))
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
        self.say(process, Progress(1, **seen))

    def died(self, process: int, death: Death) -> None:
        self.say(process, Died(1, death))

    def gone(self, process: int, code: int | None = None, **rest: Any) -> None:
        self.say(process, Gone(1, code, rest.pop("signal", None), **rest))

    def killed(self, process: int) -> None:
        """The launcher did what Stop told it."""
        self.gone(process, signal=9)

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
        ends = self.messages(End)
        assert len(ends) <= 1, "two verdicts"
        return ends[0].verdict if ends else None
