"""One device and open-loop arrivals in virtual time, for batchers to be compared in.

Arrivals are Poisson and do not wait for answers, as at a server under a crowd. Batches execute one
after the other; how long each takes comes from a table with noise. A `Batcher` decides what goes
when; `Ours` is the real scheduler, `FixedDelay` what serving frameworks commonly have. All is
deterministic by its seed.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import exp, log
from typing import Protocol

from jaxrun.serve.batching import Dispatch, Dropped, Limits, Piece, Refusal, Scheduler, Ticket, Wait
from jaxrun.serve.buckets import Bucket, Family, Grid

GRID = Grid({"batch": (1, 2, 4, 8, 16, 32, 64), "length": (16, 32, 64, 128, 256)})
# Short texts are common, long ones rare.
MIX = {16: 0.35, 32: 0.3, 64: 0.2, 128: 0.1, 256: 0.05}


def cpu_costs(grid: Grid = GRID) -> dict[Bucket, float]:
    """Seconds that grow with the tokens: about what a small encoder takes on two CPU cores."""
    return {
        bucket: 0.0015 + 22e-6 * bucket.batch * dict(bucket.family)["length"]
        for bucket in grid.all()
    }


def accelerator_costs(grid: Grid = GRID) -> dict[Bucket, float]:
    """Seconds that are flat until the device is full and grow then."""
    return {
        bucket: 0.002 + max(0.0, 1.5e-6 * (bucket.batch * dict(bucket.family)["length"] - 1024))
        for bucket in grid.all()
    }


def capacity(costs: Mapping[Bucket, float], mix: Mapping[int, float], grid: Grid = GRID) -> float:
    """Requests per second of a device that only ever runs its cheapest batches, full."""
    seconds = 0.0
    for length, share in mix.items():
        family = grid.family_of({"length": length})
        seconds += share * min(costs[Bucket(b, family)] / b for b in grid.batches)
    return 1 / seconds


class Batcher(Protocol):
    def offer(self, ticket: Ticket, now: float) -> Refusal | None: ...
    def next(self, now: float) -> Dispatch | Wait | None: ...
    def started(self, dispatch: Dispatch, now: float) -> None: ...
    def finished(self, dispatch: Dispatch, seconds: float, now: float) -> None: ...
    def take_dropped(self) -> list[Dropped]: ...


class Ours:
    """The scheduler as it is."""

    def __init__(
        self, costs: Mapping[Bucket, float], limits: Limits | None = None, grid: Grid = GRID
    ) -> None:
        self.scheduler = Scheduler(grid, costs, limits or Limits(max_queue=100_000))
        self.next = self.scheduler.next
        self.started = self.scheduler.started
        self.finished = self.scheduler.finished
        self.take_dropped = self.scheduler.take_dropped

    def offer(self, ticket: Ticket, now: float) -> Refusal | None:
        verdict = self.scheduler.offer(ticket, now)
        return verdict if isinstance(verdict, Refusal) else None


class FixedDelay:
    """First come, first served; a family's batch goes when it is full or its oldest has waited
    `delay_seconds`. `one_queue`: of all families, everything padded to its batch's longest."""

    def __init__(
        self,
        grid: Grid = GRID,
        *,
        delay_seconds: float = 0.005,
        one_queue: bool = False,
    ) -> None:
        self._grid, self._delay, self._one = grid, delay_seconds, one_queue
        self._queues: dict[Family, list[Ticket]] = {}
        self._in_flight = 0

    def offer(self, ticket: Ticket, now: float) -> Refusal | None:
        self._queues.setdefault(() if self._one else ticket.family, []).append(ticket)
        return None

    def next(self, now: float) -> Dispatch | Wait | None:
        queues = [queue for queue in self._queues.values() if queue]
        if not queues:
            return None
        if self._in_flight >= 2:
            return None
        largest = self._grid.batches[-1]
        ready = [q for q in queues if len(q) >= largest or q[0].arrived + self._delay <= now]
        if not ready:
            return Wait(min(queue[0].arrived for queue in queues) + self._delay)
        queue = min(ready, key=lambda queue: queue[0].arrived)
        taken = queue[:largest]
        del queue[:largest]
        family = max(ticket.family for ticket in taken)
        bucket = Bucket(self._grid.batch_of(len(taken)), family)
        return Dispatch(bucket, tuple(Piece(ticket, 0, ticket.rows) for ticket in taken))

    def started(self, dispatch: Dispatch, now: float) -> None:
        self._in_flight += 1

    def finished(self, dispatch: Dispatch, seconds: float, now: float) -> None:
        self._in_flight -= 1

    def take_dropped(self) -> list[Dropped]:
        return []


