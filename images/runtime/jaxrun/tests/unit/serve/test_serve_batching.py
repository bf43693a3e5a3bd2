"""What the scheduler decides, case by case."""

import pytest

from jaxrun.serve.batching import Admitted, Dispatch, Limits, Refusal, Scheduler, Ticket, Wait
from jaxrun.serve.batching.costs import Costs
from jaxrun.serve.batching.patience import worth_waiting_seconds
from jaxrun.serve.batching.plan import Plan
from jaxrun.serve.batching.urgency import LEVEL_SECONDS, PATIENCE_SECONDS
from jaxrun.serve.buckets import Bucket, Family, Grid
from jaxrun.serve.errors import RefusalReason

GRID = Grid({"batch": (1, 2, 4, 8), "length": (16, 64)})
SHORT: Family = (("length", 16),)
LONG: Family = (("length", 64),)
FLAT = dict.fromkeys(GRID.all(), 0.010)
LINEAR = {
    bucket: 0.001 * bucket.batch * (4 if bucket.family == LONG else 1) for bucket in GRID.all()
}


class Player:
    """A scheduler with tickets made for it; ids count from 1."""

    def __init__(self, costs: dict[Bucket, float] = FLAT, **limits: float) -> None:
        self.scheduler = Scheduler(GRID, costs, Limits(**limits))  # type: ignore[arg-type]
        self.last = 0

    def offer(
        self,
        now: float,
        family: Family = SHORT,
        rows: int = 1,
        left: float | None = None,
        priority: int = 0,
        size: int = 10,
    ) -> Admitted | Refusal:
        self.last += 1
        deadline = None if left is None else now + left
        ticket = Ticket(self.last, rows, family, size, now, deadline, priority)
        return self.scheduler.offer(ticket, now)

    def start(self, now: float) -> Dispatch:
        decided = self.scheduler.next(now)
        assert isinstance(decided, Dispatch), decided
        self.scheduler.started(decided, now)
        return decided

    def busy(self, now: float, batches: int = 1) -> list[Dispatch]:
        """The device gets batches to be busy with."""
        begun = []
        for _ in range(batches):
            self.offer(now, rows=8)
            while not isinstance(decided := self.scheduler.next(now), Dispatch):
                assert isinstance(decided, Wait)
                now = decided.until
            self.scheduler.started(decided, now)
            begun.append(decided)
        return begun


def ids(dispatch: Dispatch) -> list[int]:
    return [ticket.id for ticket in dispatch.tickets]


@pytest.mark.parametrize(
    ("costs", "rows", "first", "seconds"),
    [
        ({1: 1.0, 4: 2.0, 8: 3.9}, 5, 4, 3.0),
        ({1: 1.0, 4: 2.0, 8: 2.5}, 5, 8, 2.5),
        ({1: 1.0, 2: 2.0, 4: 4.0}, 3, 1, 3.0),
        ({1: 1.0, 8: 1.0}, 20, 8, 3.0),
        ({1: 1.0, 8: 1.0}, 0, 1, 0.0),
    ],
)
def test_a_plan_clears_rows_with_the_fewest_device_seconds(
    costs: dict[int, float], rows: int, first: int, seconds: float
) -> None:
    plan = Plan(costs)
    assert plan.seconds(rows) == pytest.approx(seconds)
    assert plan.batch(rows) == first


def test_a_larger_batch_that_gains_next_to_nothing_per_row_is_not_planned() -> None:
    assert Plan({1: 2.0, 8: 8.0, 64: 63.0}).full == 8


@pytest.mark.parametrize(
    ("alone", "now", "company", "rows", "queued", "gap"),
    [
        (0.010, 0.010, 0.010, 1, 1, 0.005),
        (0.010, 0.010, 0.010, 3, 4, 0.002),
        (0.010, 0.010, 0.020, 1, 1, 0.0),
        (0.010, 0.010, 0.012, 1, 1, 0.003),
    ],
)
def test_waiting_pays_as_long_as_it_makes_the_sum_of_waits_smaller(
    alone: float, now: float, company: float, rows: int, queued: int, gap: float
) -> None:
    assert worth_waiting_seconds(alone, now, company, rows, queued) == pytest.approx(gap)


def test_one_request_goes_at_once_when_no_other_is_expected() -> None:
    player = Player()
    player.offer(0.0)
    assert player.start(0.0).bucket == Bucket(1, SHORT)


