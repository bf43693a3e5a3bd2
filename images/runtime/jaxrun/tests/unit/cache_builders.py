"""A cache on disk: pods' settings, entries as JAX writes them, and what is published."""

import hashlib
import json
import zlib
from pathlib import Path

from jaxrun.cache.layout import blobs_of, entries_of
from jaxrun.cache.settings import CacheSettings

DIGEST = "0123456789abcdef"
OTHER = "fedcba9876543210"


def an_entry_name(number: int = 0) -> str:
    """As JAX names them."""
    return f"jit_f{number}-{hashlib.sha256(str(number).encode()).hexdigest()}-cache"


def an_entry(number: int = 0, size_bytes: int = 100) -> bytes:
    """As JAX writes them: four bytes of time, then the executable."""
    return zlib.compress(b"\0\0\0\1" + f"executable {number} ".encode().ljust(size_bytes, b"x"))


def sha256(content: bytes) -> str:
    """In hex."""
    return hashlib.sha256(content).hexdigest()


def a_pod(
    root: Path, host: str = "digits-a0-s0-0", namespace: str | None = DIGEST
) -> CacheSettings:
    """A pod that may offer, on the volume in `root`."""
    for name in ("published", "staging", "trash"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "staging").chmod(0o1777)
    local = root / f"local-{host}"
    local.mkdir(exist_ok=True)
    return CacheSettings(namespace, root / "published", root / "staging", local, host)


def publish(published: Path, name: str, content: bytes, digest: str = DIGEST) -> Path:
    """By hand; returns the blob's path."""
    blob = blobs_of(published, digest) / sha256(content)
    manifest = entries_of(published, digest) / name
    for path in (blob, manifest):
        path.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    manifest.write_text(json.dumps({"sha256": sha256(content), "bytes": len(content)}))
    return blob


def offer(
    root: Path, name: str, content: bytes, digest: str = DIGEST, host: str = "a", said: str = ""
) -> Path:
    """As a pod would, named by the true SHA-256 unless it is `said` to be another."""
    directory = root / "staging" / f"{digest}.{host}"
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o777)
    temporary = directory / ".tmp-builder"
    temporary.write_bytes(content)
    return temporary.rename(directory / f"{name}@{said or sha256(content)}")