@dataclass
class Outcome:
    """What came of it. latencies: seconds from arrival to answer, of those answered."""

    offered: int = 0
    latencies: list[float] = field(default_factory=list)
    in_time: int = 0
    refused: int = 0
    refusal_seconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    busy_seconds: float = 0.0
    rows: int = 0
    padding_rows: int = 0
    batches: int = 0
    offered_by_length: dict[int, int] = field(default_factory=dict)
    in_time_by_length: dict[int, int] = field(default_factory=dict)

    @property
    def goodput(self) -> float:
        """Answers in time per second."""
        return self.in_time / self.seconds

    def quantile(self, part: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def simulate(
    batcher: Batcher,
    costs: Mapping[Bucket, float],
    rate: float,
    *,
    seconds: float = 20.0,
    timeout_seconds: float | None = None,
    mix: Mapping[int, float] = MIX,
    noise: float = 0.1,
    seed: int = 7,
    grid: Grid = GRID,
    warmup_seconds: float = 0.5,
    rate_at: Callable[[float], float] | None = None,
) -> Outcome:
    """`rate` requests per second for `seconds`; noise: sigma of the log of execution seconds.

    Requests of the first `warmup_seconds` are served and not counted. Late answers are answers.
    """
    dice = random.Random(seed)
    lengths, shares = list(mix), list(mix.values())
    outcome = Outcome(seconds=seconds - warmup_seconds)
    events: list[tuple[float, int, str, object]] = []
    order = arrivals = 0

    def push(at: float, kind: str, what: object = None) -> None:
        nonlocal order
        order += 1
        heappush(events, (at, order, kind, what))

    def counts(ticket: Ticket) -> bool:
        return ticket.arrived >= warmup_seconds

    push(0.0, "arrival")
    device_free = 0.0
    wake = None
    while events:
        now, _, kind, what = heappop(events)
        if kind == "arrival":
            current = rate_at(now) if rate_at else rate
            if now + (gap := dice.expovariate(current)) < seconds:
                push(now + gap, "arrival")
            family = grid.family_of({"length": dice.choices(lengths, shares)[0]})
            ticket = Ticket(
                id=arrivals,
                rows=1,
                family=family,
                bytes=1024,
                arrived=now,
                deadline=now + timeout_seconds if timeout_seconds is not None else None,
            )
            arrivals += 1
            outcome.offered += counts(ticket)
            _count(outcome.offered_by_length, ticket, counts(ticket))
            if batcher.offer(ticket, now) is not None:
                outcome.refused += counts(ticket)
                outcome.refusal_seconds.append(0.0)
        elif kind == "finish":
            dispatch, took = what  # type: ignore[misc]
            batcher.finished(dispatch, took, now)
            for ticket in dispatch.tickets:
                if counts(ticket):
                    outcome.latencies.append(now - ticket.arrived)
                    in_time = ticket.deadline is None or now <= ticket.deadline
                    outcome.in_time += in_time
                    _count(outcome.in_time_by_length, ticket, in_time)
        elif kind == "wake" and wake is not what:
            continue
        while isinstance(decided := batcher.next(now), Dispatch):
            batcher.started(decided, now)
            took = costs[decided.bucket] * exp(dice.gauss(0.0, noise) - noise * noise / 2)
            device_free = max(device_free, now) + took
            push(device_free, "finish", (decided, took))
            outcome.busy_seconds += took
            outcome.batches += 1
            outcome.rows += decided.rows
            outcome.padding_rows += decided.padding_rows
        for dropped in batcher.take_dropped():
            outcome.refused += counts(dropped.ticket)
            outcome.refusal_seconds.append(now - dropped.ticket.arrived)
        if isinstance(decided, Wait):
            wake = object()
            push(max(decided.until, now + 1e-4), "wake", wake)
    return outcome


def _count(by_length: dict[int, int], ticket: Ticket, one: bool) -> None:
    length = dict(ticket.family)["length"]
    by_length[length] = by_length.get(length, 0) + one


def throughput_within(
    make: Callable[[], Batcher],
    costs: Mapping[Bucket, float],
    limit_seconds: float,
    *,
    highest: float,
    steps: int = 7,
    **how: float,
) -> float:
    """The largest rate at which p95 of everything offered is within the limit, by bisection on a
    logarithmic scale up to `highest`."""
    low, high = highest / 64, highest
    for _ in range(steps):
        rate = exp((log(low) + log(high)) / 2)
        outcome = simulate(make(), costs, rate, **how)  # type: ignore[arg-type]
        well = sum(each <= limit_seconds for each in outcome.latencies) >= 0.95 * outcome.offered
        low, high = (rate, high) if well else (low, rate)
    return low
