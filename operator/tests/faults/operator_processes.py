"""The operator as a process: started, killed, started again, all within one event loop."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from disturbance import DEADLY, OUTAGE_SECONDS, Disturbance
from disturbed import Disturbed, Log
from jaxop.kube.client import ApiClient
from line import Line

MOST_DEATHS = 5
"""Of its own, by FatalError, in one schedule."""
RESTARTED_AFTER_SECONDS = 2.0
"""By Kubernetes, where the operator has ended by itself."""


class OperatorParts(Protocol):
    """What a process of the operator runs, built on its client."""

    async def run(self) -> None: ...


BuildOperator = Callable[[ApiClient, str], OperatorParts]
"""From a client and the namespace to watch."""


class OperatorProcesses:
    """One at a time. `run` for as long as the schedule lasts."""

    def __init__(self, line: Line, log: Log, build: BuildOperator, namespace: str) -> None:
        self.starts = 0
        self.failures: list[BaseException] = []
        self._line = line
        self._log = log
        self._build = build
        self._namespace = namespace
        self._kill = asyncio.Event()
        self._remains: set[asyncio.Task[None]] = set()

    def kill(self) -> None:
        """As SIGKILL, from outside; the next one starts at once."""
        self._kill.set()

    async def run(self) -> None:
        """For ever. Raises what the operator raised if it ends too often."""
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            pause = await self._one()

    async def _one(self) -> float:
        """Seconds until the next one starts."""
        self.starts += 1
        fault = self._log.disturbance
        stale = self._log.fired_at is not None and fault is not None and "stale" in fault.sort
        wire = Disturbed(self._line, self._log, stale=stale and self.starts == 2)
        self._kill.clear()
        parts = self._build(ApiClient(wire), self._namespace)
        running = asyncio.create_task(parts.run(), name=f"operator {self.starts}")
        ends = [asyncio.create_task(wire.died.wait()), asyncio.create_task(self._kill.wait())]
        try:
            await asyncio.wait({running, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                self._ended_by_itself(running)
                return RESTARTED_AFTER_SECONDS
            wire.died.set()
            return _pause(fault) if not self._kill.is_set() else 0.0
        finally:
            wire.died.set()
            for end in ends:
                end.cancel()
            self._bury(running)

    async def clean_up(self) -> None:
        """What is left of those that were killed."""
        await asyncio.gather(*self._remains, return_exceptions=True)

    def _bury(self, running: "asyncio.Task[None]") -> None:
        """A dead process's tasks end beside its successor's: nothing of them reaches the server."""
        running.cancel()
        self._remains.add(running)
        running.add_done_callback(self._remains.discard)

    def _ended_by_itself(self, running: "asyncio.Task[None]") -> None:
        error = running.exception() or AssertionError("the operator has ended without an error")
        self.failures.append(error)
        if len(self.failures) >= MOST_DEATHS:
            raise error


def _pause(fault: Disturbance | None) -> float:
    if fault is None or fault.sort not in DEADLY:
        return 0.0
    return {"outage": OUTAGE_SECONDS, "stillborn": 1.0}.get(fault.sort, 0.0)
