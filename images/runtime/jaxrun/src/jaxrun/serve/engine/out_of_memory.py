"""The device's memory running out while serving: what it looks like, and when it is hopeless.

One batch that does not fit may fit in two halves. Several in a row mean that something else holds
the memory, and that this process cannot keep any promise.
"""

IN_A_ROW = 3
_SIGN = "RESOURCE_EXHAUSTED"


def is_out_of_memory(error: BaseException) -> bool:
    """XLA says so in the message only."""
    return _SIGN in str(error)


class Streak:
    """Counts batches in a row that found no memory."""

    def __init__(self) -> None:
        self._count = 0

    def fitted(self) -> None:
        self._count = 0

    def exhausted(self) -> bool:
        """One more; whether it is hopeless now."""
        self._count += 1
        return self._count >= IN_A_ROW
