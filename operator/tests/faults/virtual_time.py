"""An event loop whose clock moves only when nothing else can: waiting costs nothing, and how busy
the machine is changes nothing.

Time stands still while anything is on its way: a request without its answer, a watch that has not
yet delivered what was written. Only then does the clock jump to the next timer. So a schedule is
played in the same order on any machine, and an hour of it takes a second.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

PATIENCE_SECONDS = 60.0
"""Of real time, for what is on its way; then time goes on without it, and that is counted."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`loop.time()` starts at 0; `now()` is the same moment on a wall clock.

    `busy` marks what is on its way; `on_its_way` are further questions: True while it is not time
    to go on.
    """

    def __init__(self) -> None:
        self._virtual = 0.0
        self._busy = 0
        self.on_its_way: list[Callable[[], bool]] = []
        self.overdue = 0
        """How often something on its way did not come. More than 0 is a fault of the harness."""
        self._epoch = datetime.now(UTC).replace(microsecond=0)
        super().__init__(_Waiting(self))

    def time(self) -> float:
        return self._virtual

    def now(self) -> datetime:
        return self._epoch + timedelta(seconds=self._virtual)

    @contextmanager
    def busy(self) -> Iterator[None]:
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def pass_time(self, seconds: float) -> None:
        self._virtual += seconds

    def is_quiet(self) -> bool:
        return not self._busy and not any(ask() for ask in self.on_its_way)


class _Waiting(selectors.BaseSelector):
    """A selector that moves the loop's clock instead of sleeping."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._real = selectors.DefaultSelector()
        self._loop = loop
        self._waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            self._waited = 0.0
            return ready
        if not self._loop.is_quiet() and self._waited < PATIENCE_SECONDS:
            began = time.monotonic()
            ready = self._real.select(0.5)
            self._waited = 0.0 if ready else self._waited + time.monotonic() - began
            return ready
        if self._waited >= PATIENCE_SECONDS:
            self._loop.overdue += 1
            self._waited = 0.0
        if timeout is None:
            return self._real.select(0.5)
        self._loop.pass_time(timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        found = self._real.get_map()
        return found if found is not None else {}

    def close(self) -> None:
        self._real.close()


def virtual_loop() -> VirtualTimeLoop:
    """The loop that this runs in."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop
