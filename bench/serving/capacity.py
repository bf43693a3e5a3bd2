"""The highest rate at which a server keeps its promise, found by doubling and halving.

The rate grows by half until the promise is broken (or shrinks until it is kept), and the interval
is then halved until it is narrower than `precision` of the rate.
"""

from collections.abc import Callable
from dataclasses import dataclass

GROWTH = 1.5

Keeps = Callable[[float], bool]
"""Whether the promise is kept at a rate, in requests a second; runs the load."""


@dataclass(frozen=True)
class Bounds:
    """`kept` is the highest rate at which the promise was seen kept, `broken` the lowest at which
    it was not; None as long as there was none."""

    kept: float | None = None
    broken: float | None = None

    def with_(self, rate: float, kept: bool) -> "Bounds":
        return Bounds(rate, self.broken) if kept else Bounds(self.kept, rate)

    def next(self, precision: float, lowest: float) -> float | None:
        """The rate to try; None when it is known well enough."""
        if self.kept is None:
            assert self.broken is not None
            return self.broken / GROWTH if self.broken > lowest else None
        if self.broken is None:
            return self.kept * GROWTH
        if self.broken - self.kept <= precision * self.kept:
            return None
        return (self.kept + self.broken) / 2


def capacity(keeps: Keeps, start: float, precision: float = 0.06, lowest: float = 1.0) -> float:
    """Requests a second; 0 if the promise is not even kept at `lowest`."""
    bounds = Bounds()
    rate: float | None = start
    while rate is not None:
        bounds = bounds.with_(rate, keeps(rate))
        rate = bounds.next(precision, lowest)
    return bounds.kept or 0.0
