"""One run of the program on all processes: when it must stop, and what its verdict is.

Pure: events come in with `now` (monotonic seconds), outputs go out. The first death stops the
others at once; the verdict waits until the evidence is in. It comes when every process is gone or
lost, or when a death that is nobody's consequence has stood for the evidence window, or at the
latest when a silent launcher would have been found out.
"""

import signal as signals
from dataclasses import dataclass, field

from jaxrun import cause
from jaxrun.evidence import Death, How, StopRequest, Verdict
from jaxrun.gang.outputs import Log, Output, Send
from jaxrun.gang.progress import Track
from jaxrun.gang.protocol import DumpStack, Gone, PleaseStop, Start, Stop, StopAt
from jaxrun.gang.sequel import Terms
from jaxrun.gang.warm import why_warm
from jaxrun.program_progress import Progress
from jaxrun.settings import Timing

_CALLS_WAIT_SECONDS = 1.0
_STACK_WAIT_SECONDS = 5.0


@dataclass
class _Process:
    """What the server knows of one process in this epoch."""

    host: str
    track: Track = field(default_factory=Track)
    gone: Gone | None = None
    gone_at: float = 0.0
    lost: bool = False
    calls: int | None = None

    @property
    def ended(self) -> bool:
        return self.lost or self.gone is not None

    @property
    def finished(self) -> bool:
        return self.gone is not None and self.gone.exit_code == 0 and self.gone.death is None


