"""The difference between two statuses, as the smallest merge patch (RFC 7386)."""

from typing import Any

from jaxop.api.plan import Manifest


def status_patch(current: Manifest | None, wanted: Manifest) -> Manifest | None:
    """What to merge into `current` to make it `wanted`; None if it is that already.

    A None inside `wanted` means absent, as the API server would store it.
    """
    patch = _difference(current or {}, _without_nulls(wanted))
    return patch or None


def _difference(current: Manifest, wanted: Manifest) -> Manifest:
    patch: Manifest = {name: None for name in current if name not in wanted}
    for name, value in wanted.items():
        if name not in current:
            patch[name] = value
        elif isinstance(value, dict) and isinstance(current[name], dict):
            if inner := _difference(current[name], value):
                patch[name] = inner
        elif value != current[name]:
            patch[name] = value
    return patch


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(inner) for inner in value]
    return value
