"""Files on a volume that others write to: opened without following, hashed and copied in chunks."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jaxrun.cache.layout import temporary_name

CHUNK_BYTES = 1 << 20
_NOT_FOLLOWED = (errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.EMLINK)

Tick = Callable[[], None]
"""Called between two chunks; raises where there is no time to go on."""


def no_tick() -> None:
    """There is no hurry."""


def open_regular(path: Path | str, directory: int | None = None) -> int:
    """A descriptor to read a regular file with; never waits for a FIFO or follows a link.

    `directory` is a descriptor that a relative path begins at.

    Raises:
        ValueError: it is something else than a regular file.
        OSError: it cannot be opened.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, dir_fd=directory)
    except OSError as error:
        if error.errno in _NOT_FOLLOWED:
            raise ValueError("is no regular file") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("is no regular file")
    return descriptor


def hash_of(path: Path, size_bytes: int, tick: Tick = no_tick) -> str | None:
    """SHA-256 of a regular file of this size; None if it is missing, of another kind or size."""
    try:
        descriptor = open_regular(path)
    except (FileNotFoundError, ValueError):
        return None
    try:
        if os.fstat(descriptor).st_size != size_bytes:
            return None
        digest, left = hashlib.sha256(), size_bytes
        while left > 0:
            tick()
            chunk = os.read(descriptor, min(CHUNK_BYTES, left))
            if not chunk:
                return None
            digest.update(chunk)
            left -= len(chunk)
        return digest.hexdigest()
    finally:
        os.close(descriptor)


def copy_hashed(source: int, target: int, most_bytes: int, tick: Tick = no_tick) -> tuple[str, int]:
    """From one descriptor to another, to the end; SHA-256 and size of what was copied.

    Raises:
        ValueError: there is more than `most_bytes`.
    """
    digest, size = hashlib.sha256(), 0
    while True:
        tick()
        chunk = os.read(source, CHUNK_BYTES)
        if not chunk:
            return digest.hexdigest(), size
        size += len(chunk)
        if size > most_bytes:
            raise ValueError(f"is larger than {most_bytes} bytes")
        digest.update(chunk)
        left = memoryview(chunk)
        while left:
            left = left[os.write(target, left) :]


def create(path: Path, mode: int = 0o644) -> int:
    """A descriptor to write a new file with, of just this mode whatever the umask.

    Raises:
        OSError: among them that it exists.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    with suppress(OSError):
        os.fchmod(descriptor, mode)
    return descriptor


def open_directory(path: Path | str, directory: int | None = None) -> int:
    """A descriptor of a directory itself, never of one that a link leads to.

    Raises:
        OSError: among them NotADirectoryError, also for a link.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(path, flags, dir_fd=directory)


def make_directory(path: Path, mode: int = 0o755) -> None:
    """Unless it is there; of just this mode whatever the umask."""
    if not path.is_dir():
        path.mkdir(exist_ok=True)
        with suppress(PermissionError):
            path.chmod(mode)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by rename, durably."""
    temporary = path.with_name(temporary_name())
    try:
        descriptor = create(temporary)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in it durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems know no such thing for a directory.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def why(error: OSError) -> str:
    """An error as a few words."""
    return error.strerror or str(error)
