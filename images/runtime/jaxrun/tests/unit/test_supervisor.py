"""How a program's end is told apart from what we did to it."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from jaxrun.supervisor import Ended, Supervisor


class AProgram:
    def __init__(self, kill_after: float = 60) -> None:
        self.end: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.supervisor = Supervisor(self.end.set_result, kill_after)

    def starts(self, *command: str) -> "AProgram":
        self.supervisor.spawn(command, os.environ)
        return self

    async def ends(self) -> Ended:
        return await asyncio.wait_for(self.end, 60)


def wait_until_sigterm_is_ignored(pid: int) -> None:
    """Others may be ignored too: a shell's background jobs inherit that for SIGINT."""
    deadline = time.monotonic() + 60
    while not ignored_signals(pid) & 1 << signal.SIGTERM - 1:
        assert time.monotonic() < deadline, Path(f"/proc/{pid}/status").read_text()
        time.sleep(0.01)


def ignored_signals(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigIgn:"):
            return int(line.split()[1], 16)
    raise AssertionError(f"process {pid} has no SigIgn")


@pytest.fixture
async def a_program() -> AsyncIterator[Callable[..., AProgram]]:
    yield AProgram
    asyncio.get_running_loop().remove_signal_handler(signal.SIGCHLD)


async def test_exit_codes_and_signals(a_program: Callable[..., AProgram]) -> None:
    assert await a_program().starts("sh", "-c", "exit 3").ends() == Ended(3, None)
    assert await a_program().starts("sh", "-c", "kill -11 $$").ends() == Ended(None, 11)


async def test_what_cannot_start(a_program: Callable[..., AProgram]) -> None:
    ended = await a_program().starts("no-such-thing").ends()
    assert ended == Ended(127, None, "command not found: no-such-thing")


async def test_what_we_kill_is_killed_by_us(a_program: Callable[..., AProgram]) -> None:
    polite = a_program().starts("sleep", "60")
    polite.supervisor.kill()
    assert await polite.ends() == Ended(None, 15, by_us=True)
    stubborn = a_program(0.2).starts("sh", "-c", "trap '' TERM; while :; do sleep 60; done")
    assert stubborn.supervisor.pid is not None
    await asyncio.to_thread(wait_until_sigterm_is_ignored, stubborn.supervisor.pid)
    stubborn.supervisor.kill()
    assert await stubborn.ends() == Ended(None, 9, by_us=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_program_that_was_dead_before_our_signal_died_of_itself(
    a_program: Callable[..., AProgram], number: int
) -> None:
    """Its peers see its sockets close, and the gang says stop, before we are told of its end."""
    program = a_program().starts("sleep", "60")
    assert program.supervisor.pid is not None
    os.kill(program.supervisor.pid, number)
    program.supervisor.kill()
    ended = await program.ends()
    assert (ended.signal, ended.by_us) == (number, False)
