"""What this launcher has read and found right, so that it need not read it again.

A file is known again by device, inode, size, and the times at which its content and its inode were
last changed: whatever writes to a file changes the latter. Not noticed is what changes bytes below
the file system, such as a failing disk; the keeper, which reads all of it once an hour, finds that.
A file that was changed just now is not remembered, as it could be changed again within one tick of
its file system's clock.
"""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jaxrun.cache.entry import fault_of
from jaxrun.cache.files import Tick, hash_of, open_regular
from jaxrun.cache.manifest import Manifest

_SETTLED_SECONDS = 2.0


class _Identity(NamedTuple):
    """Of a regular file that is no link."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


class Checked:
    """Of one launcher's life; `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._right: dict[Path, _Identity] = {}

    def is_right(self, blob: Path, manifest: Manifest, tick: Tick) -> bool:
        """Is it what the manifest says?

        Raises:
            OSError: it cannot be read; not: it is missing or no regular file.
        """
        before = _identity(blob)
        if self._knows(blob, before):
            return before is not None and before.size_bytes == manifest.size_bytes
        right = hash_of(blob, manifest.size_bytes, tick) == manifest.sha256
        if right:
            self._remember(blob, before)
        return right

    def is_whole(self, entry: Path, tick: Tick) -> bool:
        """Of a regular file: is it a whole entry of JAX's? What cannot be opened may be one.

        Raises:
            OSError: it cannot be read.
        """
        before = _identity(entry)
        if self._knows(entry, before):
            return True
        try:
            descriptor = open_regular(entry)
        except (OSError, ValueError):
            return True
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            whole = fault_of(file, tick=tick) is None
        if whole:
            self._remember(entry, before)
        return whole

    def _knows(self, path: Path, now: _Identity | None) -> bool:
        known = self._right.get(path)
        if known is not None and known == now:
            return True
        self._right.pop(path, None)
        return False

    def _remember(self, path: Path, before: _Identity | None) -> None:
        """`before` it was read."""
        if before is None or before != _identity(path):
            return
        if self._clock() - before.ctime_ns / 1e9 >= _SETTLED_SECONDS:
            self._right[path] = before


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return _Identity(
        found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )
