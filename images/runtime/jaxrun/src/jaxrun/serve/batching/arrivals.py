"""How soon the next ticket of a family is expected."""

from math import exp, inf

MEMORY_SECONDS = 0.5


class Arrivals:
    """A rate that forgets with a time constant of MEMORY_SECONDS."""

    __slots__ = ("_count", "_last")

    def __init__(self) -> None:
        self._count = 0.0
        self._last = -inf

    def observe(self, now: float) -> None:
        self._count = self._count * exp((self._last - now) / MEMORY_SECONDS) + 1.0
        self._last = now

    def gap_seconds(self) -> float:
        """Mean seconds between arrivals as of the last one; infinite before the first."""
        return MEMORY_SECONDS / self._count if self._count else inf

    @property
    def last(self) -> float:
        """When the last one came."""
        return self._last
