"""Seconds of the main thread that went into data and checkpoints, each counted once.

Spans may lie in each other, and Orbax tells only at its end how long it took: what an inner one
has claimed, its outer one does not get. Other threads work beside the steps, and are not counted.
"""

from __future__ import annotations

import _thread
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Line(Protocol):
        """What spans need of a reporter."""

        main_thread: int
        progress: dict[str, Any]

        @property
        def speaks(self) -> bool: ...

        def note(self, **progress: Any) -> None: ...


KINDS = ("data", "checkpoint")
_SEND_INTERVAL_SECONDS = 0.1
_MOST_CLAIMS = 64


class Spans:
    """Those of one reporter; all times are of time.monotonic."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._open: list[str] = []
        self._claims: list[tuple[float, float]] = []
        self._sent_at = 0.0
        self._told_of_begin = False

    @property
    def here(self) -> bool:
        """Whether this thread's time counts."""
        return _thread.get_ident() == self._line.main_thread and self._line.speaks

    def begin(self, kind: str) -> float:
        """Entered a span; returns when."""
        now = time.monotonic()
        self._open.append(kind)
        self._wait_in(kind, now)
        return now

    def end(self, kind: str, since: float) -> None:
        """Left the innermost span, which `begin` had said began at `since`."""
        now = time.monotonic()
        if self._open:
            self._open.pop()
        self._add(kind, since, now)
        self._wait_in(self._open[-1] if self._open else "", now)

    def begun(self, kind: str) -> None:
        """Somebody who will tell how long it took has begun."""
        self._wait_in(kind, time.monotonic())

    def took(self, kind: str, seconds: float) -> None:
        """Somebody tells how long what has just ended took; "" claims it for nothing here."""
        now = time.monotonic()
        if kind:
            self._add(kind, now - seconds, now)
            self._wait_in(self._open[-1] if self._open else "", now)
        else:
            self._claim(now - seconds, now)

    def step(self) -> None:
        """A step was reported: whatever began outside of a span and never ended is over."""
        if not self._open and self._line.progress.get("waiting"):
            self._line.progress["waiting"] = ""
            self._told_of_begin = False

    def _add(self, kind: str, since: float, now: float) -> None:
        name = f"{kind}_seconds"
        progress = self._line.progress
        progress[name] = progress.get(name, 0.0) + self._claim(since, now)

    def _claim(self, since: float, now: float) -> float:
        """Seconds of this stretch that no other has; from now on it has them."""
        free = now - since
        before = []
        for start, end in self._claims:
            free -= max(min(end, now) - max(start, since), 0.0)
            if start < since:
                before.append((start, min(end, since)))
        self._claims = [*before[-_MOST_CLAIMS:], (since, now)]
        return max(free, 0.0)

    def _wait_in(self, kind: str, now: float) -> None:
        """Says so at once where it may last, or where the launcher believes something else."""
        self._line.progress["waiting"] = kind
        if (
            kind == "checkpoint"
            or self._told_of_begin
            or now >= self._sent_at + (_SEND_INTERVAL_SECONDS)
        ):
            self._sent_at = now
            self._told_of_begin = bool(kind)
            self._line.note()
