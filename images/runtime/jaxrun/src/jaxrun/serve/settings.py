"""JAXRUN_SERVE: what the operator, or whoever starts the server, decides for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jaxrun import contract
from jaxrun.serve.batching import Limits

_KEYS = ("buckets", "batching", "drainSeconds")
_BATCHING_KEYS = ("maxQueue", "maxQueueBytes", "maxDelayMilliseconds", "defaultTimeoutMilliseconds")


class BadSettingError(ValueError):
    """JAXRUN_SERVE is senseless; the message names the key and what would be right."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """buckets: sizes by dimension, instead of the model's own.

    default_timeout_seconds: of a request that names none; None is for ever.
    """

    buckets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    limits: Limits = Limits()
    default_timeout_seconds: float | None = None
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
    limits = Limits()
    delay = _number(batching, "maxDelayMilliseconds", 1000 * limits.max_delay_seconds)
    timeout = None
    if batching.get("defaultTimeoutMilliseconds") is not None:
        timeout = _number(batching, "defaultTimeoutMilliseconds", 0) / 1000
    return ServeSettings(
        buckets=_buckets(said.get("buckets")),
        limits=replace(
            limits,
            max_queue=int(_number(batching, "maxQueue", limits.max_queue)),
            max_queue_bytes=int(_number(batching, "maxQueueBytes", limits.max_queue_bytes)),
            max_delay_seconds=delay / 1000,
        ),
        default_timeout_seconds=timeout,
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
