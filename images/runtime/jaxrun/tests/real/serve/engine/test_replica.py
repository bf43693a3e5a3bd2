"""A replica of two processes with two devices each: one serves, neither lives alone."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from ports import free_ports

PROGRAM = Path(__file__).with_name("replica_process.py")
SOURCE = Path(__file__).parents[4] / "src"


class Process:
    """One of the replica; all that it prints is kept.

    Standard error by itself: JAX's C++ writes there in pieces, in the middle of any line.
    """

    def __init__(self, number: int, port: int) -> None:
        address = f"127.0.0.1:{port}"
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("JAX", "OMPI", "XLA"))},
            "PYTHONPATH": str(SOURCE),
            "JAX_PLATFORMS": "cpu",
            "JAX_COORDINATOR_ADDRESS": address,
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        }
        self.popen = subprocess.Popen(
            [sys.executable, str(PROGRAM), address, "2", str(number)],
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            threading.Thread(target=_read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.popen.stdout, self.lines), (self.popen.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()

    def say(self, line: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def wait_for(self, text: str, seconds: float = 120.0) -> str:
        deadline = time.monotonic() + seconds
        while True:
            for line in list(self.lines):
                if text in line:
                    return line
            assert time.monotonic() < deadline, f"no {text!r} in {seconds} s:\n{self.printed}"
            time.sleep(0.02)

    @property
    def printed(self) -> str:
        return "\n".join([*self.lines, *self.errors])

    def ends(self, seconds: float = 60.0) -> int:
        """Within a minute; left to themselves JAX's heartbeats take 100 s."""
        code = self.popen.wait(seconds)
        for reader in self._readers:
            reader.join(60)
        return code

    def close(self) -> None:
        self.popen.kill()
        self.popen.wait(60)


def _read(stream: IO[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line.rstrip())


@pytest.fixture
def replica() -> Iterator[tuple[Process, Process]]:
    (port,) = free_ports(1)
    processes = Process(0, port), Process(1, port)
    try:
        processes[0].wait_for("leads")
        processes[1].wait_for("follows")
        yield processes
    finally:
        for process in processes:
            process.close()


def test_process_0_answers_for_all_and_all_end_together(replica: tuple[Process, Process]) -> None:
    leader, follower = replica
    leader.say("2 1")
    leader.wait_for("answer [8.0, 12.0, 16.0, 20.0]")
    leader.say("4 30")
    leader.wait_for("answer [480.0, 720.0, 960.0, 1200.0]")
    leader.say("end")
    assert [leader.ends(), follower.ends()] == [0, 0], leader.printed + follower.printed
    answers = [line for line in leader.lines if line.startswith("answer")]
    assert len(answers) == 31
    assert not [line for line in follower.lines if line.startswith("answer")]


def test_the_leader_ends_when_a_follower_dies_though_nothing_runs(
    replica: tuple[Process, Process],
) -> None:
    leader, follower = replica
    follower.popen.send_signal(signal.SIGKILL)
    assert leader.ends() == 1
    assert "process 1 of this replica is gone" in leader.printed


def test_a_follower_ends_when_the_leader_dies_though_nothing_runs(
    replica: tuple[Process, Process],
) -> None:
    leader, follower = replica
    leader.popen.send_signal(signal.SIGKILL)
    assert follower.ends() != 0
    # JAX's own client notices in the same moment, and aborts the process while it tells.
    causes = ("process 0 of this replica is gone", "JAX distributed service detected fatal errors")
    assert any(cause in follower.printed for cause in causes), follower.printed
