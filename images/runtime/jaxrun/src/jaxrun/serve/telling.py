"""Tells the launcher how the server is doing, and when its first step has been done.

What a training program reports as its first step is here the end of the load: with it the gang is
Running, what the cache gave until then is the first step's, and a Warmup is warm.
"""

import asyncio
from collections.abc import Callable

from jaxrun.program.api import report
from jaxrun.program.reporter import reporter

_INTERVAL_SECONDS = 1.0


class Telling:
    """Outside of a launcher it tells nobody."""

    def __init__(self, statistics: Callable[[], dict[str, object]]) -> None:
        self._statistics = statistics
        self._line = reporter()

    def tell(self) -> None:
        """Now."""
        if self._line is not None:
            self._line.note(serving=self._statistics())

    def loaded(self) -> None:
        """All buckets have been executed."""
        report(step=0)
        self.tell()

    async def keep_telling(self) -> None:
        """Once a second, until cancelled."""
        if self._line is None:
            return
        while True:
            self.tell()
            await asyncio.sleep(_INTERVAL_SECONDS)
