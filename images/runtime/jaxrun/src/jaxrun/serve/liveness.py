"""Is the server alive? While it loads: does it still make the progress that it promised?

Before the first bucket nobody can promise anything: importing and reading weights may take long,
and the operator's deadline bounds it. From then on the rest may take some times as long as was
predicted when the last bucket was ready, and never less than a quarter of an hour.
"""

from jaxrun.serve.state import Loading, State

_LEAST_SECONDS = 900.0
_TIMES_THE_PROMISE = 5.0


class Liveness:
    """`now` is seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._ready = 0
        self._until: float | None = None

    def alive(self, state: State, now: float) -> bool:
        """To be asked now and then; each answer takes in what has become of the state."""
        if not isinstance(state, Loading):
            self._ready, self._until = 0, None
            return True
        if state.ready != self._ready:
            promised = state.seconds_left or 0.0
            self._ready = state.ready
            self._until = now + max(_TIMES_THE_PROMISE * promised, _LEAST_SECONDS)
        return self._until is None or now <= self._until
