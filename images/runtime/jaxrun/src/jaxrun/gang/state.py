"""The gang: who has joined, which epoch runs, and how it all ended.

Pure, as `epoch` is. A restart in place would be another Epoch here, for the same members.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from jaxrun.contract import GangState
from jaxrun.evidence import Death, How, Verdict
from jaxrun.gang.epoch import Epoch
from jaxrun.gang.outputs import Log, Output, Send
from jaxrun.gang.progress import working_state
from jaxrun.gang.protocol import (
    Bye,
    Calls,
    Died,
    FromMember,
    GangView,
    Gone,
    Progress,
    Refused,
    Stack,
    StopAsked,
)
from jaxrun.settings import Timing


@dataclass
class _Member:
    host: str
    heard_at: float
    said_bye: bool = False


class Gang:
    """`choose_port` gives the coordinator port for an epoch; it is asked once per epoch."""

    def __init__(
        self,
        num_processes: int,
        timing: Timing,
        choose_port: Callable[[int], int],
        now: float,
    ) -> None:
        self.num_processes = num_processes
        self.epoch: Epoch | None = None
        self.epoch_seen = 0
        self.joined_at: float | None = None
        self._timing = timing
        self._choose_port = choose_port
        self._members: dict[int, _Member] = {}
        self._ticked_at = now
        self._view: GangView | None = None

    @property
    def verdict(self) -> Verdict | None:
        """How it ended, once it has."""
        return self.epoch.verdict if self.epoch is not None else None

    @property
    def joined(self) -> int:
        """Members connected now."""
        return len(self._members)

    @property
    def missing(self) -> tuple[int, ...]:
        """Processes that are not connected."""
        return tuple(i for i in range(self.num_processes) if i not in self._members)

    @property
    def dispersed(self) -> bool:
        """Whether there is a verdict and everybody who is still there has it."""
        return self.verdict is not None and all(m.said_bye for m in self._members.values())

    def state(self, now: float) -> GangState:
        """What to show."""
        if self.epoch is None:
            return GangState.JOINING
        if self.verdict is not None:
            return GangState.FAILED if self.verdict.cause is not None else GangState.SUCCEEDED
        if self.epoch.stopping:
            return GangState.STOPPING
        tracks = [p.track for p in self.epoch.processes]
        return working_state(tracks, self._timing.quiet, now)

    def refusal(self, process: int) -> Refused | None:
        """Why this process cannot join now; None if it can."""
        if process in self._members:
            host = self._members[process].host
            return Refused(f"process {process} has joined already, from {host}", retry=True)
        if self.epoch is not None:
            what = "is over" if self.verdict is not None else "is running without it"
            return Refused(f"epoch {self.epoch.number} {what}")
        return None

    def join(self, process: int, host: str, epoch_seen: int, now: float) -> list[Output]:
        """One more; the last one starts the epoch after the highest that anybody has seen."""
        self._members[process] = _Member(host, now)
        self.epoch_seen = max(self.epoch_seen, epoch_seen)
        out: list[Output] = []
        if not self.missing:
            self.joined_at = now
            number = self.epoch_seen + 1
            hosts = [self._members[i].host for i in range(self.num_processes)]
            self.epoch = Epoch(number, hosts, self._timing, now)
            self.epoch_seen = number
            out += self.epoch.begin(self._choose_port(number))
        return out + self._show(now)

    def heard(self, process: int, now: float) -> None:
        """Something came from this member."""
        if process in self._members:
            self._members[process].heard_at = now

    def left(self, process: int, reason: str, now: float) -> list[Output]:
        """The connection to this member is gone."""
        if self._members.pop(process, None) is None:
            return []
        out: list[Output] = []
        if self.epoch is not None:
            out = self.epoch.lost(process, reason, now)
        else:
            out = [Log(f"process {process} went away while the gang was joining: {reason}")]
        return out + self._show(now)

    def message(self, process: int, message: FromMember, now: float) -> list[Output]:
        """What a member said, besides heartbeats."""
        epoch = self.epoch
        if epoch is None or process not in self._members:
            return []
        if isinstance(message, Bye):
            self._members[process].said_bye = True
            return []
        if getattr(message, "epoch", None) != epoch.number:
            return []
        out: list[Output] = []
        if isinstance(message, Progress):
            out = epoch.progress(process, message, now)
        elif isinstance(message, Died):
            out = epoch.died(process, self._signed(process, message.death), now)
        elif isinstance(message, Gone):
            if message.death is not None:
                message = replace(message, death=self._signed(process, message.death))
            out = epoch.gone(process, message, now)
        elif isinstance(message, StopAsked):
            out = epoch.stop_asked(process, message.signal, now)
        elif isinstance(message, Calls):
            out = epoch.calls(process, message.count, now)
        elif isinstance(message, Stack):
            out = epoch.stack(process, message.text, now)
        return out + self._show(now)

    def tick(self, now: float) -> list[Output]:
        """Time passes; silent members are lost, but can still read the verdict if they wake up."""
        gap, self._ticked_at = now - self._ticked_at, now
        timeout = self._timing.heartbeat_timeout
        if gap > timeout and self.epoch is not None and self.verdict is None:
            # The members have given up on us by now: say so, rather than blame them.
            host = self.epoch.processes[0].host
            detail = f"its launcher was not scheduled for {gap:.1f} s (a frozen or starved node)"
            out = self.epoch.end(Death(0, host, How.LOST, detail=detail), now)
            return out + self._show(now)
        out = []
        if gap <= timeout / 2:
            # After a stall what they sent meanwhile has not been read yet.
            for process, member in list(self._members.items()):
                if now - member.heard_at > timeout:
                    silence = now - member.heard_at
                    reason = f"no heartbeat from its launcher for {silence:.1f} s"
                    out += self.left(process, reason, now)
        if self.epoch is not None:
            out += self.epoch.tick(now)
        return out + self._show(now)

    def _signed(self, process: int, death: Death) -> Death:
        """A member speaks of its own process only."""
        return replace(death, process=process, host=self._members[process].host)

    def _show(self, now: float) -> list[Output]:
        view = GangView(self.state(now), self.joined, self.missing)
        if view == self._view:
            return []
        self._view = view
        return [Send(view)]
