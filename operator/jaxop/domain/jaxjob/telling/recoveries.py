"""The restarts of a job, as its timeline tells them: why, how, and how long until it ran again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from jaxop.api.v1alpha1.jaxjob_status import TimelineEntry

How = Literal["InPlace", "Recreate"]


@dataclass(frozen=True, slots=True)
class Recovery:
    """`entry` is that of Restarting: its reason is the cause."""

    entry: TimelineEntry
    how: How
    """InPlace: the pods that still lived stayed, and only lost ones were replaced."""
    running_at: datetime | None = None
    """None where it has not run again, or failed before it did."""

    @property
    def seconds(self) -> float | None:
        """From the failure until the program ran again."""
        if self.running_at is None:
            return None
        return max(0.0, (self.running_at - self.entry.time).total_seconds())


def recoveries(timeline: tuple[TimelineEntry, ...]) -> tuple[Recovery, ...]:
    """Oldest first."""
    found: list[Recovery] = []
    before: TimelineEntry | None = None
    open_since: int | None = None
    for entry in timeline:
        if entry.state == "Restarting":
            open_since = len(found)
            found.append(Recovery(entry, _how(before, entry)))
        elif entry.state == "Running" and open_since is not None:
            waiting = found[open_since]
            found[open_since] = Recovery(waiting.entry, waiting.how, entry.time)
            open_since = None
        before = entry
    return tuple(found)


def _how(before: TimelineEntry | None, entry: TimelineEntry) -> How:
    """A new attempt has new pods. Of what the timeline no longer reaches back to, the epoch tells:
    the first of an attempt follows none of it."""
    if before is not None:
        return "InPlace" if before.attempt == entry.attempt else "Recreate"
    return "Recreate" if entry.attempt > 0 and (entry.epoch or 0) <= 1 else "InPlace"
