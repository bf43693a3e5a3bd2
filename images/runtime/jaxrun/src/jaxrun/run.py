"""One epoch's program in this launcher: starts it, listens to it, judges how it ended.

The uncaught exception or announced exit code is the death, not the exit that follows: JAX may hang
for 300 s in its shutdown barrier between the two.
"""

import asyncio
import dataclasses
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from jaxrun.cgroup import own_memory_cgroup
from jaxrun.channel import Channel, NoChannelError
from jaxrun.compile_status import FirstStep, first_step
from jaxrun.evidence import Death, ExceptionReport, How
from jaxrun.expectation import Found, mismatch
from jaxrun.gang.protocol import Calls, Died, FromMember, Gone, Stack
from jaxrun.log import say
from jaxrun.observation import observe
from jaxrun.preflight import judged
from jaxrun.program_env import Place, program_environment
from jaxrun.program_progress import Progress
from jaxrun.serving import Serving, observe_serving
from jaxrun.settings import Settings
from jaxrun.stack import innermost
from jaxrun.supervisor import Ended, Supervisor

_SEND_INTERVAL_SECONDS = 0.2
_CALLS_DELAY_SECONDS = 0.01
_STACK_DELAY_SECONDS = 1.0
_LONGEST_FAREWELL_SECONDS = 2.0
_FAREWELL_OUTSIDE_A_WORLD_SECONDS = 5.0
STACK_SIGNAL = signal.SIGRTMIN + 7


