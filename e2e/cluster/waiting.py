"""Waiting for a condition, with a deadline and the last thing seen."""

import time
from collections.abc import Callable, Iterable

from e2e.cluster.errors import ClusterError
from e2e.cluster.processes import Component


def until(
    what: str,
    seen: Callable[[], str | None],
    timeout_seconds: float,
    needs: Iterable[Component] = (),
    interval_seconds: float = 0.1,
) -> None:
    """Returns once `seen` returns None; anything else it returns says what is still wrong.

    Raises ClusterError at the deadline, or at once if one of the components in `needs` ends.
    """
    deadline = time.monotonic() + timeout_seconds
    while (fault := seen()) is not None:
        for component in needs:
            component.check()
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not so after {timeout_seconds:.0f}s: {fault}")
        time.sleep(interval_seconds)
