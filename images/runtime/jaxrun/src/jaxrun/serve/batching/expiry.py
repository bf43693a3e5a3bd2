"""When queued tickets become pointless: a heap of their deadlines."""

from collections.abc import Collection
from heapq import heapify, heappop, heappush
from math import inf


class Expiry:
    """Entries of tickets that left the queue otherwise are skipped, and swept when many."""

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []

    def add(self, id: int, deadline: float, queued: Collection[int]) -> None:
        heappush(self._heap, (deadline, id))
        if len(self._heap) > 2 * len(queued) + 64:
            self._heap = [entry for entry in self._heap if entry[1] in queued]
            heapify(self._heap)

    def take(self, now: float, queued: Collection[int]) -> list[int]:
        """Ids of queued tickets whose deadline is over."""
        over = []
        while self._heap and self._heap[0][0] < now:
            id = heappop(self._heap)[1]
            if id in queued:
                over.append(id)
        return over

    def next(self) -> float:
        """When there may be something to take; infinite if never."""
        return self._heap[0][0] if self._heap else inf