class Epoch:
    """Epoch `number` of a gang whose process i runs on hosts[i]."""

    def __init__(
        self,
        number: int,
        hosts: list[str],
        timing: Timing,
        now: float,
        terms: Terms = Terms(),
    ) -> None:
        self.number = number
        self.started_at = now
        self.verdict: Verdict | None = None
        self.death: Death | None = None
        """The one behind the verdict."""
        self.verdict_at: float | None = None
        self.processes = [_Process(host) for host in hosts]
        self._timing = timing
        self._terms = terms
        self._deaths: list[Death] = []
        self._strong_at: float | None = None
        self._stopped_at: float | None = None
        self._request: StopRequest | None = None
        self._request_at = 0.0
        self._stop_call: int | None = None
        self._killed: list[int] = []
        self._stacks_at: float | None = None
        self._stacks: dict[int, str] = {}

    @property
    def running(self) -> bool:
        """Whether there is no verdict yet."""
        return self.verdict is None

    @property
    def stopped(self) -> bool:
        """Whether the programs have been told to stop, now."""
        return self._stopped_at is not None

    @property
    def asked_to_stop(self) -> bool:
        """Whether the programs have been asked to stop, in their own time."""
        return self._request is not None

    @property
    def over_at(self) -> float | None:
        """When it began to end: the first death, or all being done."""
        return self._stopped_at if self._stopped_at is not None else self.verdict_at

    @property
    def restless(self) -> bool:
        """Whether something is being waited for that a slow tick would delay."""
        return self.stopped or self.asked_to_stop or self._stacks_at is not None

    def begin(self, coordinator_port: int, restarts: int) -> list[Output]:
        """Everybody spawns."""
        return [Send(Start(self.number, coordinator_port, restarts))]

    def progress(self, process: int, seen: Progress, now: float) -> list[Output]:
        """The program got further."""
        self.processes[process].track.add(seen, now)
        return self._settle(now) if self._terms.warm and process == 0 else []

    def died(self, process: int, death: Death, now: float) -> list[Output]:
        """The program is as good as dead."""
        return self._death(death, now) + self._settle(now)

    def gone(self, process: int, gone: Gone, now: float) -> list[Output]:
        """The program has been reaped, of itself or killed by us."""
        this = self.processes[process]
        if this.ended:
            return []
        this.gone, this.gone_at = gone, now
        out: list[Output] = []
        if gone.death is not None:
            out = self._death(gone.death, now)
        elif gone.exit_code is None and gone.signal is None:
            out = self._never_spawned(process, now)
        return out + self._settle(now)

    def lost(self, process: int, reason: str, now: float) -> list[Output]:
        """The launcher went away; that matters unless its program had finished well."""
        this = self.processes[process]
        if this.ended:
            this.lost = True
            return []
        this.lost = True
        step = this.track.latest.step
        death = Death(process, this.host, How.LOST, step=step, detail=reason)
        return self._death(death, now) + self._settle(now)

    def stop_asked(self, process: int, signal: int, now: float) -> list[Output]:
        """Somebody from outside wants this launcher to stop: all are told, and have their grace."""
        if self._request is not None or self._stopped_at is not None or self.verdict is not None:
            return []
        self._request = StopRequest(process, self.processes[process].host, signal)
        self._request_at = now
        return [Send(PleaseStop(self.number, self._request)), *self._settle(now)]

    def calls(self, process: int, count: int, now: float) -> list[Output]:
        """How often this program has called should_stop."""
        self.processes[process].calls = count
        return self._settle(now)

    def stack(self, process: int, text: str, now: float) -> list[Output]:
        """Where a program is stuck."""
        self._stacks[process] = text
        return self._settle(now)

    def tick(self, now: float) -> list[Output]:
        """Time passes."""
        return self._settle(now)

    def end(self, death: Death, now: float) -> list[Output]:
        """End it for a reason that needs no further evidence."""
        out = self._death(death, now)
        self._conclude(cause.verdict_of(death, self.number), now, death)
        return out

    def _death(self, death: Death, now: float) -> list[Output]:
        if self.verdict is not None:
            return []
        self._deaths.append(death)
        if self._strong_at is None and not cause.is_consequence(death):
            self._strong_at = now
        return self._stop(now)

    def _never_spawned(self, process: int, now: float) -> list[Output]:
        """Its launcher had been asked to stop when the epoch began: the others cannot go on."""
        if self._request is not None:
            return self._stop(now)
        host = self.processes[process].host
        return self._death(Death(process, host, How.LOST, detail="it started no program"), now)

    def _stop(self, now: float) -> list[Output]:
        if self._stopped_at is not None:
            return []
        self._stopped_at = now
        return [Send(Stop(self.number))]

    def _settle(self, now: float) -> list[Output]:
        if self.verdict is not None:
            return []
        if self._stopped_at is None:
            if all(p.finished for p in self.processes) or self._process_zero_has_finished(now):
                self._conclude(self._finish(), now)
                return []
            if (warm := self._why_warm(now)) is not None:
                self._conclude(Verdict(None, 0, warm, self.number, step=self.step), now)
                return []
            return (
                self._agree_on_stop_call(now)
                + self._end_of_grace(now)
                + self._left_early(now)
                + self._stuck_at_start(now)
            )
        if self._evidence_is_in(now):
            self._fail(now)
        return []

    def _evidence_is_in(self, now: float) -> bool:
        assert self._stopped_at is not None
        if all(p.ended for p in self.processes):
            return True
        timing = self._timing
        if self._strong_at is not None and now >= self._strong_at + timing.evidence_window:
            return True
        return now >= self._stopped_at + timing.heartbeat_timeout + timing.heartbeat_interval

    def _conclude(self, verdict: Verdict, now: float, death: Death | None = None) -> None:
        if self.verdict is None:
            self.verdict, self.verdict_at, self.death = verdict, now, death

    def _process_zero_has_finished(self, now: float) -> bool:
        """Where its success is the gang's; the others may never come to JAX's shutdown barrier."""
        if not self._terms.process_zero or self._request is not None:
            return False
        zero = self.processes[0]
        exiting = zero.track.at.get("exiting")
        waits = exiting is not None and now >= exiting + self._timing.exit_grace
        return zero.finished or (waits and not zero.ended)

    def _why_warm(self, now: float) -> str | None:
        if not self._terms.warm or self._request is not None:
            return None
        tracks = [p.track for p in self.processes]
        why = why_warm(tracks, self._timing.warm_quiet, now)
        return f"warm, and therefore stopped: {why}" if why is not None else None

    def preempted(self, request: StopRequest) -> Verdict:
        """What this launcher, asked to stop, has to tell."""
        raised = [d for d in self._deaths if d.exception and not cause.is_consequence(d)]
        death = raised[0] if raised else None
        return cause.preempted(request, self.number, self.step, self._killed, death)

    def _finish(self) -> Verdict:
        if self._request is not None:
            if self._terms.drains and all(p.finished for p in self.processes):
                name = signals.Signals(self._request.signal).name
                message = f"the server was asked to stop ({name}), and has drained"
                return Verdict(None, 0, message, self.number, step=self.step)
            return self.preempted(self._request)
        count = len(self.processes)
        message = "the process finished" if count == 1 else f"all {count} processes finished"
        if not all(p.finished for p in self.processes):
            message = f"process 0 finished, and with it the gang of {count}"
        return Verdict(None, 0, message, self.number, step=self.step)

    def _fail(self, now: float) -> None:
        if self._request is not None:
            self._conclude(self.preempted(self._request), now)
            return
        death = cause.first_cause(self._deaths)
        if cause.is_consequence(death):
            death = self._behind_consequences() or death
        self._conclude(cause.verdict_of(death, self.number), now, death)

    def _behind_consequences(self) -> Death | None:
        """All deaths look like echoes: of a process that left without farewell, if there is one."""
        for process, this in enumerate(self.processes):
            if this.finished and this.gone is not None and this.gone.in_world:
                detail = "it left without JAX's shutdown, and they lost their peer"
                return self._left(process, detail)
        waiting = [p for p in self.processes if p.track.at.get("initialising") is not None]
        unseen = [i for i, p in enumerate(self.processes) if p.track.at.get("initialising") is None]
        if waiting and unseen and not any(p.track.latest.initialised for p in self.processes):
            return self._stuck(unseen[0], "")
        return None

    def _agree_on_stop_call(self, now: float) -> list[Output]:
        if self._request is None or self._stop_call is not None:
            return []
        asked = [p.calls for p in self.processes if not p.ended]
        late = now >= self._request_at + _CALLS_WAIT_SECONDS
        if None in asked and not late:
            return []
        self._stop_call = max((count for count in asked if count is not None), default=0) + 1
        return [Send(StopAt(self.number, self._stop_call))]

    def _end_of_grace(self, now: float) -> list[Output]:
        if self._request is None or now < self._request_at + self._timing.grace:
            return []
        self._killed = [i for i, p in enumerate(self.processes) if not p.ended]
        return self._stop(now)

    def _left_early(self, now: float) -> list[Output]:
        """One is gone from JAX's world, or waits at its exit, and the others do not follow."""
        for process, this in enumerate(self.processes):
            if this.finished and this.gone is not None and this.gone.in_world:
                if now >= this.gone_at + self._timing.exit_grace:
                    others = self._unfinished(process)
                    waited = f"for {self._timing.exit_grace:g} s"
                    detail = f"process {others} still runs, {waited}"
                    return self._death(self._left(process, detail), now)
            elif this.gone is None and (since := this.track.at.get("exiting")) is not None:
                others = self._unfinished(process)
                in_world = this.track.latest.initialised and not this.track.latest.left_world
                if in_world and others and now >= since + self._timing.barrier_grace:
                    detail = (
                        f"it waits in JAX's shutdown barrier since "
                        f"{self._timing.barrier_grace:g} s, and process {others} does not come"
                    )
                    return self._death(self._left(process, detail), now)
        return []

    def _unfinished(self, besides: int) -> str:
        return ", ".join(
            str(i)
            for i, p in enumerate(self.processes)
            if i != besides and p.gone is None and "exiting" not in p.track.at
        )

    def _left(self, process: int, detail: str) -> Death:
        this = self.processes[process]
        step = this.track.latest.step
        return Death(process, this.host, How.LEFT, exit_code=1, step=step, detail=detail)

    def _stuck_at_start(self, now: float) -> list[Output]:
        """Some wait in jax.distributed.initialize, for others that do not come there."""
        arrived = [
            p.track.at["initialising"] for p in self.processes if "initialising" in p.track.at
        ]
        if not arrived or len(arrived) == len(self.processes):
            return []
        if now < min(arrived) + self._timing.start_timeout:
            return []
        missing = [
            i
            for i, p in enumerate(self.processes)
            if "initialising" not in p.track.at and not p.ended
        ]
        if not missing:
            return []
        if self._stacks_at is None:
            self._stacks_at = now
            text = f"process {', '.join(map(str, missing))} has not come to initialize: asking why"
            return [Log(text), *(Send(DumpStack(self.number), to=i) for i in missing)]
        if all(i in self._stacks for i in missing) or now >= self._stacks_at + _STACK_WAIT_SECONDS:
            return self._death(self._stuck(missing[0], self._stacks.get(missing[0], "")), now)
        return []

    def _stuck(self, process: int, stack: str) -> Death:
        this = self.processes[process]
        latest = this.track.latest
        known = "JAX is imported" if latest.jax_imported else "JAX has not been imported"
        where = f"; its main thread is at {stack}" if stack else ""
        waiting = ", ".join(
            str(i) for i, p in enumerate(self.processes) if "initialising" in p.track.at
        )
        detail = f"process {waiting} waits for it there; {known}{where}"
        return Death(process, this.host, How.STUCK, step=latest.step, detail=detail)

    @property
    def step(self) -> int | None:
        """Process 0's reported step; where it reports none, the least of the others'."""
        steps = [p.track.latest.step for p in self.processes]
        if steps[0] is not None:
            return steps[0]
        return min((step for step in steps if step is not None), default=None)
