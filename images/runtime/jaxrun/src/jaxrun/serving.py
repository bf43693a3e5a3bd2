"""What a model server said of itself, checked: whoever finds the socket may say anything.

The server (`jaxrun.serve`, in the user's process) sends the contract's `serving` object with its
progress; the launcher passes it on in /status, so that the operator asks one port only.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxrun.contract import ServingState

_NAME_LIMIT = 128
_REASON_LIMIT = 512
_STATES = {state.value: state for state in ServingState}
_QUANTILES = ("p50Seconds", "p95Seconds", "p99Seconds")
_COUNTS = (
    "bucketsReady",
    "bucketsTotal",
    "queued",
    "inFlight",
    "requests",
    "refused",
    "failed",
    "compilesAfterReady",
    "parametersBytes",
)
_NUMBERS = ("requestsPerSecond", "queuedSeconds", "utilization", "padding")
_NUMBERS_OR_NONE = ("secondsLeft", "loadSeconds", "readyAt")
_ORDER = (
    "bucketsReady",
    "bucketsTotal",
    "secondsLeft",
    "loadSeconds",
    "readyAt",
    "requestsPerSecond",
    "latency",
    "queued",
    "queuedSeconds",
    "inFlight",
    "requests",
    "refused",
    "failed",
    "utilization",
    "padding",
    "compilesAfterReady",
    "parametersBytes",
)


@dataclass(frozen=True)
class Serving:
    """`numbers` and `latency` by the contract's names; None where nothing is known yet."""

    model: str | None
    version: str | None
    state: ServingState
    reason: str | None
    numbers: Mapping[str, float | None]
    latency: Mapping[str, float | None]


def observe_serving(message: Mapping[str, Any]) -> Serving | None:
    """The server's word in a message of progress; None where there is none that makes sense."""
    said = message.get("serving")
    if not isinstance(said, dict):
        return None
    state = said.get("state")
    if not isinstance(state, str) or state not in _STATES:
        return None
    numbers: dict[str, float | None] = {}
    for name in _COUNTS:
        count = _number(said.get(name))
        numbers[name] = int(count) if count is not None else 0
    for name in _NUMBERS:
        numbers[name] = _number(said.get(name)) or 0.0
    for name in _NUMBERS_OR_NONE:
        numbers[name] = _number(said.get(name))
    latency = said.get("latency")
    quantiles = latency if isinstance(latency, dict) else {}
    return Serving(
        model=_text(said.get("model"), _NAME_LIMIT),
        version=_text(said.get("version"), _NAME_LIMIT),
        state=_STATES[state],
        reason=_text(said.get("reason"), _REASON_LIMIT),
        numbers=numbers,
        latency={name: _number(quantiles.get(name)) for name in _QUANTILES},
    )


def serving_json(serving: Serving) -> dict[str, Any]:
    """The contract's `serving` object."""
    head = {
        "model": serving.model,
        "version": serving.version,
        "state": serving.state.value,
        "reason": serving.reason,
    }
    values: dict[str, Any] = {**serving.numbers, "latency": dict(serving.latency)}
    return {**head, **{name: values[name] for name in _ORDER}}


def _number(value: Any) -> float | None:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value < 2**53:
        return None
    return float(value) if isinstance(value, float) else value


def _text(value: Any, limit: int) -> str | None:
    return value[:limit] if isinstance(value, str) else None
