"""The launcher: joins the gang, runs the program when all are there, ends as all end.

Everything that happens comes through one queue and is handled one at a time: the gang's words, the
loss of its connection, signals. The program's own news go from `run` straight to the gang. What a
launcher says when it has to end on its own is in `alone`.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from jaxrun import cause, contract, log, termination
from jaxrun.alone import Alone
from jaxrun.contract import Cause, GangState, Scope
from jaxrun.events import Asked, Checked, Cleared, Lost, Overdue
from jaxrun.evidence import Death, Verdict
from jaxrun.gang.member import Connection, ConnectionLostError, GaveUpError, RefusedError, join
from jaxrun.gang.memory import Memory
from jaxrun.gang.protocol import (
    Bye,
    DumpStack,
    End,
    FromMember,
    FromServer,
    GangView,
    Gone,
    Idle,
    PleaseStop,
    Remember,
    Start,
    Stop,
    StopAsked,
    StopAt,
)
from jaxrun.gang.sequel import sequel
from jaxrun.gang.server import GangServer
from jaxrun.http import StatusServer
from jaxrun.log import say
from jaxrun.preflight import preflight
from jaxrun.program_cache import ProgramCache
from jaxrun.program_env import Place, site_directory
from jaxrun.run import Run
from jaxrun.settings import BadSettingError, Settings, read_settings
from jaxrun.status import Status, member_status, server_status
from jaxrun.termination import ProgramStart

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_FORWARDED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
_DISPERSE_SECONDS = 3.0
_ANSWER_SECONDS = 2.0
_WATCH_SECONDS = 1.0
_UNKILLABLE_SECONDS = 60.0
_MOST_KNOCKS = 8


_Event = FromServer | Lost | Asked | Checked | Cleared | Overdue


class Launcher:
    """One pod's launcher; `run` returns the exit code."""

    def __init__(self, settings: Settings, command: Sequence[str]) -> None:
        self._settings = settings
        self._command = command
        self._started = time.time()
        self._queue: asyncio.Queue[_Event] = asyncio.Queue()
        self._server = GangServer(settings) if settings.leads else None
        self._connection: Connection | None = None
        self._may_rejoin = asyncio.Event()
        self._knocks: asyncio.Queue[str] = asyncio.Queue(_MOST_KNOCKS)
        self._memory = Memory(ledger=settings.ledger)
        self._alone = Alone(settings)
        self._epoch = 0
        self._start_pending: Start | None = None
        self._hurry = asyncio.Event()
        self._check: asyncio.Task[Death | None] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._cache = ProgramCache(settings, os.environ)
        self._run: Run | None = None
        self._clearing: asyncio.Task[None] | None = None
        self._live = False
        """Whether there is a program, or something may be left of it."""
        self._view = GangView(GangState.JOINING, 0, tuple(range(settings.num_processes)))
        self._times: dict[str, float | None] = {}
        self._verdict: Verdict | None = None
        self._asked: int | None = None

    async def run(self) -> int:
        """Until the verdict, which is written and becomes the exit code."""
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self._queue.put_nowait, Asked(number))
        for number in _FORWARDED:
            loop.add_signal_handler(number, self._forward, number)
        http = StatusServer(self._settings.http_port, self._status, self._knocked)
        await http.start()
        self._check = self._look_at_host()
        self._cache.begin_to_link()
        tasks = [
            asyncio.create_task(self._take_part()),
            asyncio.create_task(self._watch_clock()),
            asyncio.create_task(self._cache.keep_offering(self._stepped)),
        ]
        while self._verdict is None:
            self._verdict = self._handle(await self._queue.get())
        verdict = self._verdict = await self._part(self._verdict)
        for task in tasks:
            task.cancel()
        http.close()
        return verdict.exit_code

    async def _take_part(self) -> None:
        """Join, pass on what the gang says, and join the next process 0 when this one is lost."""
        settings = self._settings
        host, port = settings.gang_address, settings.gang_port
        if self._server is not None:
            host, port = "127.0.0.1", await self._server.start()
        while True:
            patience = settings.timing.rejoin if self._memory.epoch else None
            try:
                connection = await join(settings, host, port, self._memory, self._knocks, patience)
            except RefusedError as error:
                say(f"process 0 refused process {settings.process_id}: {error}")
                self._queue.put_nowait(End(self._alone.refused(str(error), self._epoch)))
                return
            except GaveUpError as error:
                self._queue.put_nowait(End(self._alone.gave_up(str(error), self._epoch)))
                return
            self._connection = connection
            if self._asked is not None:
                self._send(StopAsked(self._asked))
            try:
                while True:
                    self._queue.put_nowait(await connection.receive())
            except ConnectionLostError as error:
                self._queue.put_nowait(Lost(str(error)))
            await connection.close()
            await self._may_rejoin.wait()
            self._may_rejoin.clear()

    def _handle(self, item: _Event) -> Verdict | None:
        """Returns the verdict when there is one."""
        run = self._run
        if isinstance(item, Asked):
            return self._asked_to_stop(item.signal)
        if isinstance(item, Overdue):
            return self._stopped_alone()
        if isinstance(item, Lost):
            return self._without_process_0(item.reason)
        if isinstance(item, End):
            return item.verdict
        if isinstance(item, Checked):
            self._checked(item)
        elif isinstance(item, Cleared):
            self._cleared()
        elif isinstance(item, GangView):
            self._view = item
            if item.state is GangState.RUNNING and run is not None and self._live:
                run.taken_as_running()
        elif isinstance(item, Remember):
            self._memory = item.memory
        elif isinstance(item, Start):
            self._start(item)
        elif isinstance(item, Stop):
            self._stop(item.epoch)
        elif run is None or not self._live or getattr(item, "epoch", None) != run.epoch:
            return None
        elif isinstance(item, PleaseStop):
            run.please_stop()
        elif isinstance(item, StopAt):
            run.stop_at(item.call)
        elif isinstance(item, DumpStack):
            run.dump_stack()
        return None

    def _start(self, start: Start) -> None:
        self._epoch = start.epoch
        self._memory = replace(self._memory, epoch=start.epoch)
        if self._asked is not None or self._live:
            self._send(Gone(start.epoch, None, None))
            return
        self._start_pending = start
        self._hurry.set()
        self._preparing = asyncio.create_task(self._prepare(start))

    async def _prepare(self, start: Start) -> None:
        """What was begun before the others were there."""
        death = await self._check if self._check is not None else None
        if death is None:
            await self._cache.linked()
        self._queue.put_nowait(Checked(start, death))

    def _look_at_host(self) -> "asyncio.Task[Death | None]":
        """Begun before the others are there; None once it has found nothing."""
        self._hurry.clear()
        check = preflight(self._settings, self._command, os.environ, self._hurry)
        return asyncio.create_task(check)

    def _checked(self, checked: Checked) -> None:
        start, self._start_pending = self._start_pending, None
        if start is None or start != checked.start:
            return
        if checked.death is not None:
            self._check = self._look_at_host()
            self._send(Gone(start.epoch, None, None, death=checked.death))
            return
        self._check = None
        self._spawn(start)

    def _spawn(self, start: Start) -> None:
        say(
            f"epoch {start.epoch}: {self._settings.num_processes} joined, starting "
            f"process {self._settings.process_id}"
        )
        self._times["allJoined"] = self._times["spawned"] = time.time()
        self._live, self._clearing = True, None
        self._run = Run(self._settings, start.epoch, self._send)
        place = Place(start.epoch, start.restarts, self._coordinator(), start.coordinator_port)
        self._run.start(self._command, place, site_directory(), self._cache.variables)

    def _coordinator(self) -> str:
        """Process 0's address as seen from here: names may lag behind."""
        if self._server is not None:
            return self._server.address
        assert self._connection is not None
        return self._connection.server_address

    def _stop(self, epoch: int) -> None:
        self._start_pending = None
        if self._live and self._run is not None and self._run.epoch == epoch:
            self._clear()
        else:
            self._send(Idle(epoch))

    def _clear(self) -> None:
        """Kill the program and all that it started; `Cleared` comes when nothing is left."""
        if self._clearing is None and self._run is not None:
            self._clearing = asyncio.create_task(self._finish(self._run))

    async def _finish(self, run: Run) -> None:
        until = time.monotonic() + _UNKILLABLE_SECONDS
        while not await run.finish():
            say("something of the program cannot be killed: it waits for a device or file system")
            if self._verdict is not None:
                return
            if time.monotonic() > until:
                self._queue.put_nowait(End(self._alone.cannot_kill(self._epoch)))
                return
        self._queue.put_nowait(Cleared())

    def _cleared(self) -> None:
        self._live = False
        self._cache.begin_to_link()
        if self._connection is None:
            self._may_rejoin.set()
        else:
            self._send(Idle(self._epoch))

    def _asked_to_stop(self, number: int) -> Verdict | None:
        run, timing = self._run, self._settings.timing
        if self._asked is None:
            self._asked = number
            if self._connection is None:
                return self._stopped_alone()
            self._send(StopAsked(number))
            if self._start_pending is not None:
                self._send(Gone(self._start_pending.epoch, None, None))
                self._start_pending = None
            patience = _ANSWER_SECONDS
            if self._live:
                say(
                    f"asked to stop ({signal.Signals(number).name}): the program has "
                    f"{timing.grace:g} s"
                )
                patience += timing.grace + timing.kill_after
            asyncio.get_running_loop().call_later(patience, self._queue.put_nowait, Overdue())
        if run is not None and self._live:
            run.forward(number)
        return None

    def _stopped_alone(self) -> Verdict:
        """Nobody is there to say how all of this ended."""
        assert self._asked is not None
        run = self._run if self._live else None
        return self._alone.stopped(self._asked, run, self._memory, self._current_view().missing)

    def _without_process_0(self, reason: str) -> Verdict | None:
        """With it went whoever could tell what happened to the others."""
        settings, connection = self._settings, self._connection
        self._connection = None
        host = connection.server_host if connection is not None else "?"
        if self._asked is not None:
            return self._stopped_alone()
        self._view = GangView(GangState.JOINING, 0, (0,))
        self._start_pending = None
        if not self._live or self._run is None:
            if not settings.policy.in_place:
                return self._alone.lost(reason, self._epoch)
            self._may_rejoin.set()
            return None
        seen = [record.epoch for record in self._memory.restarts]
        if self._run.epoch not in seen:
            verdict, death = self._alone.after_loss(self._run, self._memory, host, reason)
            follows = sequel(verdict, death, settings.policy, self._memory.ledger, False)
            if not follows.restarts:
                return verdict
            self._memory = self._memory.with_failure(verdict, follows.ledger, follows.delay_seconds)
            say(f"{verdict.message}; waiting for the next process 0")
        self._clear()
        return None

    async def _part(self, verdict: Verdict) -> Verdict:
        """The program is gone, the verdict is written, the gang knows that we know."""
        if self._live:
            self._clear()
        if self._clearing is not None:
            await self._clearing
        self._write(verdict)
        await self._cache.offer_rest(asked_to_stop=self._asked is not None)
        self._write(verdict)
        if verdict.cause is not None:
            say(f"{verdict.cause.value}: {verdict.message}; exiting with {verdict.exit_code}")
        if self._connection is not None:
            self._connection.send(Bye())
            await self._connection.close()
        if self._server is not None:
            await self._server.disperse(_DISPERSE_SECONDS if verdict.scope is Scope.GANG else 0.0)
        return verdict

    def _write(self, verdict: Verdict) -> None:
        status = self._status().as_json()
        start = ProgramStart() if self._run is None else ProgramStart.told_by(status)
        path = self._settings.termination_log
        problem = termination.write_termination(path, verdict, start)
        if problem is not None:
            say(problem)

    def _stepped(self) -> bool:
        return self._live and self._current_view().state is GangState.RUNNING

    def _send(self, message: FromMember) -> None:
        if self._connection is not None:
            self._connection.send(message)

    def _forward(self, number: int) -> None:
        if self._run is not None and self._live:
            self._run.forward(number)

    def _knocked(self, address: str) -> None:
        """Whoever knocks may be the next process 0; the handshake tells."""
        with suppress(asyncio.QueueFull):
            self._knocks.put_nowait(address)

    async def _watch_clock(self) -> None:
        """Notices that this very process did not run: it must not blame others for it."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_WATCH_SECONDS)
            slept = time.monotonic() - before - _WATCH_SECONDS
            if slept > self._settings.timing.heartbeat_timeout - _WATCH_SECONDS:
                self._alone.frozen_seconds = slept

    def _current_view(self) -> GangView:
        """The gang as the server here sees it, or as the last word of the one elsewhere tells."""
        if self._server is None:
            return self._view
        gang = self._server.gang
        return GangView(gang.state(time.monotonic()), gang.joined, gang.missing)

    def _status(self) -> Status:
        view = self._current_view()
        if self._server is not None:
            gang = self._server.gang
            return server_status(
                self._settings, gang, view, self._run, self._started, self._verdict, self._cache.use
            )
        times = {"launcherStarted": self._started, **self._times}
        return member_status(
            self._settings, view, self._run, times, self._memory, self._verdict, self._cache.use
        )


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
