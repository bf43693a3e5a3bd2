"""Takes away what is damaged or left over in one namespace.

A damaged blob goes, an entry whose blob is missing goes, and after an hour a blob that no entry
names and what was never renamed into place. Another keeper may repair what is just being looked at.
So a file is first moved aside, looked at again, and put back if it is not the one that was judged.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from jaxrun.cache.files import Tick, hash_of
from jaxrun.cache.keeper.ages import Ages
from jaxrun.cache.layout import (
    TEMPORARY,
    blobs_of,
    entries_of,
    is_entry,
    is_sha256,
    temporary_name,
)
from jaxrun.cache.manifest import read_manifest

LEFTOVER_SECONDS = 3600.0


def scrub(published: Path, digest: str, ages: Ages, tick: Tick) -> Iterator[int]:
    """One small step at a time; yields how many damaged entries it took away.

    Raises:
        OSError: the volume cannot be read or written; not: the namespace went away.
    """
    blobs, entries = blobs_of(published, digest), entries_of(published, digest)
    named: set[str] = set()
    for name in _names(entries):
        if is_entry(name):
            yield _entry(entries / name, blobs, named, tick)
        elif not name.startswith(TEMPORARY) or _is_old(entries / name, ages):
            _remove(entries / name)
            yield 0
    for name in _names(blobs):
        path = blobs / name
        if name not in named and _is_old(path, ages):
            if is_sha256(name):
                _take_away(path, _is_not_named(entries, name))
            else:
                _remove(path)
        yield 0
    for path in (published / digest).glob(f"{TEMPORARY}*"):
        if _is_old(path, ages):
            _remove(path)
        yield 0


def _entry(path: Path, blobs: Path, named: set[str], tick: Tick) -> int:
    manifest = read_manifest(path)
    if manifest is None:
        if not path.exists() and not path.is_symlink():
            return 0
        return int(_take_away(path, lambda aside: read_manifest(aside) is None))
    blob = blobs / manifest.sha256
    before = _identity(blob)
    if hash_of(blob, manifest.size_bytes, tick) == manifest.sha256:
        named.add(manifest.sha256)
        return 0
    if before is not None:
        _take_away(blob, lambda aside: _identity(aside) == before)
    return int(_take_away(path, lambda _: not blob.exists()))


def _take_away(path: Path, is_the_one: Callable[[Path], bool]) -> bool:
    """Remove it unless it has become another meanwhile; has it been removed?"""
    aside = path.with_name(temporary_name())
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    if is_the_one(aside):
        _remove(aside)
        return True
    with suppress(FileExistsError):
        os.link(aside, path, follow_symlinks=False)
    aside.unlink(missing_ok=True)
    return False


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        with suppress(OSError):
            path.rmdir()


def _is_not_named(entries: Path, sha256: str) -> Callable[[Path], bool]:
    def judge(_: Path) -> bool:
        manifests = (read_manifest(entries / name) for name in _names(entries))
        return all(manifest is None or manifest.sha256 != sha256 for manifest in manifests)

    return judge


def _is_old(path: Path, ages: Ages) -> bool:
    identity = _identity(path)
    return identity is not None and ages.of((path, identity)) > LEFTOVER_SECONDS


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir())
    except FileNotFoundError:
        return []
