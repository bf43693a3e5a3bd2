"""What one epoch's time went into, from what process 0's program tells of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TOLD = ("compile", "data", "checkpoint")


@dataclass
class EpochTime:
    """One epoch's program, which tells its compile, data and checkpoint seconds so far."""

    spawned_at: float
    told: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TOLD, 0.0))
    busy: str = ""
    busy_since: float = 0.0
    initialised_at: float | None = None
    told_at_initialised: dict[str, float] = field(default_factory=dict)
    stepped_at: float | None = None
    told_at_step: dict[str, float] = field(default_factory=dict)
    first_step: int = 0
    marks: tuple[tuple[float, float], ...] = ()
    """Steps and the productive seconds up to them: of the last checkpoint, of the last report."""

    def told_by(self, now: float) -> dict[str, float]:
        """With what is under way and not told yet."""
        if not self.busy:
            return self.told
        return {**self.told, self.busy: self.told[self.busy] + max(now - self.busy_since, 0.0)}

    def initialise(self, now: float) -> None:
        if self.initialised_at is None:
            self.initialised_at, self.told_at_initialised = now, dict(self.told)

    def step(self, step: int, now: float) -> None:
        """The first report begins the steps; the first step itself is mostly compilation."""
        self.initialise(now)
        if self.stepped_at is None:
            self.stepped_at, self.told_at_step = now, dict(self.told)
            self.first_step = step
            self.marks = ((step, 0.0), (step, 0.0))
        elif step > self.marks[1][0]:
            self.marks = (self.marks[0], (step, self.productive(now)))

    def checkpoint(self, step: int, now: float) -> None:
        """Work up to `step` is kept; of work since then, the share of its steps is not."""
        if self.stepped_at is None or step <= self.marks[0][0]:
            return
        (saved, at_saved), (last, at_last) = self.marks
        if step >= last:
            self.marks = ((step, self.productive(now)),) * 2
        else:
            share = (step - saved) / (last - saved)
            self.marks = ((step, at_saved + (at_last - at_saved) * share), self.marks[1])

    def productive(self, now: float) -> float:
        return self.parts(now).get("productive", 0.0)

    def parts(self, now: float) -> dict[str, float]:
        """Initialisation, then preparations, then steps; each less what was told inside it."""
        told = self.told_by(now)
        nothing = dict.fromkeys(TOLD, 0.0)
        before = self.told_at_initialised if self.initialised_at is not None else told
        parts = _split("initialisation", self.spawned_at, self.initialised_at, now, nothing, before)
        if self.initialised_at is not None:
            ready = self.told_at_step if self.stepped_at is not None else told
            prepared = _split("other", self.initialised_at, self.stepped_at, now, before, ready)
            parts = _sum(parts, prepared)
            if self.stepped_at is not None:
                parts = _sum(parts, _split("productive", self.stepped_at, None, now, ready, told))
        return parts


def _split(
    name: str,
    start: float,
    end: float | None,
    now: float,
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> dict[str, float]:
    """A stretch of time into what was told inside it and, under `name`, the rest.

    Threads can be busy with several things at once: what is too much is taken from all alike.
    """
    length = max((now if end is None else end) - start, 0.0)
    inside = {part: max(after[part] - before[part], 0.0) for part in TOLD}
    told = sum(inside.values())
    if told > length:
        inside = {part: seconds * (length / told) for part, seconds in inside.items()}
        return {**inside, name: 0.0}
    return {**inside, name: length - told}


def _sum(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {part: one.get(part, 0.0) + other.get(part, 0.0) for part in {*one, *other}}
