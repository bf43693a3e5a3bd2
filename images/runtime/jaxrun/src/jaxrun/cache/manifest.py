"""What is published of one entry beside its content: hash and size. Read as untrusted input."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from jaxrun.cache.files import open_regular
from jaxrun.cache.layout import MOST_ENTRY_BYTES, is_sha256

_MOST_BYTES = 4096


@dataclass(frozen=True)
class Manifest:
    """One entry's content: `sha256` is the name of its blob, `size_bytes` its length."""

    sha256: str
    size_bytes: int

    def encoded(self) -> bytes:
        """As it is on the volume."""
        return json.dumps({"sha256": self.sha256, "bytes": self.size_bytes}).encode() + b"\n"


def read_manifest(path: Path) -> Manifest | None:
    """None if there is no believable manifest.

    Raises:
        OSError: the volume cannot be read; not: the file is missing or no regular file.
    """
    try:
        descriptor = open_regular(path)
    except (FileNotFoundError, ValueError):
        return None
    try:
        return _parsed(os.read(descriptor, _MOST_BYTES + 1))
    finally:
        os.close(descriptor)


def _parsed(raw: bytes) -> Manifest | None:
    if len(raw) > _MOST_BYTES:
        return None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    sha256, size = found.get("sha256"), found.get("bytes")
    if not isinstance(sha256, str) or not is_sha256(sha256):
        return None
    if type(size) is not int or not 0 < size <= MOST_ENTRY_BYTES:
        return None
    return Manifest(sha256, size)
