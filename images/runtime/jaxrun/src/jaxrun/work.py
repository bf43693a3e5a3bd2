"""Productive time by the steps that it went into, so that lost steps can be told in seconds."""

_MOST_SPANS = 8


class Work:
    """Spans of steps, each with the seconds that went into it, evenly.

    Spans do not overlap: a step that is done again was cut off before.
    """

    def __init__(self, spans: list[tuple[float, float, float]] | None = None) -> None:
        self.spans = spans or []

    def add(self, first: float, last: float, seconds: float) -> None:
        """Steps `first` to `last`, both included, took `seconds`."""
        if last < first or seconds <= 0:
            return
        self.spans.append((first, last, seconds))
        if len(self.spans) > _MOST_SPANS:
            (first, _, some), (_, last, more), *rest = self.spans
            self.spans = [(first, max(last, first), some + more), *rest]

    def cut(self, step: float) -> float:
        """Steps from `step` on are lost; returns the seconds that went into them."""
        lost = 0.0
        kept = []
        for first, last, seconds in self.spans:
            count = last - first + 1
            share = min(max(last + 1 - step, 0.0), count) / count
            lost += seconds * share
            if share < 1:
                kept.append((first, min(last, step - 1), seconds * (1 - share)))
        self.spans = kept
        return lost
