"""What the server has done: counted once, for /status and /metrics alike.

Everything here is bounded: labels are outcomes, reasons and buckets; the window is a ring of
seconds, each with latencies in logarithmic steps of STEP.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from math import floor, log

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.errors import RefusalReason

WINDOW_SECONDS = 60
STEP = 1.04
_LEAST_SECONDS = 1e-4
_STEPS = 400
_LATENCY_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)


class Outcome(str, Enum):
    """How a request ended; the values are the labels of `jaxrun_serve_requests_total`."""

    ANSWERED = "answered"
    REFUSED = "refused"
    INVALID = "invalid"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BrokenPromise(str, Enum):
    """What became of an admitted request that was not answered by its deadline; the values are the
    labels of `jaxrun_serve_broken_promises_total`."""

    LATE = "late"
    UNSERVED = "unserved"


class Histogram:
    """Counts by upper bound, the last one without; what Prometheus wants of a histogram."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class _Second:
    """What ended within one second."""

    __slots__ = ("answered", "at", "busy_seconds", "padding_rows", "rows", "steps")

    def __init__(self, at: int) -> None:
        self.at = at
        self.answered = 0
        self.rows = 0
        self.padding_rows = 0
        self.busy_seconds = 0.0
        self.steps: Counter[int] = Counter()


class Window:
    """The last WINDOW_SECONDS, a second more or less. `now` never goes back."""

    def __init__(self) -> None:
        self._ring: list[_Second | None] = [None] * WINDOW_SECONDS

    def answered(self, seconds: float, now: float) -> None:
        second = self._second(now)
        second.answered += 1
        step = floor(log(max(seconds, _LEAST_SECONDS) / _LEAST_SECONDS) / log(STEP))
        second.steps[min(step, _STEPS)] += 1

    def executed(self, rows: int, padding_rows: int, seconds: float, now: float) -> None:
        second = self._second(now)
        second.rows += rows
        second.padding_rows += padding_rows
        second.busy_seconds += seconds

    def answers(self, now: float) -> int:
        return sum(second.answered for second in self._recent(now))

    def busy_seconds(self, now: float) -> float:
        return sum(second.busy_seconds for second in self._recent(now))

    def padding(self, now: float) -> float:
        """The part of executed rows that was padding, from 0 to 1."""
        rows = padding = 0
        for second in self._recent(now):
            rows += second.rows
            padding += second.padding_rows
        return padding / (rows + padding) if rows + padding else 0.0

    def quantiles(self, parts: Sequence[float], now: float) -> list[float | None]:
        """Latencies in seconds, exact to half of STEP; None without an answer in the window."""
        steps: Counter[int] = Counter()
        for second in self._recent(now):
            steps.update(second.steps)
        total = steps.total()
        if not total:
            return [None for _ in parts]
        ordered = sorted(steps.items())
        return [_at_rank(ordered, part * total) for part in parts]

    def _second(self, now: float) -> _Second:
        at = floor(now)
        second = self._ring[at % WINDOW_SECONDS]
        if second is None or second.at != at:
            second = self._ring[at % WINDOW_SECONDS] = _Second(at)
        return second

    def _recent(self, now: float) -> list[_Second]:
        oldest = floor(now) - WINDOW_SECONDS
        return [second for second in self._ring if second is not None and second.at > oldest]


class Tally:
    """Since the process began, and of the last minute in `window`."""

    def __init__(self) -> None:
        self.requests: Counter[Outcome] = Counter()
        self.refused: Counter[RefusalReason] = Counter()
        self.broken_promises: Counter[BrokenPromise] = Counter()
        self.latency = Histogram(_LATENCY_BOUNDS)
        self.queue_seconds = Histogram(_LATENCY_BOUNDS)
        self.batches: Counter[Bucket] = Counter()
        self.rows: Counter[Bucket] = Counter()
        self.padding_rows: Counter[Bucket] = Counter()
        self.execution_seconds: dict[Bucket, float] = {}
        self.out_of_memory = 0
        self.window = Window()

    def ended(self, outcome: Outcome) -> None:
        """A request ended otherwise than by an answer or a refusal."""
        self.requests[outcome] += 1

    def was_refused(self, reason: RefusalReason) -> None:
        self.requests[Outcome.REFUSED] += 1
        self.refused[reason] += 1

    def answered(self, seconds: float, now: float) -> None:
        """seconds: from arrival."""
        self.requests[Outcome.ANSWERED] += 1
        self.latency.observe(seconds)
        self.window.answered(seconds, now)

    def left_queue(self, seconds: Iterable[float]) -> None:
        """Tickets went into a batch after so long."""
        for each in seconds:
            self.queue_seconds.observe(each)

    def executed(self, bucket: Bucket, rows: int, seconds: float, now: float) -> None:
        padding_rows = bucket.batch - rows
        self.batches[bucket] += 1
        self.rows[bucket] += rows
        self.padding_rows[bucket] += padding_rows
        self.execution_seconds[bucket] = self.execution_seconds.get(bucket, 0.0) + seconds
        self.window.executed(rows, padding_rows, seconds, now)


def _at_rank(ordered: list[tuple[int, int]], rank: float) -> float:
    seen, at = 0, 0
    for step, count in ordered:
        seen, at = seen + count, step
        if seen >= rank:
            break
    return float(_LEAST_SECONDS * STEP ** (at + 0.5))
