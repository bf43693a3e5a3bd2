"""The gang: who has joined, which epoch runs, what follows it, and how it all ended.

Pure, as `epoch` is. An epoch begins when all processes are connected, idle and willing, and the
wait after a failure is over; there is never more than one. `sequel` says what follows it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from jaxrun import cause
from jaxrun.contract import GangState, Scope
from jaxrun.evidence import Death, How, StopRequest, Verdict
from jaxrun.gang.books import Books
from jaxrun.gang.epoch import Epoch
from jaxrun.gang.memory import Memory, most_advanced
from jaxrun.gang.outputs import Drop, Log, Output, Send
from jaxrun.gang.progress import last, working_state
from jaxrun.gang.protocol import (
    Bye,
    Calls,
    Died,
    End,
    FromMember,
    GangView,
    Gone,
    Idle,
    Refused,
    Remember,
    Stack,
    Stop,
    StopAsked,
)
from jaxrun.gang.sequel import Terms, sequel
from jaxrun.program_progress import Progress
from jaxrun.restart_policy import RestartPolicy
from jaxrun.settings import Timing


@dataclass
class _Member:
    host: str
    heard_at: float
    idle: bool = True
    """Whether none of its program's processes is left."""
    leaves: StopRequest | None = None
    said_bye: bool = False


@dataclass(frozen=True)
class Stopping:
    """Somebody outside asked a launcher to stop, at `time` (Unix seconds)."""

    request: StopRequest
    time: float


