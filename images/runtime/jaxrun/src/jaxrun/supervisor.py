"""The program as a process: spawn, signal, reap, kill with all that it left behind.

The launcher is the container's first process, or makes itself a subreaper: every orphan below it
becomes its child and is reaped. The program leads a session of its own, so that one signal reaches
its group, and dies with the launcher (PR_SET_PDEATHSIG).
"""

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Ended:
    """How a program ended; exactly one of the two is set."""

    exit_code: int | None
    signal: int | None
    error: str = ""
    """Why it never started, if it did not."""
    by_us: bool = False
    """Whether it ended as what we had sent it makes a program end."""


class Supervisor:
    """One program at a time."""

    def __init__(self, on_end: Callable[[Ended], None], kill_after: float) -> None:
        self.pid: int | None = None
        self.killing = False
        self._sent_sigkill = False
        self._on_end = on_end
        self._kill_after = kill_after
        self._group: int | None = None
        self._error = ""
        self._error_end: int | None = None
        self._kill_timer: asyncio.TimerHandle | None = None
        self._leftovers_timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def spawn(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start the program; it is on its way when this returns, `on_end` tells if it never came.

        Not through subprocess, which would block until the exec succeeded on whatever file system
        the program lies on.
        """
        self.killing = self._sent_sigkill = False
        self._error = ""
        parent = os.getpid()
        read_end, write_end = os.pipe()
        # A signal that comes between fork and exec must find the program, not our handlers.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        pid = os.fork()
        if pid == 0:
            _become(command, env, parent, write_end)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(write_end)
        os.set_blocking(read_end, False)
        self._error_end = read_end
        self._loop.add_reader(read_end, self._read_error)
        self.pid = self._group = pid

    def signal(self, number: int) -> None:
        """To the program's process group."""
        if self._group is None:
            return
        try:
            os.killpg(self._group, number)
        except ProcessLookupError:
            if self.pid is not None:  # it has not made its group yet
                self.signal_process(self.pid, number)
        except PermissionError:
            return

    def signal_process(self, pid: int, number: int) -> None:
        """To one process below us."""
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)

    def kill(self, after: float | None = None) -> None:
        """SIGTERM now, SIGKILL for everything below us `after` seconds; idempotent."""
        if self.killing:
            return
        self.killing = True
        self.signal(signal.SIGTERM)
        self._kill_timer = self._loop.call_later(
            self._kill_after if after is None else after, self.kill_now
        )

    def kill_now(self) -> None:
        """SIGKILL for the group and whatever else descends from us."""
        self.killing = self._sent_sigkill = True
        self.signal(signal.SIGKILL)
        for pid in descendants(os.getpid()):
            self.signal_process(pid, signal.SIGKILL)

    async def clear(self, patience: float) -> bool:
        """Wait until nothing is below us, killing what is; False if not so in `patience` seconds.

        Even SIGKILL does not end a process that waits for a device or a file system.
        """
        deadline = self._loop.time() + patience
        while descendants(os.getpid()) and self._loop.time() < deadline:
            self.kill_now()
            await asyncio.sleep(0.01)
            self._reap()
        if descendants(os.getpid()):
            return False
        if self._leftovers_timer is not None:
            self._leftovers_timer.cancel()
        return True

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self._ended(status)

    def _ended(self, status: int) -> None:
        self.pid = None
        if self._kill_timer is not None:
            self._kill_timer.cancel()
            self._kill_timer = None
        code = os.waitstatus_to_exitcode(status)
        by_us = self.killing and self._explains(code)
        self._read_error()
        # What it started and did not wait for has no parent any more; it may hold the devices.
        self.signal(signal.SIGTERM)
        leftovers = descendants(os.getpid())
        self._leftovers_timer = self._loop.call_later(
            self._kill_after, self._kill_leftovers, leftovers
        )
        exit_code, number = (code, None) if code >= 0 else (None, -code)
        self._on_end(Ended(exit_code, number, self._error, by_us))

    def _explains(self, code: int) -> bool:
        """Peers see a program's sockets close before we see it dead, so a stop may come too late.

        What died of a SIGKILL that we had not sent, or crashed, or left without a word, did so of
        itself.
        """
        if code == -signal.SIGKILL:
            return self._sent_sigkill
        return code in (0, -signal.SIGTERM, 128 + signal.SIGTERM)

    def _kill_leftovers(self, leftovers: Sequence[int]) -> None:
        for pid in set(leftovers) & set(descendants(os.getpid())):
            self.signal_process(pid, signal.SIGKILL)

    def _read_error(self) -> None:
        """The other end closes when the exec succeeds, or the child is gone."""
        if self._error_end is None:
            return
        with suppress(BlockingIOError):
            self._error = os.read(self._error_end, 1000).decode(errors="replace")
        self._loop.remove_reader(self._error_end)
        os.close(self._error_end)
        self._error_end = None


def _become(command: Sequence[str], env: Mapping[str, str], parent: int, error_end: int) -> None:
    """In the forked child: turn into the program, or exit 126 or 127 as a shell would."""
    code = 127
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            with suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvpe(command[0], list(command), dict(env))  # noqa: S606 - no shell is the point
    except FileNotFoundError:
        os.write(error_end, f"command not found: {command[0]}".encode())
    except OSError as error:
        code = 126
        os.write(error_end, f"cannot run {command[0]}: {error.strerror}".encode())
    finally:
        os._exit(code)


def descendants(root: int) -> list[int]:
    """All live processes below `root`, zombies left out."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_bytes()
        except OSError:
            continue
        state, parent = stat.rpartition(b")")[2].split()[:2]
        if state != b"Z":
            parents[int(entry.name)] = int(parent)
    found: list[int] = []
    below = {root}
    while below:
        below = {pid for pid, parent in parents.items() if parent in below}
        found += below
    return found