def test_with_flat_costs_and_a_crowd_expected_an_idle_device_waits_and_not_beyond_the_bound() -> (
    None
):
    player = Player(max_delay_seconds=0.003)
    for i in range(200):
        player.offer(i * 0.001)
        player.scheduler.cancel(player.last)
    player.offer(0.2)
    decided = player.scheduler.next(0.2)
    assert isinstance(decided, Wait)
    assert 0.2 < decided.until <= 0.203
    player.offer(0.201)
    assert isinstance(player.scheduler.next(0.2031), Dispatch)


def test_with_costs_that_grow_with_the_rows_nobody_waits() -> None:
    player = Player(LINEAR)
    for i in range(200):
        player.offer(i * 0.0005)
        player.scheduler.cancel(player.last)
    player.offer(0.1)
    assert isinstance(player.scheduler.next(0.1), Dispatch)


def test_behind_an_executing_batch_the_next_is_made_up_shortly_before_its_end() -> None:
    player = Player()
    player.busy(0.0)
    player.offer(0.001)
    decided = player.scheduler.next(0.001)
    assert isinstance(decided, Wait)
    assert decided.until == pytest.approx(0.008)
    player.offer(0.007)
    assert len(player.start(0.0081).tickets) == 2


def test_and_earlier_after_one_that_came_late() -> None:
    player = Player()
    (first,) = player.busy(0.0)
    player.offer(0.001)
    second = player.start(0.0085)
    player.scheduler.finished(first, 0.01, 0.01)
    player.scheduler.followed(second, free_at=0.01, came_at=0.013)
    player.offer(0.011)
    decided = player.scheduler.next(0.011)
    assert isinstance(decided, Wait)
    assert decided.until == pytest.approx(0.020 - 0.002 - 0.003)


def test_never_more_batches_in_flight_than_the_depth() -> None:
    player = Player()
    first, _ = player.busy(0.0, batches=2)
    player.offer(0.02)
    assert player.scheduler.next(0.02) is None
    player.scheduler.finished(first, 0.01, 0.021)
    assert isinstance(player.scheduler.next(0.031), Dispatch)


def test_earliest_deadline_first_and_without_one_by_arrival() -> None:
    player = Player()
    player.busy(0.0, batches=2)
    player.offer(0.0, left=3.0, rows=4)
    player.offer(0.0, left=1.0, rows=4)
    player.offer(0.0, rows=4)
    player.offer(0.1, rows=4)
    assert [ticket.id for ticket in player.scheduler._queues[SHORT]] == [4, 3, 5, 6]


def test_a_smaller_priority_number_goes_first_but_not_for_ever() -> None:
    player = Player()
    player.offer(0.0, priority=1)
    player.offer(1.0, priority=0)
    player.offer(PATIENCE_SECONDS + LEVEL_SECONDS + 0.1, priority=0, left=0.1)
    assert [ticket.id for ticket in player.scheduler._queues[SHORT]] == [2, 1, 3]


def test_padding_of_a_long_batch_takes_short_requests_along() -> None:
    player = Player({**LINEAR, Bucket(4, LONG): 0.004, Bucket(8, LONG): 0.004})
    for _ in range(3):
        player.offer(0.0, LONG, left=1.0)
    for _ in range(2):
        player.offer(0.0, SHORT)
    player.offer(0.0, LONG, rows=2, left=1.0)
    begun = player.start(0.3)
    assert begun.bucket == Bucket(8, LONG)
    assert (begun.rows, begun.padding_rows) == (7, 1)
    assert {ticket.family for ticket in begun.tickets} == {SHORT, LONG}


@pytest.mark.parametrize(("costs", "bucket"), [(FLAT, Bucket(2, LONG)), (LINEAR, Bucket(1, LONG))])
def test_a_short_queue_joins_where_one_larger_batch_costs_less_than_two(
    costs: dict[Bucket, float], bucket: Bucket
) -> None:
    player = Player(costs)
    player.offer(0.0, LONG, left=2.0)
    player.offer(0.0, SHORT)
    assert player.start(0.5).bucket == bucket


@pytest.mark.parametrize(("left", "family"), [(0.035, LONG), (5.0, SHORT)])
def test_a_family_that_misses_its_deadline_otherwise_goes_before_one_that_waits_more(
    left: float, family: Family
) -> None:
    player = Player()
    for _ in range(8):
        player.offer(0.0, SHORT, left=1.0)
    # Offered late and with other costs than the rest of its family's: little relief so far.
    player.offer(0.001 if left > 1 else 0.017, LONG, left=left if left > 1 else 0.018)
    begun = player.start(0.0171)
    assert begun.bucket.family == family


