"""Which batch is next, of all families that wait for the one device.

Each family offers the batch that its plan begins with. The device takes the one that relieves the
most waiting per device-second: the sum over its tickets of (age / budget) ** AGE_POWER, divided by
its cost. This is the max-weight rule with ages as weights: it keeps every load stable that any
rule can, it favours batches with many rows per second, and it starves nobody, because the age of
who waits grows and that of who is served does not. Before that, two exceptions:

- Only families whose head is about as urgent as the most urgent one take part (`urgency`).
- A family whose head still makes its deadline if it goes now, and not after the winner, goes first;
  of several the earliest deadline.

Rows of padding in the winner go to tickets of families that fit into it, which costs nothing; and
where a larger batch of the winner costs less than what whole queues of such families cost by
themselves, they all go together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxrun.serve.batching.costs import Costs
from jaxrun.serve.batching.queue import FamilyQueue
from jaxrun.serve.batching.ticket import Ticket
from jaxrun.serve.batching.urgency import PATIENCE_SECONDS, budget_seconds
from jaxrun.serve.buckets import Bucket, Family

AGE_POWER = 2.0
# Of its budget, as if every ticket had waited this part of it: a new one is worth something too.
AGE_FLOOR = 0.02


@dataclass(slots=True)
class Choice:
    """tickets go in `bucket` and take `seconds`; `late` cannot make their deadlines any more."""

    bucket: Bucket
    tickets: list[Ticket]
    seconds: float
    late: list[Ticket]

    @property
    def rows(self) -> int:
        return sum(ticket.rows for ticket in self.tickets)


def choose(
    queues: Sequence[FamilyQueue],
    smaller: Mapping[Family, Sequence[FamilyQueue]],
    costs: Costs,
    now: float,
    start: float,
) -> Choice:
    """The next batch; nothing is dequeued. queues: those that are not empty, at least one.

    start: when the device begins with it. Where `late` is not empty, `tickets` is to be chosen
    anew without them.
    """
    first = min(queue.head_due for queue in queues)
    urgent = [queue for queue in queues if queue.head_due < first + PATIENCE_SECONDS]
    options = [_option(queue, costs) for queue in urgent]
    if len(options) == 1:
        winner = options[0]
    else:
        winner = max(options, key=lambda option: _relief(option, costs, now))
        winner = _last_call(winner, options, start)
    queue = next(each for each in queues if each.family == winner.bucket.family)
    _meet_deadlines(winner, queue, costs, start)
    if not winner.late:
        _fill(winner, smaller[queue.family], start)
        if queue.rows <= winner.bucket.batch:
            _join(winner, smaller[queue.family], costs, start)
    return winner


def _option(queue: FamilyQueue, costs: Costs) -> Choice:
    batch = costs.planned_batch(queue.family, queue.rows, queue.head.rows)
    bucket = Bucket(batch, queue.family)
    return Choice(bucket, queue.front(batch), costs.seconds(bucket), [])


def _relief(option: Choice, costs: Costs, now: float) -> float:
    waiting = 0.0
    least = costs.least_seconds_per_row(option.bucket.family)
    for ticket in option.tickets:
        share = (now - ticket.arrived) / budget_seconds(ticket) + AGE_FLOOR
        waiting += ticket.rows * share**AGE_POWER
    return waiting * least / option.seconds


def _last_call(winner: Choice, options: list[Choice], start: float) -> Choice:
    """The earliest deadline's option, where going after the winner, in the order of deadlines,
    would be too late for any head that is not lost anyway; else the winner."""
    heads = sorted(
        (deadline, index)
        for index, option in enumerate(options)
        if (deadline := option.tickets[0].deadline) is not None
    )
    end = start + winner.seconds
    for deadline, index in heads:
        option = options[index]
        if option is not winner and start + option.seconds <= deadline:
            end += option.seconds
            if end > deadline:
                return options[heads[0][1]]
    return winner


def _meet_deadlines(choice: Choice, queue: FamilyQueue, costs: Costs, start: float) -> None:
    """Finds out who would be late. A queue that this batch empties is rather cut into smaller
    batches; with more behind it that costs others their deadlines."""
    late = _late(choice.tickets, start + choice.seconds)
    if late and queue.rows <= choice.bucket.batch:
        tightest = min(ticket.deadline for ticket in late if ticket.deadline is not None)
        family = choice.bucket.family
        for batch in reversed(costs.batches(family)):
            bucket = Bucket(batch, family)
            if batch < choice.bucket.batch and start + costs.seconds(bucket) <= tightest:
                tickets = queue.front(batch)
                if tickets and not _late(tickets, start + costs.seconds(bucket)):
                    choice.bucket, choice.tickets = bucket, tickets
                    choice.seconds = costs.seconds(bucket)
                    return
    choice.late = late


def _fill(choice: Choice, smaller: Sequence[FamilyQueue], start: float) -> None:
    free = choice.bucket.batch - choice.rows
    end = start + choice.seconds
    for queue in smaller:
        if not free:
            return
        if len(queue):
            guests = [each for each in queue.front(free) if not _is_late(each, end)]
            choice.tickets += guests
            free -= sum(ticket.rows for ticket in guests)


def _join(choice: Choice, smaller: Sequence[FamilyQueue], costs: Costs, start: float) -> None:
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
        if saved > best and not _late(choice.tickets + guests, start + costs.seconds(bucket)):
            best, joined = saved, (bucket, guests)
    if joined is not None:
        choice.bucket = joined[0]
        choice.tickets = choice.tickets + joined[1]
        choice.seconds = costs.seconds(joined[0])


def _late(tickets: list[Ticket], end: float) -> list[Ticket]:
    return [ticket for ticket in tickets if _is_late(ticket, end)]


def _is_late(ticket: Ticket, end: float) -> bool:
    return ticket.deadline is not None and ticket.deadline < end
