"""The keeper's process: a pass every second in a thread, its pages, and an end within a second.

The thread is a daemon, so a volume that hangs keeps nothing but itself waiting. SIGTERM is seen
between two chunks of a copy; what is then half done is what the next keeper may find after a crash.
"""

import asyncio
import errno
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from jaxrun.cache.keeper.passes import Keeper
from jaxrun.cache.keeper.serve import KeeperServer
from jaxrun.cache.keeper.status import KeeperStatus
from jaxrun.cache.layout import LOCK
from jaxrun.contract import KEEPER_POLICY, KEEPER_PORT, KEEPER_VOLUME
from jaxrun.log import flush, say

VOLUME = "JAXRUN_KEEPER_VOLUME"
POLICY = "JAXRUN_KEEPER_POLICY"
PORT = "JAXRUN_KEEPER_PORT"
"""Other places than the contract's, for tests."""

_PASS_SECONDS = 1.0
_SILENT_SECONDS = 30.0
_END_SECONDS = 0.7
_ANOTHER = "another keeper is at work on this volume: this one stands by"


class _StoppedError(Exception):
    """The process has been asked to end."""


class KeeperThread:
    """Passes until it is stopped; `status` tells of them, and when there is none."""

    def __init__(self, volume: Path, policy: Path) -> None:
        self._keeper = Keeper(volume, policy)
        self._lock = _Lock(volume / LOCK)
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._alive_at = time.monotonic()
        self._problem: str | None = None

    def start(self) -> None:
        """In the background."""
        threading.Thread(target=self._run, name="jaxrun-keeper", daemon=True).start()

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        """Has it ended by then?"""
        return self._ended.wait(seconds)

    def status(self) -> KeeperStatus:
        """Of the last pass, or why there is no newer one."""
        silent = time.monotonic() - self._alive_at
        problem = self._problem
        if silent > _SILENT_SECONDS:
            problem = f"the volume has not answered for {silent:.0f} s"
        if problem is not None:
            return replace(self._keeper.status, problem=problem, ready=False)
        return self._keeper.status

    def _tick(self) -> None:
        self._alive_at = time.monotonic()
        if self._stopping.is_set():
            raise _StoppedError

    def _run(self) -> None:
        told: str | None = None
        while not self._stopping.is_set():
            self._alive_at = time.monotonic()
            try:
                if self._lock.take():
                    self._keeper.one_pass(self._tick)
                    self._problem = None
                else:
                    self._problem = _ANOTHER
            except _StoppedError:
                break
            except Exception as error:
                self._problem = f"a pass failed: {type(error).__name__}: {error}"
            problem = self._problem or self._keeper.status.problem
            if problem != told:
                say(f"keeper: {problem or 'all is well'}")
                told = problem
            self._stopping.wait(_PASS_SECONDS)
        self._ended.set()


class _Lock:
    """Says whether another keeper is at work; nothing is wrong where it cannot be told."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        if self._descriptor is not None:
            return True
        descriptor = -1
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o644)
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            with suppress(OSError):
                os.close(descriptor)
            # EACCES from opening says that the volume is somebody else's, not that it is locked.
            return descriptor < 0 or error.errno not in (errno.EAGAIN, errno.EACCES)
        self._descriptor = descriptor
        return True


def keep(environ: Mapping[str, str] = os.environ) -> int:
    """Until SIGTERM or SIGINT; returns the exit code."""
    thread = KeeperThread(
        Path(environ.get(VOLUME, KEEPER_VOLUME)), Path(environ.get(POLICY, KEEPER_POLICY))
    )
    asyncio.run(_serve(int(environ.get(PORT, KEEPER_PORT)), thread))
    thread.join(_END_SECONDS)
    flush(0.1)
    return 0


async def _serve(port: int, thread: KeeperThread) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stopper(stopping, thread))
    server = KeeperServer(port, thread.status)
    await server.start()
    say(f"keeper: serving /status on port {server.port}")
    thread.start()
    await stopping.wait()
    server.close()


def _stopper(stopping: asyncio.Event, thread: KeeperThread) -> Callable[[], None]:
    def stop() -> None:
        thread.stop()
        stopping.set()

    return stop
