"""Waiting longer after each failure, and never in step with others."""

import random


class Backoff:
    """Delays in seconds that double from `first` to `most`, each shortened at random by up to
    half."""

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self.failures = 0

    def next(self) -> float:
        delay = delay_after(self.failures, self._first, self._most)
        self.failures += 1
        return delay

    def reset(self) -> None:
        self.failures = 0


def delay_after(failures: int, first: float, most: float) -> float:
    """Seconds to wait when `failures` attempts went before this one."""
    longest = min(most, first * 2.0 ** min(failures, 32))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311
