"""Whatever comes in whatever order: each ticket ends exactly once, and every bound holds."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jaxrun.serve.batching import Admitted, Dispatch, Limits, Scheduler, Ticket
from jaxrun.serve.buckets import Bucket, Grid

GRID = Grid({"batch": (1, 2, 4, 8), "length": (16, 64), "width": (1, 2)})
LIMITS = Limits(max_queue=12, max_queue_bytes=100, max_delay_seconds=0.01)
costs = st.fixed_dictionaries({bucket: st.floats(0.001, 0.1) for bucket in GRID.all()})
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("offer"),
            st.tuples(
                st.integers(1, 8),
                st.sampled_from(GRID.families),
                st.integers(1, 20),
                st.one_of(st.none(), st.floats(0.001, 0.5)),
                st.integers(0, 2),
            ),
        ),
        st.tuples(st.just("wait"), st.floats(0.0, 0.1)),
        st.tuples(st.just("finish"), st.floats(0.0005, 0.2)),
        st.tuples(st.just("no memory"), st.just(0)),
        st.tuples(st.just("broken"), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
    ),
    max_size=80,
)


class World:
    """Drives a scheduler as the server does, and keeps books."""

    def __init__(self, base: dict[Bucket, float]) -> None:
        self.scheduler = Scheduler(GRID, base, LIMITS)
        self.now = 0.0
        self.admitted: dict[int, Ticket] = {}
        self.answered: Counter[int] = Counter()  # rows
        self.ended: Counter[int] = Counter()
        self.cancelled: set[int] = set()
        self.flying: list[Dispatch] = []
        self.last = 0

    def offer(self, rows: int, family: Any, size: int, left: float | None, priority: int) -> None:
        self.last += 1
        deadline = None if left is None else self.now + left
        ticket = Ticket(self.last, rows, family, size, self.now, deadline, priority)
        full = (
            self.scheduler.queued >= LIMITS.max_queue
            or self.scheduler.queued_bytes + size > LIMITS.max_queue_bytes
        )
        foreseen = self.scheduler.foresee(deadline, self.now)
        verdict = self.scheduler.offer(ticket, self.now)
        if isinstance(verdict, Admitted):
            assert foreseen is None
            assert not full
            assert deadline is None or self.now + verdict.predicted_seconds <= deadline
            self.admitted[ticket.id] = ticket
        else:
            assert full == (verdict.status == 429)
            assert full or left is not None
            assert verdict.retry_after_seconds > 0

    def pump(self) -> None:
        while isinstance(decided := self.scheduler.next(self.now), Dispatch):
            assert 0 < decided.rows <= decided.bucket.batch
            assert decided.padding_rows >= 0
            for piece in decided.pieces:
                inner, outer = dict(piece.ticket.family), dict(decided.bucket.family)
                assert all(inner[dim] <= outer[dim] for dim in outer)
                assert 0 < piece.rows <= piece.ticket.rows
            whole = [piece.ticket.id for piece in decided.pieces]
            assert len(set(whole)) == len(whole)
            self.scheduler.started(decided, self.now)
            self.flying.append(decided)
        assert len(self.flying) <= LIMITS.depth
        assert self.flying or self.scheduler.queued == 0 or decided is not None
        for dropped in self.scheduler.take_dropped():
            assert dropped.ticket.deadline is not None
            self.ended[dropped.ticket.id] += 1

    def finish(self, seconds: float) -> None:
        if self.flying:
            dispatch = self.flying.pop(0)
            self.now += seconds
            self.scheduler.finished(dispatch, seconds, self.now)
            for piece in dispatch.pieces:
                self.answered[piece.ticket.id] += piece.rows
                if self.answered[piece.ticket.id] == piece.ticket.rows:
                    self.ended[piece.ticket.id] += 1

    def fail(self, *, no_memory: bool) -> None:
        if self.flying:
            dispatch = self.flying.pop(0)
            failure = self.scheduler.failed(dispatch, self.now, no_memory=no_memory)
            assert set(failure.retried + failure.lost) == set(dispatch.tickets)
            for id in {ticket.id for ticket in failure.lost} - set(self.ended):
                self.ended[id] += 1

    def cancel(self, back: int) -> None:
        id = self.last - back
        if self.scheduler.cancel(id):
            assert id in self.admitted
            assert id not in self.ended
            self.ended[id] += 1
        self.cancelled.add(id)

    def do(self, step: str, argument: Any) -> None:
        if step == "offer":
            self.offer(*argument)
        elif step == "wait":
            self.now += argument
        elif step == "finish":
            self.finish(argument)
        elif step == "cancel":
            self.cancel(argument)
        else:
            self.fail(no_memory=step == "no memory")
        self.pump()


@settings(max_examples=300, deadline=None)
@given(costs, steps)
def test_no_ticket_is_lost_and_none_ends_twice(
    base: dict[Bucket, float], script: list[tuple[str, Any]]
) -> None:
    world = World(base)
    for step, argument in script:
        world.do(step, argument)
    for _ in range(200):
        if world.scheduler.idle:
            break
        world.now += 0.05
        world.finish(0.001)
        world.pump()
    assert world.scheduler.idle
    assert world.scheduler.queued_bytes == 0
    assert all(count == 1 for count in world.ended.values())
    # A ticket that was cancelled in flight may have lost pieces of a retry; nobody waits for it.
    assert set(world.ended) | world.cancelled >= set(world.admitted)
    assert set(world.ended) <= set(world.admitted)


@settings(max_examples=100, deadline=None)
@given(costs, st.lists(st.tuples(st.integers(0, 2), st.floats(0.01, 10.0)), max_size=12))
def test_a_family_is_served_by_priority_and_then_by_deadline(
    base: dict[Bucket, float], tickets: list[tuple[int, float]]
) -> None:
    scheduler = Scheduler(GRID, base, Limits())
    family = GRID.families[0]
    offered = []
    for id, (priority, left) in enumerate(tickets):
        ticket = Ticket(id, 1, family, 1, 0.0, min(left + 5, 14.9), priority)
        if isinstance(scheduler.offer(ticket, 0.0), Admitted):
            offered.append(ticket)
    served = []
    while isinstance(decided := scheduler.next(1.0), Dispatch):
        scheduler.started(decided, 1.0)
        served += decided.tickets
        scheduler.finished(decided, 0.001, 1.0)
    keys = [(each.priority, min(each.deadline or 0.0, 5.0)) for each in served]
    assert keys == sorted(keys)
    assert len(served) == len(offered)
