"""With how few device-seconds a number of rows can be cleared, and by which batch to begin.

Five rows go as 4 + 1 or as 8 with three rows of padding, whichever costs less. It is the
minimum-cost cover of n rows by batches, by dynamic programming over n.

The largest batch of a plan is the smallest that is about as cheap per row as any (WORTH): beyond
it a batch takes longer and gains nothing, while all other families wait for the device.
"""

from collections.abc import Mapping

WORTH = 0.05


class Plan:
    """A table for one family. costs: seconds by batch size, above 0.

    Raises ValueError where there is no batch.
    """

    __slots__ = ("_best", "_first", "_largest", "_seconds")

    def __init__(self, costs: Mapping[int, float]) -> None:
        if not costs:
            raise ValueError("costs is empty; give the seconds of at least one batch size")
        least = min(seconds / batch for batch, seconds in costs.items())
        self._best = min(
            batch for batch, seconds in costs.items() if seconds <= (1 + WORTH) * least * batch
        )
        batches = sorted(batch for batch in costs if batch <= self._best)
        self._largest = self._best
        seconds, first = [0.0], [batches[0]]
        for rows in range(1, self._largest + 1):
            # At equal cost the batch that answers more of those who have waited longest, and of
            # those the one with less padding.
            total, _, batch = min(
                (costs[batch] + seconds[max(rows - batch, 0)], -min(batch, rows), batch)
                for batch in batches
            )
            seconds.append(total)
            first.append(batch)
        self._seconds, self._first = seconds, first

    def seconds(self, rows: int) -> float:
        """Device-seconds for these rows, in batches that cost the least together."""
        if rows <= self._largest:
            return self._seconds[rows]
        whole = -(-(rows - self._largest) // self._best)
        return whole * self._seconds[self._best] + self._seconds[rows - whole * self._best]

    def batch(self, rows: int) -> int:
        """The batch to begin with."""
        return self._first[rows] if rows <= self._largest else self._best

    @property
    def full(self) -> int:
        """The largest batch: with as many rows waiting, no row more helps."""
        return self._best
