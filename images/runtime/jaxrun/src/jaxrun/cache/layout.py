"""Names and paths on the volume, and which names are believed.

    published/<digest>/entries/<entry>    the manifest of one entry, renamed into place last
    published/<digest>/blobs/<sha256>     its content
    published/<digest>/meta.json          when the namespace was last used
    staging/<digest>.<host>/<entry>@<sha256>   an offer
    trash/                                evicted namespaces on their way out

Every name that somebody else has chosen passes one of the checks here before it becomes a path.
"""

import re
import secrets
from pathlib import Path
from typing import Final

PUBLISHED: Final = "published"
STAGING: Final = "staging"
TRASH: Final = "trash"
LOCK: Final = "keeper.lock"
ENTRIES: Final = "entries"
BLOBS: Final = "blobs"
META: Final = "meta.json"
TEMPORARY: Final = ".tmp-"

MOST_ENTRY_BYTES: Final = 4 << 30
"""Of one entry, and of what it decompresses to."""

_MOST_NAME_BYTES = 180  # With @<sha256> it has to fit into 255.
_DIGEST = re.compile(r"[0-9a-f]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ENTRY = re.compile(r"\w[\w.-]*-[0-9a-f]{64}-cache")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def is_digest(name: str) -> bool:
    """Is this the name of a cache namespace?"""
    return _DIGEST.fullmatch(name) is not None


def is_sha256(name: str) -> bool:
    """Is this the name of a blob?"""
    return _SHA256.fullmatch(name) is not None


def is_entry(name: str) -> bool:
    """Is this a file name that JAX would look for?"""
    return _ENTRY.fullmatch(name) is not None and len(name.encode()) <= _MOST_NAME_BYTES


def is_host(name: str) -> bool:
    """May this be the host's part of an offer's directory?"""
    return _HOST.fullmatch(name) is not None


def offer_name(entry: str, sha256: str) -> str:
    """The name of one offered file."""
    return f"{entry}@{sha256}"


def offer_of(name: str) -> tuple[str, str] | None:
    """Entry and SHA-256 of an offered file's name, or None."""
    entry, _, sha256 = name.rpartition("@")
    return (entry, sha256) if is_entry(entry) and is_sha256(sha256) else None


def offers_name(digest: str, host: str) -> str:
    """The name of the directory with one host's offers."""
    return f"{digest}.{host}"


def offers_of(name: str) -> tuple[str, str] | None:
    """Digest and host of such a directory's name, or None."""
    digest, _, host = name.partition(".")
    return (digest, host) if is_digest(digest) and is_host(host) else None


def entries_of(published: Path, digest: str) -> Path:
    """The directory of a namespace's manifests."""
    return published / digest / ENTRIES


def blobs_of(published: Path, digest: str) -> Path:
    """The directory of a namespace's contents."""
    return published / digest / BLOBS


def temporary_name() -> str:
    """A fresh name for what is not whole yet."""
    return f"{TEMPORARY}{secrets.token_hex(8)}"
