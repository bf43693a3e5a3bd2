"""What a program said of its progress, checked: whoever finds the socket may say anything."""

import dataclasses
import math
from typing import Any

from jaxrun.compiled import Compiled, FunctionCompiled
from jaxrun.program_progress import Progress

_FLAGS = (
    "jax_importing",
    "jax_imported",
    "initialising",
    "initialised",
    "left_world",
    "compile_started",
)
_COUNTS = ("compile_count", "cache_requests", "cache_hits", "cache_misses")
_SECONDS = ("compile_seconds", "data_seconds", "checkpoint_seconds")
_WAITING = ("", "data", "checkpoint")
_STEPS = ("step", "checkpoint_step")
_MOST_METRICS = 32
_MOST_FUNCTIONS = 16
_MOST_NEVER_KEPT = 4
_NAME_LIMIT = 128
_RECOMPILED_LIMIT = 512


def observe(before: Progress, message: dict[str, Any]) -> Progress:
    """`before` with what the message says; phases never go back."""
    changes: dict[str, Any] = {}
    for name in _FLAGS:
        if message.get(name) is True:
            changes[name] = True
    for name in _COUNTS:
        value = message.get(name)
        if _is_count(value):
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
    compiled = _compiled(before.compiled, message)
    return dataclasses.replace(before, compiled=compiled, **changes)


def _compiled(before: Compiled, message: dict[str, Any]) -> Compiled:
    changes: dict[str, Any] = {}
    counts = {
        "recompilations": "recompilations",
        "cache_read_errors": "read_errors",
        "cache_not_loadable": "not_loadable",
        "cache_never_kept": "never_kept",
    }
    for said, name in counts.items():
        if _is_count(message.get(said)):
            changes[name] = message[said]
    seconds = {
        "cache_retrieval_seconds": "retrieval_seconds",
        "cache_saved_seconds": "saved_seconds",
    }
    for said, name in seconds.items():
        value = message.get(said)
        if isinstance(value, (int, float)) and _is_finite(value):
            changes[name] = max(float(value), 0.0)
    if isinstance(message.get("recompiled"), str):
        changes["recompiled"] = message["recompiled"][:_RECOMPILED_LIMIT]
    if isinstance(message.get("functions"), list):
        functions = map(_function, message["functions"][:_MOST_FUNCTIONS])
        changes["functions"] = tuple(f for f in functions if f is not None)
    if isinstance(message.get("never_kept"), list):
        names = message["never_kept"][:_MOST_NEVER_KEPT]
        changes["never_kept_functions"] = tuple(
            name[:_NAME_LIMIT] for name in names if isinstance(name, str)
        )
    return dataclasses.replace(before, **changes)


def _function(said: Any) -> FunctionCompiled | None:
    if not isinstance(said, list) or len(said) != 3:
        return None
    name, count, seconds = said
    if not isinstance(name, str) or not _is_count(count) or not _is_finite(seconds):
        return None
    return FunctionCompiled(name[:_NAME_LIMIT], count, max(float(seconds), 0.0))


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 2**53


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    numbers = {}
    for name, value in list(metrics.items())[:_MOST_METRICS]:
        if value is None:
            numbers[name[:64]] = math.nan
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            numbers[name[:64]] = float(value)
    return numbers
