"""The launcher: joins the gang, runs the program when all are there, ends as all end.

Everything that happens comes through one queue and is handled one at a time: the gang's words, the
loss of its connection, signals. The program's own news go from `run` straight to the gang.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from jaxrun import cause, contract, log, termination
from jaxrun.contract import Cause, GangState
from jaxrun.evidence import Death, How, StopRequest, Verdict
from jaxrun.gang.member import Connection, ConnectionLostError, RefusedError, join
from jaxrun.gang.protocol import (
    Bye,
    DumpStack,
    End,
    FromMember,
    FromServer,
    GangView,
    PleaseStop,
    Progress,
    Start,
    Stop,
    StopAsked,
    StopAt,
)
from jaxrun.gang.server import GangServer
from jaxrun.http import StatusServer
from jaxrun.log import say
from jaxrun.run import Run
from jaxrun.settings import BadSettingError, Settings, read_settings
from jaxrun.status import Status, gang_times

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_FORWARDED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
_DISPERSE_SECONDS = 3.0
_WATCH_SECONDS = 1.0


@dataclass(frozen=True)
class _Lost:
    """The connection to the gang is gone."""

    reason: str


@dataclass(frozen=True)
class _Asked:
    """Somebody outside wants us to stop."""

    signal: int


class Launcher:
    """One pod's launcher; `run` returns the exit code."""

    def __init__(self, settings: Settings, command: Sequence[str]) -> None:
        self._settings = settings
        self._command = command
        self._started = time.time()
        self._queue: asyncio.Queue[FromServer | _Lost | _Asked] = asyncio.Queue()
        self._server = GangServer(settings) if settings.leads else None
        self._connection: Connection | None = None
        self._run: Run | None = None
        self._view = GangView(GangState.JOINING, 0, tuple(range(settings.num_processes)))
        self._times: dict[str, float | None] = {}
        self._verdict: Verdict | None = None
        self._asked: int | None = None
        self._frozen_seconds = 0.0

    async def run(self) -> int:
        """Until the gang's verdict, which is written and becomes the exit code."""
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self._queue.put_nowait, _Asked(number))
        for number in _FORWARDED:
            loop.add_signal_handler(number, self._forward, number)
        http = StatusServer(self._settings.http_port, self._status)
        await http.start()
        tasks = [asyncio.create_task(self._take_part()), asyncio.create_task(self._watch_clock())]
        while self._verdict is None:
            self._verdict = self._handle(await self._queue.get())
        verdict = self._verdict = await self._part(self._verdict)
        for task in tasks:
            task.cancel()
        http.close()
        return verdict.exit_code

    async def _take_part(self) -> None:
        """Join, then pass on what the gang says; every failure becomes an item of the queue."""
        settings = self._settings
        host, port = settings.gang_address, settings.gang_port
        if self._server is not None:
            host, port = "127.0.0.1", await self._server.start()
        try:
            self._connection = connection = await join(settings, host, port)
        except RefusedError as error:
            say(f"process 0 refused process {settings.process_id}: {error}")
            self._queue.put_nowait(End(self._refused(str(error))))
            return
        try:
            while True:
                self._queue.put_nowait(await connection.receive())
        except ConnectionLostError as error:
            self._queue.put_nowait(_Lost(str(error)))

    def _handle(self, item: FromServer | _Lost | _Asked) -> Verdict | None:
        """Returns the verdict when there is one."""
        run = self._run
        if isinstance(item, _Asked):
            return self._asked_to_stop(item.signal)
        if isinstance(item, _Lost):
            return self._alone(item.reason)
        if isinstance(item, End):
            return item.verdict
        if isinstance(item, GangView):
            self._view = item
        elif isinstance(item, Start):
            self._start(item)
        elif run is None or getattr(item, "epoch", None) != run.epoch:
            return None
        elif isinstance(item, Stop):
            run.stop()
        elif isinstance(item, PleaseStop):
            run.please_stop()
        elif isinstance(item, StopAt):
            run.stop_at(item.call)
        elif isinstance(item, DumpStack):
            run.dump_stack()
        return None

    def _start(self, start: Start) -> None:
        say(
            f"epoch {start.epoch}: {self._settings.num_processes} joined, starting "
            f"process {self._settings.process_id}"
        )
        self._times["allJoined"] = self._times["spawned"] = time.time()
        self._run = Run(self._settings, start.epoch, self._send)
        self._run.start(self._command, start.coordinator_port, site_directory())

    def _asked_to_stop(self, number: int) -> Verdict | None:
        name = signal.Signals(number).name
        if self._run is None:
            missing = ", ".join(map(str, self._current_view().missing))
            text = f"asked to stop ({name}) while waiting for process {missing}"
            return self._own_verdict(Cause.PREEMPTED, 128 + number, text, number)
        if self._asked is None:
            self._asked = number
            say(f"asked to stop ({name}): the program has {self._settings.timing.grace:g} s")
            self._send(StopAsked(self._run.epoch, number))
        self._run.forward(number)
        return None

    def _alone(self, reason: str) -> Verdict:
        """Process 0 is gone, and with it whoever could tell what happened to the others."""
        settings, run = self._settings, self._run
        if run is None:
            # Not before the start: then the others are still waiting, and so can we.
            return self._own_verdict(Cause.PEER_LOST, cause.EXIT_PEER_LOST, f"lost: {reason}")
        if self._asked is not None:
            request = StopRequest(settings.process_id, settings.host, self._asked)
            return cause.preempted(request, run.epoch, run.step, (), run.death)
        if run.death is not None and not cause.is_consequence(run.death):
            return cause.verdict_of(run.death, run.epoch)
        process, host = 0, self._connection.server_host if self._connection else "?"
        if self._frozen_seconds:
            process, host = settings.process_id, settings.host
            reason = f"its launcher was not scheduled for {self._frozen_seconds:.1f} s"
        death = Death(process, host, How.LOST, step=run.step, detail=reason)
        return cause.verdict_of(death, run.epoch)

    async def _part(self, verdict: Verdict) -> Verdict:
        """The program is gone, the verdict is written, the gang knows that we know."""
        if self._run is not None:
            await self._run.finish()
        if not verdict.time:
            verdict = replace(verdict, time=time.time())
        problem = termination.write_termination(self._settings.termination_log, verdict)
        if problem is not None:
            say(problem)
        if verdict.cause is not None:
            say(f"{verdict.cause.value}: {verdict.message}; exiting with {verdict.exit_code}")
        if self._connection is not None:
            self._connection.send(Bye())
            await self._connection.close()
        if self._server is not None:
            await self._server.disperse(_DISPERSE_SECONDS)
        return verdict

    def _send(self, message: FromMember) -> None:
        if self._connection is not None:
            self._connection.send(message)

    def _forward(self, number: int) -> None:
        if self._run is not None:
            self._run.forward(number)

    async def _watch_clock(self) -> None:
        """Notices that this very process did not run: it must not blame others for it."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_WATCH_SECONDS)
            slept = time.monotonic() - before - _WATCH_SECONDS
            if slept > self._settings.timing.heartbeat_timeout - _WATCH_SECONDS:
                self._frozen_seconds = slept

    def _own_verdict(
        self, reason: Cause, exit_code: int, text: str, number: int | None = None
    ) -> Verdict:
        settings = self._settings
        return Verdict(
            reason,
            exit_code,
            f"process {settings.process_id} ({settings.host}) {text}",
            epoch=self._run.epoch if self._run is not None else 0,
            process=settings.process_id,
            host=settings.host,
            signal=number,
        )

    def _refused(self, reason: str) -> Verdict:
        text = f"was refused by process 0: {reason}"
        return self._own_verdict(Cause.PEER_LOST, cause.EXIT_REFUSED, text)

    def _current_view(self) -> GangView:
        """The gang as the server here sees it, or as the last word of the one elsewhere tells."""
        if self._server is None:
            return self._view
        gang = self._server.gang
        return GangView(gang.state(time.monotonic()), gang.joined, gang.missing)

    def _status(self) -> Status:
        run, server = self._run, self._server
        progress = run.progress if run is not None else Progress(0)
        step, view = run.step if run is not None else None, self._current_view()
        times = {"launcherStarted": self._started, **dict.fromkeys(_LOCAL_TIMES), **self._times}
        if server is not None:
            now = time.monotonic()
            gang = server.gang
            times = gang_times(gang, self._started, now)
            if step is None and gang.epoch is not None:
                step = gang.epoch.step
        return Status(
            settings=self._settings,
            view=view,
            epoch=run.epoch if run is not None else 0,
            progress=progress,
            step=step,
            step_seconds=run.step_seconds if run is not None else None,
            times=times,
            verdict=self._verdict,
        )


_LOCAL_TIMES = (
    "allJoined",
    "spawned",
    "jaxImported",
    "initialised",
    "firstCompile",
    "firstStep",
    "finished",
)


def site_directory() -> str | None:
    """Where sitecustomize and the program's `jaxrun` are: installed, or in this source tree."""
    here = Path(__file__).resolve().parent
    for directory in (here.parents[1] / "site", here / "site"):
        if (directory / "sitecustomize.py").exists():
            return str(directory)
    return None


def launch(command: Sequence[str]) -> NoReturn:
    """Be the launcher of `command` until the end; never returns."""
    try:
        settings = read_settings(os.environ)
    except BadSettingError as error:
        say(str(error))
        verdict = Verdict(Cause.PROGRAM_ERROR, cause.EXIT_REFUSED, str(error), epoch=0)
        path = os.environ.get("JAXRUN_TERMINATION_LOG", contract.TERMINATION_LOG)
        termination.write_termination(path, replace(verdict, time=time.time()))
        _exit(cause.EXIT_REFUSED)
    # Not asyncio.run, which would wait for name lookups and cancel connections noisily.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def run() -> int:
        return await Launcher(settings, command).run()

    _exit(loop.run_until_complete(run()))


def _exit(code: int) -> NoReturn:
    """Without waiting for threads, one of which may hang in a name lookup."""
    log.flush()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)
