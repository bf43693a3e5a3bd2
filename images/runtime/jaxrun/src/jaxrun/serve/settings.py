"""JAXRUN_SERVE: what the operator, or whoever starts the server, decides for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxrun import contract

_KEYS = ("buckets", "batching", "drainSeconds")
_BATCHING_KEYS = ("maxQueue", "maxQueueBytes", "maxDelayMilliseconds", "defaultTimeoutMilliseconds")


class BadSettingError(ValueError):
    """JAXRUN_SERVE is senseless; the message names the key and what would be right."""


@dataclass(frozen=True, slots=True)
class BatchingSettings:
    """max_queue: requests that wait. max_delay_seconds: the longest wait for company.

    default_timeout_seconds: of a request that names none; None is for ever.
    """

    max_queue: int = 256
    max_queue_bytes: int = 64 * 1024 * 1024
    max_delay_seconds: float = 0.005
    default_timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """buckets: sizes by dimension, instead of the model's own."""

    buckets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    batching: BatchingSettings = BatchingSettings()
    drain_seconds: float = 30.0


def read_settings(environ: Mapping[str, str]) -> ServeSettings:
    """Defaults for what is not there.

    Raises BadSettingError.
    """
    text = environ.get(contract.SERVE, "")
    if not text:
        return ServeSettings()
    try:
        said = json.loads(text)
    except ValueError as error:
        raise BadSettingError(f"{contract.SERVE} is not valid JSON: {error}") from None
    said = _object(said, contract.SERVE, _KEYS)
    batching = _object(said.get("batching"), f"{contract.SERVE}.batching", _BATCHING_KEYS)
    defaults = BatchingSettings()
    delay = _number(batching, "maxDelayMilliseconds", 1000 * defaults.max_delay_seconds)
    timeout = batching.get("defaultTimeoutMilliseconds")
    return ServeSettings(
        buckets=_buckets(said.get("buckets")),
        batching=BatchingSettings(
            max_queue=int(_number(batching, "maxQueue", defaults.max_queue)),
            max_queue_bytes=int(_number(batching, "maxQueueBytes", defaults.max_queue_bytes)),
            max_delay_seconds=delay / 1000,
            default_timeout_seconds=None
            if timeout is None
            else _number(batching, "defaultTimeoutMilliseconds", 0.0) / 1000,
        ),
        drain_seconds=_number(said, "drainSeconds", ServeSettings().drain_seconds),
    )


def _buckets(said: Any) -> dict[str, tuple[int, ...]]:
    """Whether they suit the model is the model's to say."""
    if said is None:
        return {}
    buckets = {}
    for dim, sizes in _object(said, f"{contract.SERVE}.buckets", None).items():
        if not isinstance(sizes, list) or set(map(type, sizes)) != {int}:
            raise BadSettingError(
                f"{contract.SERVE}.buckets.{dim} is {sizes!r:.100}, not a list of integers"
            )
        buckets[dim] = tuple(sizes)
    return buckets


def _object(said: Any, where: str, known: tuple[str, ...] | None) -> dict[str, Any]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise BadSettingError(f"{where} is {said!r:.100}, not an object")
    unknown = sorted(set(said) - set(known)) if known is not None else []
    if unknown:
        raise BadSettingError(
            f"{where}.{unknown[0]} is unknown: there are {', '.join(known or ())}"
        )
    found: dict[str, Any] = said
    return found


def _number(of: Mapping[str, Any], key: str, default: float) -> float:
    said = of.get(key, default)
    if type(said) not in (int, float) or not 0 <= said < 2**53:
        raise BadSettingError(f"{contract.SERVE}: {key} is {said!r:.100}, not a number from 0")
    number: float = said
    return number
