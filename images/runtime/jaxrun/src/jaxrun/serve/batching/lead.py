"""How long before the device is free the next batch is decided on.

Early enough for the host to pad and transfer it, and for an alarm that rings late where the host is
busy; late enough for who arrives meanwhile. What the host takes is learnt from what it costs: time
in which the device had nothing although somebody waited. With full batches waiting nobody loses by
more.
"""

LEAST_SECONDS = 0.002
MOST_SECONDS = 0.02
PART = 0.1
PART_FULL = 0.5
# With each batch that comes in time. So the device is idle for about a fiftieth of the lead.
SHRINKS_TO = 0.98


class Lead:
    """For one device."""

    __slots__ = ("_learnt",)

    def __init__(self) -> None:
        self._learnt = LEAST_SECONDS

    def seconds(self, executing_seconds: float, full: bool) -> float:
        """executing_seconds: of the batch that goes before. full: a full batch waits."""
        return max(self._learnt, (PART_FULL if full else PART) * executing_seconds)

    def observe(self, waited_since: float, free_at: float, came_at: float) -> None:
        """When the device was free for a batch, and when it had it. For nothing where nobody in it
        was there yet when it would have been decided on: no lead is long enough for them."""
        if waited_since > free_at - self._learnt:
            return
        idle = came_at - free_at
        wanted = self._learnt + idle if idle > 0 else SHRINKS_TO * self._learnt
        self._learnt = min(max(wanted, LEAST_SECONDS), MOST_SECONDS)
