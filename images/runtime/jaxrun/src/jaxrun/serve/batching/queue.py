"""The tickets of one family in the order of their urgency.

A sorted list: insertion and removal are a binary search and one move of memory, which for a
bounded queue is cheaper than any tree; and batches are read off its front.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

from jaxrun.serve.batching.arrivals import Arrivals
from jaxrun.serve.batching.ticket import Ticket
from jaxrun.serve.batching.urgency import due
from jaxrun.serve.buckets import Family

# After so many tickets that do not fit a batch any more, it goes with the rows that it has.
LOOK_PAST = 16


class FamilyQueue:
    """rows: of all its tickets."""

    __slots__ = ("_entries", "arrivals", "family", "rows")

    def __init__(self, family: Family) -> None:
        self.family = family
        self.rows = 0
        self.arrivals = Arrivals()
        self._entries: list[tuple[float, int, Ticket]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Ticket]:
        return (ticket for _, _, ticket in self._entries)

    @property
    def head(self) -> Ticket:
        """The most urgent ticket; IndexError where there is none."""
        return self._entries[0][2]

    @property
    def head_due(self) -> float:
        return self._entries[0][0]

    def add(self, ticket: Ticket) -> None:
        insort(self._entries, (due(ticket), ticket.id, ticket))
        self.rows += ticket.rows

    def remove(self, ticket: Ticket) -> None:
        """Raises KeyError where it is not queued."""
        index = bisect_left(self._entries, (due(ticket), ticket.id))
        if index == len(self._entries) or self._entries[index][1] != ticket.id:
            raise KeyError(ticket.id)
        del self._entries[index]
        self.rows -= ticket.rows

    def rows_before(self, key: float) -> int:
        """About how many rows go before a ticket that is due at `key`."""
        entries = self._entries
        if not entries or entries[-1][0] <= key:
            return self.rows
        return round(self.rows * bisect_left(entries, (key,)) / len(entries))

    def front(self, rows: int) -> list[Ticket]:
        """The most urgent tickets that fit into so many rows together; they stay queued."""
        taken: list[Ticket] = []
        past = 0
        for _, _, ticket in self._entries:
            if ticket.rows <= rows:
                taken.append(ticket)
                rows -= ticket.rows
                if not rows:
                    break
            else:
                past += 1
                if past > LOOK_PAST:
                    break
        return taken
