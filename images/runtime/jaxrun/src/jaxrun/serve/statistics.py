"""The `serving` object of /status, from what the server has and what it has counted."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxrun.contract import ServingState
from jaxrun.serve.state import Draining, Loading, State, Unready
from jaxrun.serve.tally import WINDOW_SECONDS, Outcome, Tally


@dataclass(frozen=True, slots=True)
class Loaded:
    """The server now. model and version: None before the factory has returned.

    ready_at: epoch seconds. ready_since: on the server's clock. in_flight: requests.
    compiles: after ready, by function and shapes. not_finite: answers, by output.
    """

    state: State
    model: str | None
    version: str | None
    buckets_total: int
    ready_at: float | None
    ready_since: float
    load_seconds: float | None
    queued: int
    queued_bytes: int
    queued_seconds: float
    in_flight: int
    compiles: Mapping[tuple[str, str], int]
    not_finite: Mapping[str, int]
    parameters_bytes: int

    @property
    def buckets(self) -> tuple[int, int]:
        """Ready and total."""
        if isinstance(self.state, Loading):
            return self.state.ready, self.state.total or self.buckets_total
        ready = self.buckets_total if self.load_seconds is not None else 0
        return ready, self.buckets_total


def serving(loaded: Loaded, tally: Tally, now: float) -> dict[str, object]:
    """By the contract's names; rates and quantiles are of the last minute, or since ready."""
    state, window = loaded.state, tally.window
    span = min(max(now - loaded.ready_since, 1.0), float(WINDOW_SECONDS))
    p50, p95, p99 = window.quantiles((0.5, 0.95, 0.99), now)
    ready, total = loaded.buckets
    return {
        "model": loaded.model,
        "version": loaded.version,
        "state": state_name(state).value,
        "reason": state.reason if isinstance(state, Unready) else None,
        "bucketsReady": ready,
        "bucketsTotal": total,
        "secondsLeft": state.seconds_left if isinstance(state, Loading) else None,
        "loadSeconds": loaded.load_seconds,
        "readyAt": loaded.ready_at,
        "requestsPerSecond": window.answers(now) / span,
        "latency": {"p50Seconds": p50, "p95Seconds": p95, "p99Seconds": p99},
        "queued": loaded.queued,
        "queuedSeconds": loaded.queued_seconds,
        "inFlight": loaded.in_flight,
        "requests": tally.requests.total(),
        "refused": tally.requests[Outcome.REFUSED],
        "failed": tally.requests[Outcome.FAILED],
        "utilization": min(window.busy_seconds(now) / span, 1.0),
        "padding": window.padding(now),
        "compilesAfterReady": sum(loaded.compiles.values()),
        "parametersBytes": loaded.parameters_bytes,
    }


def state_name(state: State) -> ServingState:
    """The contract's word for it."""
    if isinstance(state, Loading):
        return ServingState.LOADING
    if isinstance(state, Unready):
        return ServingState.UNREADY
    return ServingState.DRAINING if isinstance(state, Draining) else ServingState.READY
