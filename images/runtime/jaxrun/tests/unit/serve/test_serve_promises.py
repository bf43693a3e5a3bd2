"""What is admitted with a deadline is in time: whatever comes later, as long as costs hold."""

import random
from heapq import heappop, heappush
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jaxrun.serve.batching import Admitted, Dispatch, Limits, Scheduler, Ticket, Wait
from jaxrun.serve.buckets import Bucket, Grid

GRID = Grid({"batch": (1, 2, 4, 8), "length": (16, 64), "width": (1, 2)})
ROUNDING_SECONDS = 1e-9

# Device-seconds that are offered for each second.
overloads = st.floats(1.0, 6.0)
costs = st.fixed_dictionaries({bucket: st.floats(0.001, 0.02) for bucket in GRID.all()})
seeds = st.integers(0, 2**32).map(random.Random)


class ExactDevice:
    """Executes what the scheduler says, each batch for exactly as long as it expects."""

    def __init__(self, base: dict[Bucket, float]) -> None:
        self.scheduler = Scheduler(GRID, base, Limits(max_queue=40, max_delay_seconds=0.01))
        self.now = 0.0
        self.free_at = 0.0
        self.admitted: dict[int, Ticket] = {}
        self.answered: dict[int, float] = {}
        self._events: list[tuple[float, int, Any]] = []
        self._order = 0
        self._alarm: object = None

    def at(self, when: float, what: Any) -> None:
        self._order += 1
        heappush(self._events, (when, self._order, what))

    def run(self) -> None:
        while self._events:
            self.now, _, what = heappop(self._events)
            if isinstance(what, Ticket):
                if isinstance(self.scheduler.offer(what, self.now), Admitted):
                    self.admitted[what.id] = what
            elif isinstance(what, int):
                if self.scheduler.cancel(what):
                    del self.admitted[what]
            elif isinstance(what, tuple):
                dispatch, seconds = what
                self.scheduler.finished(dispatch, seconds, self.now)
                self.answered.update((ticket.id, self.now) for ticket in dispatch.tickets)
            elif what is not self._alarm:
                continue
            self._pump()

    def _pump(self) -> None:
        while isinstance(decided := self.scheduler.next(self.now), Dispatch):
            self.scheduler.started(decided, self.now)
            seconds = self.scheduler.costs.seconds(decided.bucket)
            self.free_at = max(self.free_at, self.now) + seconds
            self.at(self.free_at, (decided, seconds))
        if isinstance(decided, Wait):
            self._alarm = object()
            self.at(max(decided.until, self.now + 1e-7), self._alarm)


def a_crowd(dice: random.Random, device: ExactDevice, gap_seconds: float) -> None:
    """Requests of every kind, and some that are given up."""
    now = 0.0
    for id in range(150):
        now += dice.expovariate(1 / gap_seconds)
        left = dice.choice((None, 0.5, 0.2, 0.2, dice.uniform(0.01, 0.5)))
        deadline = None if left is None else now + left
        rows, family = dice.choice((1, 1, 1, 2, 3, 8)), dice.choice(GRID.families)
        device.at(now, Ticket(id, rows, family, 1, now, deadline, dice.choice((0, 0, 1, 2))))
        if dice.random() < 0.1:
            device.at(now, id - dice.randrange(1, 10))


@settings(max_examples=150, deadline=None)
@given(costs, overloads, seeds)
def test_with_costs_that_hold_every_promise_is_kept(
    base: dict[Bucket, float], overload: float, dice: random.Random
) -> None:
    device = ExactDevice(base)
    a_crowd(dice, device, 0.004 / overload)
    device.run()
    assert device.scheduler.take_dropped() == []
    assert device.answered.keys() == device.admitted.keys()
    late = {
        id: device.answered[id] - ticket.deadline
        for id, ticket in device.admitted.items()
        if ticket.deadline is not None and device.answered[id] > ticket.deadline + ROUNDING_SECONDS
    }
    assert not late
