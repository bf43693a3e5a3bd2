"""Component processes: started with a log file each, recorded, watched and stopped by their id.

A process is known by its id *and* its start time, so that an id which the kernel has given to
somebody else meanwhile is never signalled.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.errors import ClusterError

DIES_WITH_US = ("setpriv", "--pdeathsig=KILL", "--")
"""A wrapper: the kernel kills the program when the thread that started it ends."""


@dataclass(frozen=True)
class ProcessId:
    pid: int
    start_time: int
    """In clock ticks since boot, as in /proc/PID/stat."""

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        started = _start_time(pid)
        return cls(pid, -1 if started is None else started)

    def alive(self) -> bool:
        return _start_time(self.pid) == self.start_time

    def signal(self, number: signal.Signals) -> None:
        if self.alive():
            os.kill(self.pid, number)


def _start_time(pid: int) -> int | None:
    """None if there is no such process, or only its zombie."""
    try:
        # The command's name, in parentheses, may itself hold spaces and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


@dataclass
class Component:
    """One running program. `argv` is what was asked for, without any wrapper."""

    name: str
    argv: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def id(self) -> ProcessId:
        return ProcessId.of(self.process.pid)

    def check(self) -> None:
        """Raises ClusterError if the program has ended: its exit code and last lines."""
        code = self.process.poll()
        if code is not None:
            raise ClusterError(
                f"{self.name} ended with exit code {code}. Its log, {self.log}, ends:\n"
                f"{last_lines(self.log)}"
            )

    def stop(self, grace_seconds: float = 5.0) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def start(
    name: str,
    argv: Sequence[str],
    log: Path,
    wrapper: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Component:
    """Starts `argv`, behind `wrapper`, in a session of its own, appending to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [*wrapper, *argv],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
    return Component(name, argv, log, process)


def last_lines(log: Path, lines: int = 12) -> str:
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def wait_gone(process: ProcessId, timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while process.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
