"""The life of a server's process, from its first moment to its exit.

    HTTP up -> the factory is imported and called, the engine loaded, in a thread -> serving
    -> SIGTERM -> unready, still answering -> draining -> exit 0

At SIGTERM others may still send requests here, until they have all heard that this server is gone:
so it answers on, ends connections as it answers, and drains when no more requests come. A second
signal ends the process at once. A load that fails raises out of `run`: Python prints it, and the
launcher classifies it.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from jaxrun import contract
from jaxrun.serve.dispatch import Server
from jaxrun.serve.entry import make_model
from jaxrun.serve.errors import EngineBroken
from jaxrun.serve.http.app import Application
from jaxrun.serve.http.listener import bound_socket, listener
from jaxrun.serve.liveness import Liveness
from jaxrun.serve.settings import ServeSettings
from jaxrun.serve.state import Draining, Unready
from jaxrun.serve.telling import Telling

if TYPE_CHECKING:
    from jaxrun.serve.engine import Engine

_LEAST_ANSWERING_SECONDS = 2.0
"""After SIGTERM: the time that proxies need to hear that this server is gone."""
_MOST_ANSWERING_SECONDS = 5.0
_QUIET_SECONDS = 1.0
_LOOK_SECONDS = 0.05
_PORT = "JAXRUN_SERVING_PORT"

_log = logging.getLogger("jaxrun.serve")


def run(entry: str, settings: ServeSettings, environ: Mapping[str, str]) -> None:
    """Serve until told to stop; returns for exit code 0.

    Raises what the load raises, and OSError where the port is taken.
    """
    logging.basicConfig(format="jaxrun serve: %(message)s")
    _log.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    port = int(environ.get(_PORT) or contract.SERVING_PORT)
    process = Process(entry, settings)
    if environ.get(contract.WARMUP):
        asyncio.run(process.warm())
    else:
        process.run(port)
    process.leave()


class Process:
    """Of one model; `run` or `warm`, once."""

    def __init__(self, entry: str, settings: ServeSettings) -> None:
        self._entry = entry
        self._settings = settings
        self._server = Server(settings)
        self._liveness = Liveness()
        self._application = Application(self._server, self._alive, self._server.exposition)
        self._telling = Telling(self._server.statistics)
        self._listener = listener(self._application, settings.drain_seconds)
        self._engine: Engine | None = None
        self._asked: signal.Signals | None = None
        self._stop = asyncio.Event()

    async def warm(self) -> None:
        """Load, and be done: a Warmup wants what is compiled on the way."""
        telling = asyncio.ensure_future(self._telling.keep_telling())
        await self._load()
        telling.cancel()

    def run(self, port: int) -> None:
        """Serve, on the fastest event loop that the user's image has."""
        loop = (self._listener.config.get_loop_factory() or asyncio.new_event_loop)()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._serve(port))

    def leave(self) -> None:
        """Ends the process with success, where nobody waits for it at JAX's shutdown barrier: the
        interpreter's own end takes seconds with JAX."""
        import jax

        if jax.process_count() == 1:
            _leave(0)

    async def _serve(self, port: int) -> None:
        self._listen_for_signals()
        serving = asyncio.ensure_future(self._listener.serve([bound_socket(port)]))
        telling = asyncio.ensure_future(self._telling.keep_telling())
        stopping = asyncio.ensure_future(self._stop.wait())
        loading = asyncio.ensure_future(self._load())
        _log.info("port %d, loading %s", port, self._entry)
        await _first_of(serving, loading, stopping)
        if loading.done() and not stopping.done():
            following = asyncio.ensure_future(self._follow())
            await _first_of(serving, following, stopping)
            following.cancel()
        if not loading.done():
            # Nothing was promised to anybody, and a thread that compiles cannot be cancelled.
            _log.info("stopped while loading")
            _leave(0)
        await self._drain()
        self._listener.should_exit = True
        await serving
        telling.cancel()
        self._telling.tell()

    async def _load(self) -> None:
        loop = asyncio.get_running_loop()

        def make() -> "Engine":
            # JAX is the user's, and imported only now: others need not wait for it to be heard.
            from jaxrun.serve.engine import Engine, world

            world.enter()
            # JAX's own handler of SIGTERM, which a world brings, would leave us deaf.
            loop.call_soon_threadsafe(self._listen_for_signals)
            model = make_model(self._entry).with_buckets(self._settings.buckets)
            loop.call_soon_threadsafe(self._application.add, model)
            self._engine = Engine(model, self._settings.limits.depth)
            return self._engine

        began = time.monotonic()
        await self._server.load(make)
        assert self._engine is not None
        _keep_all()
        self._application.add(self._engine.model, self._engine.output_dtypes)
        self._telling.loaded()
        _log.info("ready after %.1f s", time.monotonic() - began)

    async def _follow(self) -> None:
        """Returns when process 0 of the replica has ended; never where this process serves.

        Raises EngineBroken: the replica goes on without this process, which is of no use then.
        """
        assert self._engine is not None
        while self._engine.follows:
            await asyncio.sleep(_QUIET_SECONDS)
            state = self._server.state
            if isinstance(state, Draining):
                return
            if isinstance(state, Unready):
                raise EngineBroken(state.reason)
        await asyncio.Event().wait()

    async def _drain(self) -> None:
        until = time.monotonic() + self._settings.drain_seconds
        if self._asked is signal.SIGTERM:
            await self._answer_on(self._settings.drain_seconds / 2)
        self._server.drain()
        self._telling.tell()
        if not await self._server.drained(max(until - time.monotonic(), 0.0)):
            _log.warning("not all requests were answered within %g s", self._settings.drain_seconds)

    async def _answer_on(self, at_most_seconds: float) -> None:
        """Until nobody has asked for a while, and they have had the time to hear of it."""
        began = quiet_since = time.monotonic()
        seen = self._application.requests
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            if self._application.requests != seen:
                seen, quiet_since = self._application.requests, now
            quiet = now - quiet_since >= _QUIET_SECONDS
            if quiet and now - began >= min(_LEAST_ANSWERING_SECONDS, at_most_seconds):
                return
            if now - began >= min(_MOST_ANSWERING_SECONDS, at_most_seconds):
                return

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop, number)

    def _asked_to_stop(self, number: signal.Signals) -> None:
        if self._asked is not None:
            _log.info("%s again: not waiting for anybody", number.name)
            _leave(128 + number)
        _log.info("%s: unready, draining within %g s", number.name, self._settings.drain_seconds)
        self._asked = number
        self._application.closing = True
        self._stop.set()

    def _alive(self) -> bool:
        return self._liveness.alive(self._server.state, time.monotonic())


async def _first_of(*tasks: "asyncio.Future[Any]") -> None:
    """Returns when one is done; raises what that one raised."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()


def _keep_all() -> None:
    """What there is now, JAX and the model, stays to the end: a garbage collector that looked
    through it, now and then, would hold up all answers for 30 ms and more."""
    gc.collect()
    gc.freeze()


def _leave(code: int) -> NoReturn:
    """Without waiting for threads."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
