"""Is the server alive? While it loads: does it still make the progress that it promised?

Before the first bucket nobody can promise anything: importing and reading weights may take long,
and the operator's deadline bounds it. From then on the rest may take some times as long as was
predicted when the last bucket was ready, and never less than a quarter of an hour.

A server that has become unready stays so, for a minute in which its reason can be read; then it is
better started anew.
"""

from jaxrun.serve.state import Loading, State, Unready

_LEAST_SECONDS = 900.0
_TIMES_THE_PROMISE = 5.0
_UNREADY_SECONDS = 60.0


class Liveness:
    """`now` is seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._seen: int | str | None = None
        self._until: float | None = None

    def alive(self, state: State, now: float) -> bool:
        """To be asked now and then; each answer takes in what has become of the state."""
        if isinstance(state, Loading):
            patience = max(_TIMES_THE_PROMISE * (state.seconds_left or 0.0), _LEAST_SECONDS)
            self._see(state.ready, now + patience if state.ready else None)
        elif isinstance(state, Unready):
            self._see(state.reason, now + _UNREADY_SECONDS)
        else:
            self._see(None, None)
        return self._until is None or now <= self._until

    def _see(self, what: int | str | None, until: float | None) -> None:
        """The clock starts anew where something has changed."""
        if what != self._seen:
            self._seen, self._until = what, until
