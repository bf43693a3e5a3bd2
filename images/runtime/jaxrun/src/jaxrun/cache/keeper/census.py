"""What is published, namespace by namespace, and when each was last used."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jaxrun.cache.files import Tick, open_regular, write_whole
from jaxrun.cache.layout import BLOBS, ENTRIES, META, is_digest, is_entry, is_host, is_sha256

MOST_OFFERS = 16
"""Whose counts are remembered with a namespace."""
_MOST_META_BYTES = 64 << 10


@dataclass(frozen=True)
class Tally:
    """What became of one host's offers."""

    published: int = 0
    refused: int = 0
    pending: int = 0


@dataclass(frozen=True)
class Meta:
    """What the keeper remembers of a namespace; `last_used` is in Unix seconds."""

    last_used: float
    offers: Mapping[str, Tally] = field(default_factory=dict)


@dataclass(frozen=True)
class Namespace:
    """Entries of one cache namespace, and the bytes that they take."""

    digest: str
    entries: int
    size_bytes: int
    last_used: float = 0.0


def digests(published: Path) -> list[str]:
    """Of all namespaces.

    Raises:
        OSError: the volume cannot be read.
    """
    with os.scandir(published) as found:
        return sorted(
            each.name
            for each in found
            if is_digest(each.name) and each.is_dir(follow_symlinks=False)
        )


def count(published: Path, digest: str, tick: Tick) -> Namespace:
    """Look at one namespace.

    Raises:
        OSError: the volume cannot be read; not: the namespace is gone.
    """
    entries, size = 0, 0
    try:
        with os.scandir(published / digest / ENTRIES) as found:
            for each in found:
                tick()
                entries += is_entry(each.name)
        with os.scandir(published / digest / BLOBS) as found:
            for each in found:
                tick()
                if is_sha256(each.name):
                    size += each.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        pass
    return Namespace(digest, entries, size)


def read_meta(published: Path, digest: str) -> Meta | None:
    """None if there is no believable one.

    Raises:
        OSError: the volume cannot be read.
    """
    try:
        descriptor = open_regular(published / digest / META)
    except (FileNotFoundError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        raw = file.read(_MOST_META_BYTES + 1)
    try:
        found = json.loads(raw)
        return Meta(
            min(max(float(found["lastUsed"]), 0.0), 1e12),
            {
                host: Tally(int(each["published"]), int(each["refused"]))
                for host, each in list(found.get("offers", {}).items())[-MOST_OFFERS:]
                if is_host(host)
            },
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def write_meta(published: Path, digest: str, meta: Meta) -> None:
    """Whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    offers = {
        host: {"published": tally.published, "refused": tally.refused}
        for host, tally in list(meta.offers.items())[-MOST_OFFERS:]
    }
    content = json.dumps({"lastUsed": meta.last_used, "offers": offers}).encode() + b"\n"
    write_whole(published / digest / META, content)