class Run:
    """Epoch `epoch` of `command`; what it has to say goes to `send`."""

    def __init__(
        self,
        settings: Settings,
        epoch: int,
        send: Callable[[FromMember], None],
    ) -> None:
        self.epoch = epoch
        self.progress = Progress(epoch)
        self.death: Death | None = None
        self.ended: Ended | None = None
        self.step_seconds: float | None = None
        self.first_step: FirstStep | None = None
        self.serving: Serving | None = None
        self._spawned_at = 0.0
        self._stepped: tuple[int, float] | None = None
        self._settings = settings
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._supervisor = Supervisor(self._program_ended, settings.timing.kill_after)
        self._channel: Channel | None = None
        self._memory = own_memory_cgroup()
        self._oom_kills_before = 0
        self._gone = asyncio.Event()
        self._reacted = False
        """Whether it announced its end only after it had been told to stop."""
        self._hint: ExceptionReport | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._progress_timer: asyncio.TimerHandle | None = None

    def start(
        self, command: Sequence[str], place: Place, site: str | None, cache: Mapping[str, str]
    ) -> None:
        """Spawn the program; `cache` are the variables of its compile cache."""
        try:
            self._channel = Channel(self._heard)
        except NoChannelError as error:
            say(f"the program runs unobserved, with no steps or exceptions reported: {error}")
        if self._memory is not None:
            self._oom_kills_before = self._memory.oom_kills()
        channel = str(self._channel.directory) if self._channel is not None else None
        env = program_environment(self._settings, place, os.environ, channel, site, cache)
        self._spawned_at = self._loop.time()
        self._supervisor.spawn(command, env)
        self._send(self.progress)

    def taken_as_running(self) -> None:
        """By the gang: a program that reports no step has done its first, if it has compiled."""
        compiled = self.progress.compile_count > 0 and not self.progress.compiling
        if self.first_step is None and compiled:
            self._first_step_done()

    def forward(self, number: int) -> None:
        """A signal from outside, to the program's group."""
        self._supervisor.signal(number)

    def stop(self) -> None:
        """The epoch is over: the program, which may hang in a collective, is killed.

        One that has raised is given the time to print its traceback first.
        """
        if self.death is None or self.death.how is not How.RAISED:
            self._supervisor.kill()

    def please_stop(self) -> None:
        """should_stop waits from now on; tell how far it has got."""
        if self._channel is not None:
            self._channel.flag.freeze()
        self._later(_CALLS_DELAY_SECONDS, self._tell_calls)

    def stop_at(self, call: int) -> None:
        """should_stop answers True from this call on."""
        if self._channel is not None:
            self._channel.flag.stop_at = call

    def dump_stack(self) -> None:
        """Ask the program's Python where it is, and tell the gang."""
        asked = list(self._channel.stacks()) if self._channel is not None else []
        for pid in asked:
            self._supervisor.signal_process(pid, STACK_SIGNAL)
        self._later(_STACK_DELAY_SECONDS if asked else 0.0, self._tell_stack)

    async def finish(self) -> bool:
        """Wait until the program and all below it are gone, killing what stays.

        False if something cannot be killed.
        """
        if self.ended is None:
            self.stop()
            farewell = self._settings.timing.kill_after + _FAREWELL_OUTSIDE_A_WORLD_SECONDS
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._gone.wait(), farewell)
        cleared = await self._supervisor.clear(_FAREWELL_OUTSIDE_A_WORLD_SECONDS)
        for timer in self._timers:
            timer.cancel()
        if self._channel is not None:
            self.progress = dataclasses.replace(self.progress, step=self.step)
            self._channel.close()
            self._channel = None
        return cleared

    @property
    def step(self) -> int | None:
        """The latest reported step, exact even if its message was never sent."""
        if self._channel is not None and self._channel.flag.step is not None:
            return self._channel.flag.step
        return self.progress.step

    @property
    def _in_world(self) -> bool:
        return self.progress.initialised and not self.progress.left_world

    def _heard(self, pid: int, message: dict[str, Any]) -> None:
        kind = message.get("kind")
        initialised = message.get("initialised") is True
        is_program = pid == self._supervisor.pid or initialised
        if kind == "progress":
            self.serving = observe_serving(message) or self.serving
            self._progressed(observe(self.progress, message))
        elif kind == "raised":
            exception = _exception(message)
            if is_program:
                self._raised(exception)
            elif message.get("top") is True:
                # Of a Python below a shell script, say, which may well go on.
                self._hint = exception
        elif kind == "printed":
            if is_program and self._in_world and self._settings.num_processes > 1:
                self._later(self._settings.timing.kill_after, self._supervisor.kill_now)
        elif kind == "found":
            self._look_at(Found().told(message))
        elif kind == "exiting" and is_program:
            self._exiting(message.get("code"))

    def _progressed(self, progress: Progress) -> None:
        if progress == self.progress:
            return
        old, self.progress = self.progress, progress
        if old.step is None and progress.step is not None:
            self._first_step_done()
        self._time_steps(progress.step)
        quiet = dataclasses.replace(
            progress,
            step=old.step,
            metrics=old.metrics,
            compile_count=old.compile_count,
            compile_seconds=old.compile_seconds,
            data_seconds=old.data_seconds,
            checkpoint_seconds=old.checkpoint_seconds,
            waiting=old.waiting,
            compiled=old.compiled,
        )
        urgent = quiet != old or (old.step is None) != (progress.step is None)
        if urgent:
            self._send(progress)
        elif self._progress_timer is None:
            self._progress_timer = self._later(_SEND_INTERVAL_SECONDS, self._send_progress)

    def _first_step_done(self) -> None:
        self.first_step = first_step(self.progress, self._loop.time() - self._spawned_at)

    def _look_at(self, found: Found) -> None:
        """No step is to be taken on something else than was asked for."""
        death = judged(self._settings, mismatch(self._settings, found))
        if death is not None and self.death is None and not self._supervisor.killing:
            self._die(death.how, detail=death.detail)
            self._supervisor.kill_now()

    def _time_steps(self, step: int | None) -> None:
        now = self._loop.time()
        if step is None or (self._stepped is not None and step == self._stepped[0]):
            return
        if self._stepped is not None and step > self._stepped[0]:
            self.step_seconds = (now - self._stepped[1]) / (step - self._stepped[0])
        self._stepped = (step, now)

    def _send_progress(self) -> None:
        self._progress_timer = None
        self._send(self.progress)

    def _raised(self, exception: ExceptionReport) -> None:
        if self.death is not None or self._supervisor.killing:
            self._reacted = True
            return
        self._die(How.RAISED, exit_code=1, exception=exception)
        hangs = self._in_world and self._settings.num_processes > 1
        patience = _LONGEST_FAREWELL_SECONDS if hangs else _FAREWELL_OUTSIDE_A_WORLD_SECONDS
        self._later(patience, self._supervisor.kill_now)

    def _exiting(self, code: object) -> None:
        if self.death is not None or self._supervisor.killing:
            self._reacted = True
            return
        if isinstance(code, int) and code != 0:
            self._die(How.EXITED, exit_code=code)
            hangs = self._in_world and self._settings.num_processes > 1
            patience = self._settings.timing.kill_after if hangs else _LONGEST_FAREWELL_SECONDS
            self._later(patience, self._supervisor.kill_now)
        else:
            self._progressed(dataclasses.replace(self.progress, exiting=True))

    def _die(self, how: How, **evidence: Any) -> None:
        self._send_progress()
        self.death = Death(
            self._settings.process_id, self._settings.host, how, step=self.step, **evidence
        )
        self._send(Died(self.epoch, self.death))

    def _program_ended(self, ended: Ended) -> None:
        if self._channel is not None:
            self._channel.drain()
        self.ended = ended
        self._gone.set()
        death = None
        if self.death is None and not ended.by_us and not self._reacted and ended.exit_code != 0:
            death = self.death = self._judge(ended)
        self._send_progress()
        self._send(
            Gone(
                self.epoch,
                ended.exit_code,
                ended.signal,
                in_world=self._in_world,
                step=self.step,
                death=death,
            )
        )

    def _judge(self, ended: Ended) -> Death:
        memory = None
        if self._memory is not None:
            memory = self._memory.evidence_since(self._oom_kills_before)
        how = How.SIGNALLED if ended.signal is not None else How.EXITED
        return Death(
            self._settings.process_id,
            self._settings.host,
            how,
            exit_code=ended.exit_code,
            signal=ended.signal,
            exception=self._hint if ended.signal is None else None,
            memory=memory,
            step=self.step,
            detail=ended.error,
        )

    def _tell_calls(self) -> None:
        calls = self._channel.flag.calls if self._channel is not None else 0
        self._send(Calls(self.epoch, calls))

    def _tell_stack(self) -> None:
        texts = self._channel.stacks().values() if self._channel is not None else ()
        shown = [text for text in texts if text]
        for text in shown:
            say(f"where the program is:\n{text}")
        self._send(Stack(self.epoch, innermost(shown[0]) if shown else ""))

    def _later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        timer = self._loop.call_later(seconds, call)
        now = self._loop.time()
        self._timers = [t for t in self._timers if not t.cancelled() and t.when() > now]
        self._timers.append(timer)
        return timer


def _exception(message: dict[str, Any]) -> ExceptionReport:
    bases = message.get("bases")
    return ExceptionReport(
        type=str(message.get("type", "Exception"))[:200],
        message=str(message.get("message", ""))[:2000],
        bases=tuple(str(base)[:200] for base in bases[:16]) if isinstance(bases, list) else (),
        where=str(message.get("where", ""))[:300],
        compiling=message.get("compiling") is True,
        traceback=str(message.get("traceback", ""))[-4000:],
    )
