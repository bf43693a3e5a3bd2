"""The scheduler: the queues, what is in flight, and the order of decisions on both.

Every method costs O(log n) in the number of queued tickets, except `next` where it makes a batch:
that costs as much as the tickets it looks at, once per batch. `offer` takes also a step for each
batch that is planned behind the ticket's place (`timetable`): none where all have as much time.
"""

from collections.abc import Mapping
from math import inf

from jaxrun.serve.batching import admission
from jaxrun.serve.batching.choice import Choice, choose
from jaxrun.serve.batching.costs import Costs
from jaxrun.serve.batching.expiry import Expiry
from jaxrun.serve.batching.families import smaller_families
from jaxrun.serve.batching.lead import Lead
from jaxrun.serve.batching.patience import worth_waiting_seconds
from jaxrun.serve.batching.queue import FamilyQueue
from jaxrun.serve.batching.retry import halves, without
from jaxrun.serve.batching.ticket import (
    Admitted,
    Dispatch,
    Dropped,
    Failure,
    Limits,
    Piece,
    Refusal,
    Ticket,
    Wait,
)
from jaxrun.serve.batching.timetable import Timetable
from jaxrun.serve.buckets import Bucket, Family, Grid

MEMORY_FAILURES = 3


class Scheduler:
    """One device's scheduler. costs: seconds by bucket, for every bucket of the grid.

    Raises ValueError where a bucket has no cost above 0.
    """

    def __init__(self, grid: Grid, costs: Mapping[Bucket, float], limits: Limits) -> None:
        for bucket in grid.all():
            if bucket not in costs:
                raise ValueError(f"costs lacks {bucket}")
        self._limits = limits
        self._costs = Costs({bucket: costs[bucket] for bucket in grid.all()})
        self._queues = {family: FamilyQueue(family) for family in grid.families}
        self._smaller = {
            family: tuple(self._queues[each] for each in others)
            for family, others in smaller_families(grid.families).items()
        }
        self._first = next(iter(self._queues))
        self._waiting: dict[Family, FamilyQueue] = {}
        self._full: set[Family] = set()
        self._queued: dict[int, Ticket] = {}
        self._queued_bytes = 0
        self._expiry = Expiry()
        self._timetable = Timetable(self._costs)
        self._promises = admission.Promises()
        self._lead = Lead()
        self._dropped: list[Dropped] = []
        self._retries: list[Dispatch] = []
        self._flights: list[tuple[Dispatch, float]] = []
        self._busy_until = -inf
        self._hesitating_since: float | None = None
        self._memory_failures = 0

    @property
    def queued(self) -> int:
        """Tickets that wait; those that wait for a retry not."""
        return len(self._queued)

    @property
    def queued_bytes(self) -> int:
        return self._queued_bytes

    @property
    def in_flight(self) -> int:
        """Batches that the device has."""
        return len(self._flights)

    @property
    def idle(self) -> bool:
        """Nothing is queued, in flight or to be retried."""
        return not (self._queued or self._flights or self._retries)

    @property
    def costs(self) -> Costs:
        return self._costs

    def queued_seconds(self) -> float:
        """Device-seconds that clear what waits."""
        return sum(
            self._costs.planned_seconds(queue.family, queue.rows)
            for queue in self._waiting.values()
        ) + sum(self._costs.seconds(each.bucket) for each in self._retries)

    def foresee(self, deadline: float | None, now: float) -> Refusal | None:
        """The refusal of any ticket with such a deadline, whatever its family, rows and priority.

        What is served before a ticket takes as long for all families, so it can be told before
        anything is known of a request but when it has to be answered.
        """
        ticket = Ticket(0, 0, self._first, 0, now, deadline)
        verdict = self._verdict(ticket, now, self._free_at(now))
        return verdict if isinstance(verdict, Refusal) else None

    def offer(self, ticket: Ticket, now: float) -> Admitted | Refusal:
        """Queues the ticket if there is room, and a place where its deadline and all promises are
        kept."""
        queue = self._queues[ticket.family]
        queue.arrivals.observe(now)
        free_at = self._free_at(now)
        verdict = self._verdict(ticket, now, free_at)
        if isinstance(verdict, Refusal):
            return verdict
        if ticket.deadline is not None:
            until = self._promises.until(ticket.deadline, now)
            place = self._timetable.find(ticket, until, free_at)
            if place is None:
                return admission.unreachable(
                    verdict.predicted_seconds, "others have been promised the time that it takes"
                )
            self._timetable.add(ticket, until, place)
            self._expiry.add(ticket.id, ticket.deadline, self._queued)
        queue.add(ticket)
        self._queued[ticket.id] = ticket
        self._queued_bytes += ticket.bytes
        self._changed(queue)
        return verdict

    def _verdict(self, ticket: Ticket, now: float, free_at: float) -> Admitted | Refusal:
        committed = free_at - now
        if (
            len(self._queued) >= self._limits.max_queue
            or self._queued_bytes + ticket.bytes > self._limits.max_queue_bytes
        ):
            refusal = admission.room(
                ticket,
                len(self._queued),
                self._queued_bytes,
                self._limits,
                committed + self.queued_seconds(),
            )
            if refusal is not None:
                return refusal
        predicted = admission.predict(ticket, self._waiting.values(), self._costs, committed)
        return admission.promise(ticket, predicted, self._promises.part, now)

    def cancel(self, id: int) -> bool:
        """Takes the ticket out; False where it is not queued, because it is in flight or unknown.

        Of a ticket that is to be retried, the pieces that have not started are taken out.
        """
        self._retries = without(self._retries, {id})
        ticket = self._queued.get(id)
        if ticket is None:
            return False
        self._take(ticket)
        return True

    def next(self, now: float) -> Dispatch | Wait | None:
        """What to start now, until when to wait, or None: nothing before the next event.

        A Dispatch is out of the queue and to be told to `started` before anything else is asked.
        """
        self._expire(now)
        if len(self._flights) >= self._limits.depth:
            return self._wait(inf)
        if self._retries:
            return self._retries.pop(0)
        if not self._queued:
            return None
        if self._flights:
            due = self._busy_until - self._lead.seconds(self._flights[-1][1], bool(self._full))
            if now < due:
                return self._wait(due)
        start = self._free_at(now)
        while hopeless := self._timetable.hopeless(start):
            # They go where that breaks no other promise, and so late.
            self._timetable.remove(hopeless)
        choice = choose(self._waiting, self._smaller, self._costs, self._timetable, now, start)
        if not self._flights:
            until = self._hesitate(choice, now)
            if until > now:
                return self._wait(until)
        self._hesitating_since = None
        self._timetable.remove(choice.tickets)
        for ticket in choice.tickets:
            self._take(ticket)
        pieces = tuple(Piece(ticket, 0, ticket.rows) for ticket in choice.tickets)
        return Dispatch(choice.bucket, pieces)

    def take_dropped(self) -> list[Dropped]:
        """Tickets that left the queue unserved since the last call."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def started(self, dispatch: Dispatch, now: float) -> None:
        """The engine has the batch."""
        seconds = self._costs.seconds(dispatch.bucket)
        self._busy_until = max(self._busy_until, now) + seconds if self._flights else now + seconds
        self._flights.append((dispatch, seconds))

    def followed(self, dispatch: Dispatch, free_at: float, came_at: float) -> None:
        """The device was free for the batch at `free_at`, and had it at `came_at`."""
        self._lead.observe(min(each.arrived for each in dispatch.tickets), free_at, came_at)

    def finished(self, dispatch: Dispatch, seconds: float, now: float) -> None:
        """The batch is answered. seconds: of execution, without waiting for the one before it."""
        self._land(dispatch, now)
        self._memory_failures = 0
        promised = [each.deadline for each in dispatch.tickets if each.deadline is not None]
        in_time = sum(now <= deadline for deadline in promised)
        self._promises.kept(in_time)
        self._promises.broken(len(promised) - in_time)
        self._costs.forgive(now)
        if self._costs.observe(dispatch.bucket, max(seconds, 1e-9)):
            self._changed(self._queues[dispatch.bucket.family])
        self._timetable.refresh()

    def failed(self, dispatch: Dispatch, now: float, *, no_memory: bool) -> Failure:
        """The batch is not answered. no_memory: the device had none for it."""
        self._land(dispatch, now)
        retried: list[Dispatch] = []
        if no_memory:
            self._memory_failures += 1
            retried = halves(dispatch, self._costs.batches(dispatch.bucket.family))
            if not dispatch.retry:
                self._costs.avoid(dispatch.bucket, now)
                self._changed(self._queues[dispatch.bucket.family])
            self._retries += retried
            self._plan_anew(dispatch.bucket.family, now)
        lost = () if retried else dispatch.tickets
        if lost:
            self._retries = without(self._retries, {ticket.id for ticket in lost})
        return Failure(
            retried=dispatch.tickets if retried else (),
            lost=lost,
            unready=self._memory_failures >= MEMORY_FAILURES,
        )

    def abandon(self) -> list[Ticket]:
        """Takes out all that is queued or to be retried; what is in flight stays."""
        left = [*self._queued.values()]
        left += [ticket for each in self._retries for ticket in each.tickets]
        self._retries = []
        for ticket in [*self._queued.values()]:
            self._take(ticket)
        return left

    def _land(self, dispatch: Dispatch, now: float) -> None:
        self._flights = [flight for flight in self._flights if flight[0] is not dispatch]
        self._busy_until = now + sum(seconds for _, seconds in self._flights)

    def _free_at(self, now: float) -> float:
        """When the device is done with what is in flight or to be retried.

        An execution that is overdue is expected to take as long again as it is overdue by.
        """
        free_at = now
        if self._flights:
            behind = sum(seconds for _, seconds in self._flights[1:])
            executing_until = self._busy_until - behind
            free_at += abs(executing_until - now) + behind
        return free_at + sum(self._costs.seconds(each.bucket) for each in self._retries)

    def _plan_anew(self, family: Family, now: float) -> None:
        """Without batches that are not to be used any more."""
        tickets = self._timetable.planned(family)
        untils = [self._timetable.until(ticket.id) for ticket in tickets]
        self._timetable.remove(tickets)
        for ticket, until in zip(tickets, untils, strict=True):
            place = self._timetable.find(ticket, until, self._free_at(now))
            if place is not None:
                self._timetable.add(ticket, until, place)

    def _hesitate(self, choice: Choice, now: float) -> float:
        """Until when the idle device waits for company to this batch; `now` or before: not."""
        family = choice.bucket.family
        queue = self._queues[family]
        if family in self._full:
            return now
        company = self._costs.planned_seconds(family, queue.rows + 1)
        gap = worth_waiting_seconds(
            self._costs.planned_seconds(family, 1),
            self._costs.planned_seconds(family, queue.rows),
            company,
            queue.rows,
            sum(each.rows for each in self._waiting.values()),
        )
        if queue.arrivals.gap_seconds() >= gap:
            return now
        if self._hesitating_since is None:
            self._hesitating_since = now
        until = min(
            queue.arrivals.last + gap, self._hesitating_since + self._limits.max_delay_seconds
        )
        return min(until, now + self._timetable.slack_seconds(now) - company)

    def _wait(self, until: float) -> Wait | None:
        until = min(until, self._expiry.next())
        return Wait(until) if until < inf else None

    def _expire(self, now: float) -> None:
        for id in self._expiry.take(now, self._queued):
            ticket = self._queued[id]
            self._take(ticket)
            self._promises.broken(1)
            self._dropped.append(Dropped(ticket, admission.passed()))

    def _take(self, ticket: Ticket) -> None:
        del self._queued[ticket.id]
        self._queued_bytes -= ticket.bytes
        queue = self._queues[ticket.family]
        queue.remove(ticket)
        self._timetable.remove((ticket,))
        self._changed(queue)

    def _changed(self, queue: FamilyQueue) -> None:
        if len(queue):
            self._waiting[queue.family] = queue
        else:
            self._waiting.pop(queue.family, None)
        if queue.rows >= self._costs.full_batch(queue.family):
            self._full.add(queue.family)
        else:
            self._full.discard(queue.family)
