"""Which batch is next, of all families that wait for the one device.

Each family offers the batch that its plan begins with. The device takes the one that relieves the
most waiting per device-second: the sum over its tickets of (age / budget) ** AGE_POWER, divided by
its cost. This is the max-weight rule with ages as weights: it keeps every load stable that any
rule can, it favours batches with many rows per second, and it starves nobody, because the age of
who waits grows and that of who is served does not. Only families whose head is about as urgent as
the most urgent one take part (`urgency`).

It does so only where all promises are kept after it (`timetable`). Where they are not, the most
urgent promise decides: its family's batch goes, or else just what is planned to go first.

Rows of padding in the winner go to tickets of families that fit into it, which costs nothing; and
where a larger batch of the winner costs less than what whole queues of such families cost by
themselves, they all go together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jaxrun.serve.batching.costs import Costs
from jaxrun.serve.batching.queue import FamilyQueue
from jaxrun.serve.batching.ticket import Ticket
from jaxrun.serve.batching.timetable import Timetable
from jaxrun.serve.batching.urgency import PATIENCE_SECONDS, budget_seconds
from jaxrun.serve.buckets import Bucket, Family

AGE_POWER = 2.0
# Of its budget, as if every ticket had waited this part of it: a new one is worth something too.
AGE_FLOOR = 0.02


@dataclass(slots=True)
class Choice:
    """tickets go in `bucket` and take `seconds`."""

    bucket: Bucket
    tickets: list[Ticket]
    seconds: float

    @property
    def rows(self) -> int:
        return sum(ticket.rows for ticket in self.tickets)


def choose(
    queues: Mapping[Family, FamilyQueue],
    smaller: Mapping[Family, Sequence[FamilyQueue]],
    costs: Costs,
    timetable: Timetable,
    now: float,
    start: float,
) -> Choice:
    """The next batch; nothing is dequeued. queues: those that are not empty, at least one.

    start: when the device begins with it.
    """
    for choice in _wanted(queues, costs, timetable, now):
        queue = queues[choice.bucket.family]
        if timetable.bears(choice.tickets, start + choice.seconds):
            _fill(choice, smaller[queue.family])
            if queue.rows <= choice.bucket.batch:
                _join(choice, smaller[queue.family], costs, timetable, start)
            return choice
    first = timetable.first
    assert first is not None, "without promises anything may go"
    choice = Choice(first.bucket, list(first.tickets), costs.seconds(first.bucket))
    family = first.bucket.family
    _fill(choice, (queues[family], *smaller[family]))
    return choice


def _wanted(
    queues: Mapping[Family, FamilyQueue], costs: Costs, timetable: Timetable, now: float
) -> Iterator[Choice]:
    earliest = min(queue.head_due for queue in queues.values())
    options = [
        _option(queue, costs)
        for queue in queues.values()
        if queue.head_due < earliest + PATIENCE_SECONDS
    ]
    if len(options) == 1:
        yield options[0]
    else:
        yield max(options, key=lambda option: _relief(option, costs, now))
    if (first := timetable.first) is not None:
        yield _option(queues[first.bucket.family], costs)


def _option(queue: FamilyQueue, costs: Costs) -> Choice:
    batch = costs.planned_batch(queue.family, queue.rows, queue.head.rows)
    bucket = Bucket(batch, queue.family)
    return Choice(bucket, queue.front(batch), costs.seconds(bucket))


def _relief(option: Choice, costs: Costs, now: float) -> float:
    waiting = 0.0
    least = costs.least_seconds_per_row(option.bucket.family)
    for ticket in option.tickets:
        share = (now - ticket.arrived) / budget_seconds(ticket) + AGE_FLOOR
        waiting += ticket.rows * share**AGE_POWER
    return waiting * least / option.seconds


def _fill(choice: Choice, others: Sequence[FamilyQueue]) -> None:
    free = choice.bucket.batch - choice.rows
    aboard = {ticket.id for ticket in choice.tickets}
    for queue in others:
        if free and len(queue):
            for ticket in queue.front(choice.bucket.batch):
                if ticket.id not in aboard and ticket.rows <= free:
                    choice.tickets.append(ticket)
                    free -= ticket.rows


def _join(
    choice: Choice,
    smaller: Sequence[FamilyQueue],
    costs: Costs,
    timetable: Timetable,
    start: float,
) -> None:
    family = choice.bucket.family
    aboard = {ticket.id for ticket in choice.tickets}
    best = 0.0
    joined: tuple[Bucket, list[Ticket]] | None = None
    for batch in costs.batches(family):
        if batch <= choice.bucket.batch:
            continue
        bucket = Bucket(batch, family)
        free, saved = batch - choice.rows, choice.seconds - costs.seconds(bucket)
        guests: list[Ticket] = []
        for queue in smaller:
            rest = [ticket for ticket in queue if ticket.id not in aboard]
            rows = sum(ticket.rows for ticket in rest)
            if rest and rows <= free:
                guests += rest
                free -= rows
                saved += costs.planned_seconds(queue.family, rows)
        end = start + costs.seconds(bucket)
        if saved > best and timetable.bears(choice.tickets + guests, end):
            best, joined = saved, (bucket, guests)
    if joined is not None:
        choice.bucket = joined[0]
        choice.tickets = choice.tickets + joined[1]
        choice.seconds = costs.seconds(joined[0])