class Gang:
    """`choose_port` gives the coordinator port for an epoch; it is asked once per epoch.

    `wall` turns `now`, which is any monotonic clock, into Unix seconds.
    """

    def __init__(
        self,
        num_processes: int,
        timing: Timing,
        choose_port: Callable[[int], int],
        now: float,
        terms: Terms = Terms(),
        wall: Callable[[float], float] = lambda now: now,
    ) -> None:
        self.num_processes = num_processes
        self.epoch: Epoch | None = None
        self.memory = Memory(ledger=terms.ledger)
        self.verdict: Verdict | None = None
        """How it ended, once it has."""
        self.stop: Stopping | None = None
        self.joined_at: float | None = None
        self.books = Books(now, wall)
        self._terms = terms
        self._timing = timing
        self._choose_port = choose_port
        self._wall = wall
        self._members: dict[int, _Member] = {}
        self._silent: set[int] = set()
        self._retry_at = now
        self._follows = True
        """Whether what follows the epoch has been decided; so it is before the first."""
        self._ticked_at = now
        self._told: Memory | None = None
        self._view: GangView | None = None

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

    @property
    def restless(self) -> bool:
        """Whether something is being waited for that a slow tick would delay."""
        if self._follows:
            return self.verdict is None and self.epoch is not None and not self.missing
        return self.epoch is not None and self.epoch.restless

    @property
    def step(self) -> int | None:
        """The present epoch's; until it has one, the last one before it."""
        step = self.epoch.step if self.epoch is not None else None
        return step if step is not None else self.memory.step

    @property
    def checkpoint_step(self) -> int | None:
        """The greatest that any process of any epoch told of."""
        steps = [self.memory.checkpoint_step]
        if self.epoch is not None:
            steps += [p.track.latest.checkpoint_step for p in self.epoch.processes]
        return max((step for step in steps if step is not None), default=None)

    def state(self, now: float) -> GangState:
        """What to show."""
        if self.verdict is not None:
            return GangState.FAILED if self.verdict.cause is not None else GangState.SUCCEEDED
        epoch = self.epoch
        if epoch is None or (self._follows and self.missing):
            return GangState.JOINING
        if self._follows:
            return GangState.RESTARTING
        if epoch.stopped:
            return GangState.STOPPING
        if epoch.asked_to_stop:
            return GangState.CHECKPOINTING
        return working_state([p.track for p in epoch.processes], self._timing.quiet, now)

    def refusal(self, process: int) -> Refused | None:
        """Why this process cannot join now; None if it can."""
        if process in self._members:
            host = self._members[process].host
            return Refused(f"process {process} has joined already, from {host}", retry=True)
        epoch = self.epoch
        if epoch is None:
            return None
        if self.verdict is not None:
            return Refused(f"epoch {epoch.number} is over")
        if self._leader_leaves and self._follows:
            return Refused("process 0 is about to leave", retry=True)
        if not self._follows and not (self._terms.policy.in_place and epoch.stopped):
            what = f"epoch {epoch.number} is running without it"
            return Refused(what, retry=self._terms.policy.in_place)
        return None

    def join(self, process: int, host: str, memory: Memory, now: float) -> list[Output]:
        """One more; the last one starts the epoch after the highest that anybody has seen."""
        self._members[process] = _Member(host, now)
        self._silent.discard(process)
        known, self.memory = self.memory, most_advanced([self.memory, memory])
        if self.epoch is None and self.memory.goodput != known.goodput:
            self.books.go_on_from(self.memory.goodput)
        if not self.missing:
            self.joined_at = now
            self.books.joined(now)
        return self._advance(now)

    def heard(self, process: int, now: float) -> None:
        """Something came from this member."""
        if process in self._members:
            self._members[process].heard_at = now

    def left(self, process: int, reason: str, now: float) -> list[Output]:
        """The connection to this member is gone."""
        member = self._members.pop(process, None)
        if member is None:
            return []
        out: list[Output] = []
        if not self._follows and self.epoch is not None:
            out = self.epoch.lost(process, reason, now)
        elif not member.said_bye:
            out = [Log(f"process {process} went away while the gang was joining: {reason}")]
        return out + self._advance(now)

    def message(self, process: int, message: FromMember, now: float) -> list[Output]:
        """What a member said, besides heartbeats."""
        epoch, member = self.epoch, self._members.get(process)
        if member is None:
            return []
        if isinstance(message, Bye):
            member.said_bye = True
            return []
        if isinstance(message, StopAsked):
            out = self._stop_asked(process, message.signal, now)
        elif epoch is None or getattr(message, "epoch", None) != epoch.number:
            return []
        elif isinstance(message, Idle):
            member.idle = True
            out = []
        elif self._follows:
            return []
        else:
            out = self._news(epoch, process, message, now)
        return out + self._advance(now)

    def tick(self, now: float) -> list[Output]:
        """Time passes; silent members are lost, but can still read the verdict if they wake up."""
        gap, self._ticked_at = now - self._ticked_at, now
        timeout = self._timing.heartbeat_timeout
        out: list[Output] = []
        if gap > timeout and self.epoch is not None and self.verdict is None:
            out = self._was_frozen(gap, now)
        elif gap <= timeout / 2:
            # After a stall what they sent meanwhile has not been read yet.
            for process, member in list(self._members.items()):
                if now - member.heard_at > timeout:
                    silence = now - member.heard_at
                    reason = f"no heartbeat from its launcher for {silence:.1f} s"
                    self._silent.add(process)
                    out += self.left(process, reason, now)
            if self._follows:
                out += self._drop_silent()
        if self.epoch is not None and not self._follows:
            out += self.epoch.tick(now)
        return out + self._advance(now)

    def _advance(self, now: float) -> list[Output]:
        """After whatever happened: end the epoch, begin the next, tell."""
        out = self._conclude(now) + self._begin(now) + self._remember(now)
        if self._follows and not any(m.leaves for m in self._members.values()):
            self.stop = None
        return out + self._show(now)

    @property
    def _leader_leaves(self) -> bool:
        return 0 in self._members and self._members[0].leaves is not None

    def _begin(self, now: float) -> list[Output]:
        """The next epoch, if nothing is in its way."""
        if self.verdict is not None or not self._follows or self.missing or now < self._retry_at:
            return []
        members = [self._members[i] for i in range(self.num_processes)]
        if not all(m.idle and m.leaves is None for m in members):
            return []
        number = self.memory.epoch + 1
        self.memory = replace(self.memory, epoch=number)
        self._follows = False
        for member in members:
            member.idle = False
        self.epoch = Epoch(number, [m.host for m in members], self._timing, now, self._terms)
        begun = self.epoch.begin(self._choose_port(number), self.memory.ledger.restarts)
        self._told = None
        return begun

    def _news(self, epoch: Epoch, process: int, message: FromMember, now: float) -> list[Output]:
        if isinstance(message, Progress):
            out = epoch.progress(process, message, now)
            self.books.progress(process, message, epoch, now)
            spawned = last([p.track for p in epoch.processes], "spawned")
            if spawned is not None:
                self.memory = self.memory.with_all_spawned(self._wall(spawned))
            return out
        if isinstance(message, Died):
            return epoch.died(process, self._signed(process, message.death), now)
        if isinstance(message, Gone):
            if message.death is not None:
                message = replace(message, death=self._signed(process, message.death))
            return epoch.gone(process, message, now)
        if isinstance(message, Calls):
            return epoch.calls(process, message.count, now)
        if isinstance(message, Stack):
            return epoch.stack(process, message.text, now)
        return []

    def _remember(self, now: float) -> list[Output]:
        """What the members tell my successor: told when it changes, and the time that passes."""
        if self.verdict is not None or (self.memory == self._told and not self.books.due(now)):
            return []
        self.memory = self._told = self.books.into(self.memory, now)
        return [Send(Remember(self.memory))]

    def _stop_asked(self, process: int, signal: int, now: float) -> list[Output]:
        member = self._members[process]
        if member.leaves is not None:
            return []
        member.leaves = StopRequest(process, member.host, signal)
        if self.stop is None:
            self.stop = Stopping(member.leaves, self._wall(now))
        if self.verdict is not None:
            return []
        if self.epoch is not None and not self._follows:
            return self.epoch.stop_asked(process, signal, now)
        return [self._farewell(process, member.leaves, now)]

    def _conclude(self, now: float) -> list[Output]:
        """Once there is the epoch's verdict: what follows."""
        epoch = self.epoch
        if epoch is None or epoch.verdict is None or self._follows or self.verdict is not None:
            return []
        assert epoch.over_at is not None
        self.memory = replace(self.memory, step=self.step, checkpoint_step=self.checkpoint_step)
        verdict = replace(
            epoch.verdict,
            time=self._wall(epoch.over_at),
            checkpoint_step=self.memory.checkpoint_step,
            ledger=self.memory.ledger,
        )
        leaving = {i: m.leaves for i, m in self._members.items() if m.leaves is not None}
        all_leave = len(leaving) == self.num_processes
        follows = sequel(verdict, epoch.death, self._terms.policy, self.memory.ledger, all_leave)
        if not follows.restarts:
            if verdict.cause is not None:
                self.books.failed(epoch.over_at)
            self.books.finished(epoch.over_at)
            self.verdict = replace(verdict, goodput=self.books.parts(now))
            out: list[Output] = [Send(End(self.verdict))]
            if follows.why and self._terms.policy != RestartPolicy():
                out.append(Log(f"no restart in place: {follows.why}"))
            return out
        self._follows = True
        self._retry_at = epoch.over_at + follows.delay_seconds
        self.books.failed(epoch.over_at)
        self.memory = self.memory.with_failure(verdict, follows.ledger, follows.delay_seconds)
        assert verdict.cause is not None
        out = [
            Log(
                f"epoch {epoch.number} is over, another follows: {verdict.cause.value}: "
                f"{verdict.message}"
            )
        ]
        if not epoch.stopped:
            out.append(Send(Stop(epoch.number)))
        out += self._remember(now)
        out += self._drop_silent()
        for process, request in leaving.items():
            stopped = epoch.preempted(request) if epoch.asked_to_stop else None
            out.append(self._farewell(process, request, now, stopped))
        return out

    def _farewell(
        self, process: int, request: StopRequest, now: float, verdict: Verdict | None = None
    ) -> Output:
        """This one leaves, and the others wait for its successor."""
        while_idle = cause.asked_while_idle(request, self.memory.epoch, self.missing, self.step)
        verdict = replace(
            verdict or while_idle,
            scope=Scope.POD,
            time=self._wall(now),
            checkpoint_step=self.checkpoint_step,
            ledger=self.memory.ledger,
            goodput=self.books.parts(now),
        )
        return Send(End(verdict), to=process)

    def _drop_silent(self) -> list[Output]:
        silent, self._silent = self._silent, set()
        return [Drop(process) for process in sorted(silent)]

    def _was_frozen(self, gap: float, now: float) -> list[Output]:
        """The members have given up on us by now: say so, rather than blame them."""
        assert self.epoch is not None
        for member in self._members.values():
            member.heard_at = now
        out: list[Output] = []
        if not self._follows:
            host = self.epoch.processes[0].host
            detail = f"its launcher was not scheduled for {gap:.1f} s (a frozen or starved node)"
            out += self.epoch.end(Death(0, host, How.LOST, detail=detail), now)
        return out

    def _signed(self, process: int, death: Death) -> Death:
        """A member speaks of its own process only."""
        return replace(death, process=process, host=self._members[process].host)

    def _show(self, now: float) -> list[Output]:
        view = GangView(self.state(now), self.joined, self.missing)
        self.books.state(view.state, now)
        if view == self._view:
            return []
        self._view = view
        return [Send(view)]
