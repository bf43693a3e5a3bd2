"""Progress lines with the time since the start: "[ 12.3s] kube-apiserver is ready"."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    def __init__(self, quiet: bool = False) -> None:
        self._start = time.monotonic()
        self._quiet = quiet

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self._start

    def say(self, line: str) -> None:
        if not self._quiet:
            print(f"[{self.elapsed_seconds:6.1f}s] {line}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Announces `what`, and how long it took if that was worth a line."""
        self.say(what)
        start = time.monotonic()
        yield
        took = time.monotonic() - start
        if took > 2:
            self.say(f"{what}: done in {took:.1f}s")
