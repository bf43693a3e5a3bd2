"""Frozen dataclasses as lines of JSON and back, strictly: what does not fit is refused."""

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Hashable
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


class WireError(ValueError):
    """A line that is not what it should be; the message says which field."""


def to_data(value: Any) -> Any:
    """A dataclass as JSON-ready data; numbers that JSON cannot hold become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_data(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [to_data(item) for item in value]
    if isinstance(value, dict):
        return {key: to_data(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def from_data(kind: type[T], data: object, where: str = "") -> T:
    """Build the dataclass `kind` from parsed JSON; unknown fields are ignored, so peers may differ.

    Raises:
        WireError: a field is missing or has the wrong type.
    """
    if not isinstance(data, dict):
        raise WireError(f"{where or kind.__name__} is not an object")
    values = {}
    for name, hint, required in _fields(typing.cast(Hashable, kind)):
        path = f"{where}.{name}" if where else name
        if name in data:
            values[name] = _value(hint, data[name], path)
        elif required:
            raise WireError(f"{path} is missing")
    return kind(**values)


@functools.cache
def _fields(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    hints = typing.get_type_hints(kind)
    return tuple(
        (
            f.name,
            hints[f.name],
            f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING,
        )
        for f in dataclasses.fields(kind)
    )


def _value(hint: Any, data: Any, path: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if data is None and type(None) in arguments:
            return None
        (inner,) = (a for a in arguments if a is not type(None))
        return _value(inner, data, path)
    if origin is tuple and isinstance(data, list):
        return tuple(_value(arguments[0], item, path) for item in data)
    if origin is dict and isinstance(data, dict):
        # None stands for a number that JSON cannot hold, such as a loss that became NaN.
        return {
            str(key): math.nan if item is None else _value(arguments[1], item, path)
            for key, item in data.items()
        }
    if isinstance(hint, type):
        if dataclasses.is_dataclass(hint):
            return from_data(hint, data, path)
        if issubclass(hint, Enum) and isinstance(data, str):
            try:
                return hint(data)
            except ValueError:
                raise WireError(f"{path} is {data[:40]!r}, not a {hint.__name__}") from None
        if hint is float and isinstance(data, (int, float)) and not isinstance(data, bool):
            return float(data)
        if hint is int and isinstance(data, bool):
            raise WireError(f"{path} is a boolean, not an integer")
        if isinstance(data, hint):
            return data
    raise WireError(f"{path} is a {type(data).__name__}")


def dump_line(tag: str, value: Any) -> bytes:
    """One line: the dataclass with its tag."""
    return json.dumps({"type": tag, **to_data(value)}, separators=(",", ":")).encode() + b"\n"


def load_line(line: bytes, kinds: dict[str, type]) -> Any:
    """The dataclass in a line.

    Raises:
        WireError: not JSON, an unknown tag, or a field that does not fit.
    """
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise WireError("not a line of JSON") from None
    tag = data.get("type") if isinstance(data, dict) else None
    if not isinstance(tag, str) or tag not in kinds:
        raise WireError(f"unknown message {str(tag)[:40]!r}")
    return from_data(kinds[tag], data)
