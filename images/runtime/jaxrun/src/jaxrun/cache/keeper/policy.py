"""What the operator wants kept: policy.json from its ConfigMap, read at every pass."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from jaxrun.cache.layout import is_digest

_VERSION = 1
_VOLUME_PERCENT = 80
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Policy:
    """`most_bytes` is None where the operator knows no limit; `in_use` are digests that some pod
    reads."""

    most_bytes: int | None
    unused_seconds: int
    in_use: frozenset[str]

    def on_volume(self, volume_bytes: int) -> "Policy":
        """With a limit, which is 80 percent of the volume where the operator knows none."""
        if self.most_bytes is not None:
            return self
        return replace(self, most_bytes=volume_bytes * _VOLUME_PERCENT // 100)


def read_policy(path: Path) -> Policy:
    """What is in the file now.

    Raises:
        ValueError: there is none that can be believed; says why.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is no JSON") from None
    if not isinstance(found, dict) or found.get("version") != _VERSION:
        raise ValueError(f"{path} is not of version {_VERSION}")
    most, unused, in_use = (found.get(key) for key in ("maxBytes", "unusedSeconds", "inUse"))
    if most is not None and (type(most) is not int or most < 0):
        raise ValueError(f"{path}: maxBytes is no number of bytes")
    if type(unused) is not int or unused < 0:
        raise ValueError(f"{path}: unusedSeconds is no number of seconds")
    if not isinstance(in_use, list) or not all(isinstance(d, str) and is_digest(d) for d in in_use):
        raise ValueError(f"{path}: inUse is no list of digests")
    return Policy(most, unused, frozenset(in_use))
