"""Values out of JSON that others wrote: what is not as expected is absent, and nothing raises."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

MAX_TEXT: Final = 1024


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list | tuple) else []


def text(value: object, limit: int = MAX_TEXT) -> str:
    return value[:limit] if isinstance(value, str) else ""


def number_text(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def whole(value: object) -> int | None:
    """A non-negative int64, which is what a status field can hold."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        return None
    return value


def seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def moment(value: object) -> datetime | None:
    """From Unix seconds."""
    number = seconds(value)
    if not number:
        return None
    try:
        return datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def rfc3339_time(value: object) -> datetime | None:
    """RFC 3339 as Kubernetes writes it."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
