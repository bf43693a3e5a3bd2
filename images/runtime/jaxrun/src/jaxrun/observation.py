"""What a program said of its progress, checked: whoever finds the socket may say anything."""

import dataclasses
import math
from typing import Any

from jaxrun.gang.protocol import Progress

_FLAGS = ("jax_imported", "initialising", "initialised", "left_world", "compile_started")
_COUNTS = ("compile_count", "cache_requests", "cache_hits", "cache_misses")
_SECONDS = ("compile_seconds", "data_seconds", "checkpoint_seconds")
_WAITING = ("", "data", "checkpoint")
_STEPS = ("step", "checkpoint_step")
_MOST_METRICS = 32


def observe(before: Progress, message: dict[str, Any]) -> Progress:
    """`before` with what the message says; phases never go back."""
    changes: dict[str, Any] = {}
    for name in _FLAGS:
        if message.get(name) is True:
            changes[name] = True
    for name in _COUNTS:
        value = message.get(name)
        if type(value) is int and 0 <= value < 2**53:
            changes[name] = value
    for name in _STEPS:
        value = message.get(name)
        if type(value) is int and abs(value) < 2**53:
            changes[name] = value
    if isinstance(message.get("compiling"), bool):
        changes["compiling"] = message["compiling"]
    for name in _SECONDS:
        seconds = message.get(name)
        if isinstance(seconds, (int, float)) and math.isfinite(seconds):
            changes[name] = float(seconds)
    if message.get("waiting") in _WAITING:
        changes["waiting"] = message["waiting"]
    if isinstance(message.get("metrics"), dict):
        changes["metrics"] = _numbers(message["metrics"])
    return dataclasses.replace(before, **changes)


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    numbers = {}
    for name, value in list(metrics.items())[:_MOST_METRICS]:
        if value is None:
            numbers[name[:64]] = math.nan
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            numbers[name[:64]] = float(value)
    return numbers