@pytest.mark.parametrize(
    ("limits", "size", "reason"),
    [
        ({"max_queue": 1}, 10, RefusalReason.QUEUE_FULL),
        ({"max_queue_bytes": 15}, 10, RefusalReason.QUEUE_BYTES_FULL),
    ],
)
def test_a_full_queue_is_429(limits: dict[str, float], size: int, reason: RefusalReason) -> None:
    player = Player(**limits)
    assert isinstance(player.offer(0.0, size=size), Admitted)
    refusal = player.offer(0.0, size=size)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.reason) == (429, reason)
    assert refusal.retry_after_seconds > 0


def test_refused_exactly_when_what_goes_before_leaves_too_little_time() -> None:
    player = Player()
    player.busy(0.0, batches=2)
    for _ in range(8):
        player.offer(0.0)
    # 20 ms in flight and 10.2 ms queued before it, which may take 0.6 of the time left.
    early = player.offer(0.0, left=0.0302 / 0.6 - 0.0002, priority=1)
    assert isinstance(early, Refusal)
    assert (early.status, early.reason) == (503, RefusalReason.DEADLINE_UNREACHABLE)
    assert isinstance(player.offer(0.0, left=0.0302 / 0.6 + 0.0002, priority=1), Admitted)
    over = player.offer(0.0, left=-0.001)
    assert isinstance(over, Refusal)
    assert over.status == 504


def test_what_is_less_urgent_does_not_count_against_a_request() -> None:
    player = Player()
    for _ in range(80):
        player.offer(0.0, priority=1)
    assert isinstance(player.offer(0.0, left=0.03), Admitted)


def test_an_arrival_is_refused_where_it_would_make_a_promise_break() -> None:
    player = Player()
    player.busy(0.0, batches=2)
    # 20 ms in flight; the first may be done at 35 ms, those before it by priority take time too.
    assert isinstance(player.offer(0.0, LONG, left=0.037, priority=1), Admitted)
    refusal = player.offer(0.0, SHORT, left=0.036, priority=0)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.reason) == (503, RefusalReason.DEADLINE_UNREACHABLE)
    assert isinstance(player.offer(0.0, SHORT, left=0.06, priority=0), Admitted)


def test_a_batch_that_would_make_a_promise_break_does_not_go_first() -> None:
    player = Player()
    for _ in range(8):
        player.offer(0.0, SHORT)
    player.offer(0.05, LONG, left=0.015)
    assert player.start(0.05).bucket.family == LONG


@pytest.mark.parametrize(("left", "bucket"), [(0.05, Bucket(2, LONG)), (0.0115, Bucket(1, LONG))])
def test_nobody_is_taken_along_at_the_price_of_a_promise(left: float, bucket: Bucket) -> None:
    larger = {each: 0.012 for each in GRID.all() if each.family == LONG and each.batch > 1}
    player = Player({**FLAT, **larger})
    player.offer(0.0, LONG, left=left)
    player.offer(0.0, SHORT)
    assert player.start(0.0).bucket == bucket


def test_nobody_waits_for_company_at_the_price_of_a_promise() -> None:
    player = Player(max_delay_seconds=0.005)
    for i in range(200):
        player.offer(i * 0.001)
        player.scheduler.cancel(player.last)
    player.offer(0.2, left=0.0125)
    decided = player.scheduler.next(0.2)
    assert isinstance(decided, Dispatch) or decided.until < 0.2015


def test_a_broken_promise_is_served_late_as_long_as_somebody_waits() -> None:
    player = Player()
    (stalled,) = player.busy(0.0)
    player.offer(0.0, left=0.1)
    player.scheduler.finished(stalled, 0.01, 0.095)
    assert ids(player.start(0.095)) == [2]
    assert player.scheduler.take_dropped() == []


def test_a_broken_promise_does_not_break_another() -> None:
    player = Player(LINEAR)
    (stalled,) = player.busy(0.0)
    player.offer(0.0, SHORT, rows=8, left=0.1)
    player.offer(0.0, LONG, left=0.1045)
    player.scheduler.finished(stalled, 0.008, 0.095)
    assert player.start(0.095).bucket == Bucket(1, LONG)


def test_what_is_still_queued_at_its_deadline_is_504_and_the_alarm_is_set_for_it() -> None:
    player = Player()
    player.busy(0.0, batches=2)
    player.offer(0.0, left=0.1)
    decided = player.scheduler.next(0.001)
    assert isinstance(decided, Wait)
    assert decided.until == pytest.approx(0.1)
    assert player.scheduler.next(0.1001) is None
    (dropped,) = player.scheduler.take_dropped()
    assert (dropped.ticket.id, dropped.refusal.status) == (3, 504)
    assert player.scheduler.queued == player.scheduler.queued_bytes == 0


