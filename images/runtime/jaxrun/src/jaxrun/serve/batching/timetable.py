"""The proof that every promise can be kept: batches in an order in which all of them are in time.

A ticket with a deadline is admitted with a place in here, and everything that is decided later
leaves all others their places: an arrival gets none where it would push one of them beyond its
time, and the device may take another batch than the first one here only where those that remain
are in time after it. So with costs that hold, no promise is broken, whatever comes later; the
first batch can always go.

Batches are in the order of their most urgent ticket (earliest deadline first, which finds a
feasible order if there is one). `until` is the time of a ticket here: its deadline, less what is
kept in reserve. Times are absolute; `start` is when the device is free for the first batch.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from jaxrun.serve.batching.costs import OVERHEAD_SECONDS, Costs
from jaxrun.serve.batching.ticket import Ticket
from jaxrun.serve.buckets import Bucket, Family

# So many of a family's last batches are looked at for free rows.
LOOK_BACK = 4


@dataclass(slots=True, eq=False)
class Planned:
    """A batch to be. until: the earliest of its tickets'."""

    bucket: Bucket
    tickets: list[Ticket]
    rows: int
    seconds: float
    until: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ticket goes: into `planned`, as `bucket`, for `seconds` more; or a batch of its own
    where `planned` is None. index: of that batch."""

    planned: Planned | None
    bucket: Bucket
    seconds: float
    index: int


class Timetable:
    """Finding a place costs O(log n), and a step for each batch that is planned behind it."""

    __slots__ = ("_batches", "_costs", "_ends", "_families", "_of", "_until")

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._batches: list[Planned] = []
        self._ends: list[float] = []  # since the first batch's start
        self._families: dict[Family, list[Planned]] = {}
        self._of: dict[int, Planned] = {}
        self._until: dict[int, float] = {}

    @property
    def first(self) -> Planned | None:
        return self._batches[0] if self._batches else None

    def until(self, id: int) -> float:
        """Infinite for a ticket that has no place."""
        return self._until.get(id, inf)

    def slack_seconds(self, start: float) -> float:
        """How much later than `start` the first may begin; below 0 where one is late."""
        return min(
            (
                planned.until - start - end
                for planned, end in zip(self._batches, self._ends, strict=True)
            ),
            default=inf,
        )

    def find(self, ticket: Ticket, until: float, start: float) -> Place | None:
        """The cheapest place that leaves all in time; None where there is none."""
        best: Place | None = None
        for planned in reversed(self._families.get(ticket.family, [])[-LOOK_BACK:]):
            index = self._index(planned)
            for bucket, seconds in self._buckets(ticket, planned.rows):
                more = seconds - planned.seconds if bucket != planned.bucket else 0.0
                if (
                    (best is None or more < best.seconds)
                    and start + self._ends[index] + more <= until
                    and self._bears(index, more, start)
                ):
                    best = Place(planned, bucket, more, index)
                    if more <= 0:
                        return best
        index = bisect_right(self._batches, until, key=_until)
        before = start + (self._ends[index - 1] if index else 0.0)
        for bucket, seconds in self._buckets(ticket, 0):
            if (
                (best is None or seconds < best.seconds)
                and before + seconds <= until
                and self._bears(index, seconds, start)
            ):
                best = Place(None, bucket, seconds, index)
        return best

    def add(self, ticket: Ticket, until: float, place: Place) -> None:
        """At a place that was found, with nothing else changed since."""
        planned = place.planned
        if planned is None:
            planned = Planned(place.bucket, [], 0, place.seconds, until)
            self._insert(planned)
        else:
            if planned.bucket != place.bucket:
                planned.bucket = place.bucket
                planned.seconds += place.seconds
            if until < planned.until:
                self._withdraw(planned)
                planned.until = until
                self._insert(planned)
            else:
                self._sum(place.index)
        planned.tickets.append(ticket)
        planned.rows += ticket.rows
        self._of[ticket.id] = planned
        self._until[ticket.id] = until

    def remove(self, tickets: Iterable[Ticket]) -> None:
        """They are served, cancelled or given up; those without a place are passed over."""
        for planned, ids in self._touched(tickets).items():
            self._withdraw(planned)
            for id in ids:
                del self._of[id], self._until[id]
            if len(ids) < len(planned.tickets):
                planned.tickets = [each for each in planned.tickets if each.id not in ids]
                planned.rows = sum(each.rows for each in planned.tickets)
                planned.until = min(self._until[each.id] for each in planned.tickets)
                planned.bucket, planned.seconds = self._shrunk(planned, planned.rows)
                self._insert(planned)

    def bears(self, tickets: Iterable[Ticket], end: float) -> bool:
        """Whether these are in time if they are done at `end`, and all others after them."""
        tickets = list(tickets)
        if any(self.until(ticket.id) < end for ticket in tickets):
            return False
        touched = self._touched(tickets)
        for planned in self._batches:
            ids = touched.get(planned)
            if ids is None:
                end += planned.seconds
            elif len(ids) < len(planned.tickets):
                rest = sum(each.rows for each in planned.tickets if each.id not in ids)
                end += self._shrunk(planned, rest)[1]
            else:
                continue
            if end > planned.until:
                return False
        return True

    def refresh(self) -> None:
        """The costs have changed."""
        for planned in self._batches:
            planned.seconds = self._seconds(planned.bucket)
        self._sum(0)

    def hopeless(self, start: float) -> list[Ticket]:
        """Of the first batch, those whose deadline it cannot meet any more."""
        if not self._batches:
            return []
        first = self._batches[0]
        end = start + first.seconds
        return [each for each in first.tickets if each.deadline is not None and each.deadline < end]

    def planned(self, family: Family) -> list[Ticket]:
        """All tickets of the family that have a place, the most urgent first."""
        tickets = [each for planned in self._families.get(family, ()) for each in planned.tickets]
        return sorted(tickets, key=lambda each: self._until[each.id])

    def _buckets(self, ticket: Ticket, beside: int) -> Iterable[tuple[Bucket, float]]:
        family, rows = ticket.family, ticket.rows + beside
        most = self._costs.full_batch(family)
        if not beside:
            most = max(most, self._costs.fitting_batch(family, rows))
        for batch in self._costs.batches(family):
            if rows <= batch <= most:
                bucket = Bucket(batch, family)
                yield bucket, self._seconds(bucket)

    def _seconds(self, bucket: Bucket) -> float:
        return self._costs.seconds(bucket) + OVERHEAD_SECONDS

    def _bears(self, index: int, more: float, start: float) -> bool:
        """Whether batches from `index` on are in time if they end so much later."""
        return more <= 0 or all(
            start + self._ends[i] + more <= self._batches[i].until
            for i in range(index, len(self._batches))
        )

    def _shrunk(self, planned: Planned, rows: int) -> tuple[Bucket, float]:
        batch = self._costs.fitting_batch(planned.bucket.family, rows)
        smaller = Bucket(batch, planned.bucket.family)
        seconds = self._seconds(smaller)
        if seconds < planned.seconds:
            return smaller, seconds
        return planned.bucket, planned.seconds

    def _touched(self, tickets: Iterable[Ticket]) -> dict[Planned, set[int]]:
        touched: dict[Planned, set[int]] = {}
        for ticket in tickets:
            planned = self._of.get(ticket.id)
            if planned is not None:
                touched.setdefault(planned, set()).add(ticket.id)
        return touched

    def _index(self, planned: Planned) -> int:
        index = bisect_left(self._batches, planned.until, key=_until)
        while self._batches[index] is not planned:
            index += 1
        return index

    def _insert(self, planned: Planned) -> None:
        for batches in (self._batches, self._families.setdefault(planned.bucket.family, [])):
            batches.insert(bisect_right(batches, planned.until, key=_until), planned)
        self._ends.append(0.0)
        self._sum(self._index(planned))

    def _withdraw(self, planned: Planned) -> None:
        index = self._index(planned)
        del self._batches[index]
        self._families[planned.bucket.family].remove(planned)
        self._ends.pop()
        self._sum(index)

    def _sum(self, index: int) -> None:
        """Ends anew, from this batch on."""
        end = self._ends[index - 1] if index else 0.0
        for i in range(index, len(self._batches)):
            end += self._batches[i].seconds
            self._ends[i] = end


def _until(planned: Planned) -> float:
    return planned.until
