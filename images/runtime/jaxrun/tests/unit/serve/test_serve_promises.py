"""What is admitted with a deadline is in time: whatever comes later, as long as costs hold."""

from heapq import heappop, heappush
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jaxrun.serve.batching import Admitted, Dispatch, Limits, Scheduler, Ticket, Wait
from jaxrun.serve.buckets import Bucket, Grid

GRID = Grid({"batch": (1, 2, 4, 8), "length": (16, 64), "width": (1, 2)})
ROUNDING_SECONDS = 1e-9

costs = st.fixed_dictionaries({bucket: st.floats(0.001, 0.1) for bucket in GRID.all()})
gaps = st.one_of(st.just(0.0), st.floats(0.0, 0.03))
offers = st.tuples(
    st.integers(1, 8),
    st.sampled_from(GRID.families),
    st.one_of(st.none(), st.floats(0.001, 1.0), st.sampled_from((0.2, 0.5))),
    st.integers(0, 2),
)
scripts = st.lists(
    st.tuples(gaps, st.one_of(offers, st.integers(1, 10).map(lambda back: ("cancel", back)))),
    max_size=60,
)


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


@settings(max_examples=400, deadline=None)
@given(costs, scripts)
def test_with_costs_that_hold_every_promise_is_kept(
    base: dict[Bucket, float], script: list[tuple[float, Any]]
) -> None:
    device = ExactDevice(base)
    now = 0.0
    for id, (gap, what) in enumerate(script):
        now += gap
        if what[0] == "cancel":
            device.at(now, id - what[1])
        else:
            rows, family, left, priority = what
            deadline = None if left is None else now + left
            device.at(now, Ticket(id, rows, family, 1, now, deadline, priority))
    device.run()
    assert device.scheduler.take_dropped() == []
    assert device.answered.keys() == device.admitted.keys()
    late = {
        id: device.answered[id] - ticket.deadline
        for id, ticket in device.admitted.items()
        if ticket.deadline is not None
        and device.answered[id] > ticket.deadline + ROUNDING_SECONDS
    }
    assert not late