def test_an_overdue_execution_counts_as_taking_as_long_again() -> None:
    player = Player()
    player.busy(0.0)
    assert isinstance(player.offer(0.011, LONG, left=0.05), Admitted)
    player.scheduler.cancel(player.last)
    assert isinstance(player.offer(0.060, LONG, left=0.05), Refusal)


def test_after_a_bucket_had_no_memory_promises_are_planned_without_it() -> None:
    player = Player()
    (whole,) = player.busy(0.0)
    for _ in range(8):
        player.offer(0.0, left=0.2)
    player.scheduler.failed(whole, 0.01, no_memory=True)
    assert len(player.scheduler._timetable.planned(SHORT)) == 8
    first = player.scheduler._timetable.first
    assert first is not None
    assert first.bucket == Bucket(4, SHORT)
    sizes = []
    for _ in range(4):
        begun = player.start(0.01)
        sizes.append(begun.bucket.batch)
        player.scheduler.finished(begun, 0.01, 0.01)
    assert sizes == [4, 4, 4, 4]


def test_estimates_follow_what_is_measured_also_for_buckets_that_are_not_used() -> None:
    costs = Costs(FLAT)
    for _ in range(50):
        costs.observe(Bucket(8, SHORT), 0.020)
    assert costs.seconds(Bucket(8, SHORT)) == pytest.approx(0.020, rel=0.02)
    assert 0.015 < costs.seconds(Bucket(1, LONG)) <= 0.021


@pytest.mark.parametrize(
    ("disturbed", "bound"),
    [(Bucket(2, SHORT), LINEAR[Bucket(4, SHORT)]), (Bucket(8, LONG), LINEAR[Bucket(8, LONG)])],
    ids=["what a larger one took", "twice what half of it took"],
)
def test_a_disturbed_measurement_at_load_is_bounded_by_those_of_other_buckets(
    disturbed: Bucket, bound: float
) -> None:
    costs = Costs({**LINEAR, Bucket(1, SHORT): 0.004, disturbed: 1.0})
    assert costs.seconds(disturbed) == pytest.approx(bound)


def test_what_a_bucket_once_took_is_forgotten_while_others_are_used() -> None:
    costs = Costs(FLAT)
    for _ in range(20):
        costs.observe(Bucket(8, SHORT), 0.030)
    for _ in range(3000):
        costs.observe(Bucket(4, SHORT), 0.010)
    assert costs.seconds(Bucket(4, SHORT)) == pytest.approx(0.010, rel=0.05)
    assert costs.seconds(Bucket(8, SHORT)) == pytest.approx(0.010, rel=0.1)


def test_no_memory_splits_rows_in_half_once_and_avoids_the_bucket_for_a_while() -> None:
    player = Player()
    (whole,) = player.busy(0.0)
    failure = player.scheduler.failed(whole, 0.1, no_memory=True)
    assert (failure.retried, failure.lost, failure.unready) == (whole.tickets, (), False)
    halves = [player.start(0.1), player.start(0.1)]
    assert [(p.first, p.rows) for each in halves for p in each.pieces] == [(0, 4), (4, 4)]
    for half in halves:
        player.scheduler.finished(half, 0.01, 0.2)
    for _ in range(8):
        player.offer(0.3)
    assert player.start(0.3).bucket == Bucket(4, SHORT)


def test_no_memory_for_a_retry_ends_its_tickets_and_their_other_pieces() -> None:
    player = Player()
    (whole,) = player.busy(0.0)
    player.scheduler.failed(whole, 0.1, no_memory=True)
    failure = player.scheduler.failed(player.start(0.1), 0.2, no_memory=True)
    assert (failure.retried, failure.lost) == ((), whole.tickets)
    assert player.scheduler.next(0.2) is None
    assert player.scheduler.idle


@pytest.mark.parametrize(
    ("ends", "unready"),
    [("xxx", True), ("xx", False), ("xxox", False), ("xxoxx", False), ("xxoxxx", True)],
)
def test_no_memory_three_times_in_a_row_is_unready_and_an_answer_between_is_not(
    ends: str, unready: bool
) -> None:
    player, said = Player(), []
    for now, end in enumerate(ends):
        player.offer(float(now))
        begun = player.start(now + 0.1)
        assert begun.bucket == Bucket(1, SHORT)
        if end == "x":
            said.append(player.scheduler.failed(begun, now + 0.2, no_memory=True).unready)
        else:
            player.scheduler.finished(begun, 0.01, now + 0.2)
    assert said[-1] is unready
    assert not any(said[:-1])
