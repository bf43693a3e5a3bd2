"""The keeper's volume: its directories, whether it can be written, and how full it is."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from jaxrun.cache.files import create, make_directory, why
from jaxrun.cache.layout import PUBLISHED, STAGING, TRASH, temporary_name

_PROBED_EVERY_SECONDS = 60.0
_PROBE = bytes(4096)
_ROOM_BYTES = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: OSError) -> bool:
    """Is there no room, on the volume or for this user?"""
    return error.errno in _FULL


def problem_of(error: OSError) -> str:
    """An error of the volume as a sentence for a person."""
    if is_full(error):
        return "the volume is full: new entries wait until there is room"
    if error.errno == errno.EROFS:
        return "the volume is read-only"
    where = f"{error.filename}: " if error.filename else ""
    return f"the volume cannot be used: {where}{why(error)}"


class Volume:
    """Where things are on it, and whether it has been written since something last failed."""

    def __init__(self, root: Path, monotonic: Callable[[], float]) -> None:
        self.root = root
        self.published = root / PUBLISHED
        self.staging = root / STAGING
        self.trash = root / TRASH
        self._monotonic = monotonic
        self._probed_at: float | None = None

    @property
    def ready(self) -> bool:
        """Has it been written since something last failed?"""
        return self._probed_at is not None

    def failed(self) -> None:
        """Something could not be read or written."""
        self._probed_at = None

    def prepare(self) -> None:
        """Make what is missing.

        Raises:
            OSError: there is no volume, or a directory is missing and cannot be made.
        """
        for path, mode in ((self.published, 0o755), (self.staging, 0o1777), (self.trash, 0o755)):
            make_directory(path, mode)
        if stat.S_IMODE(self.staging.stat().st_mode) != 0o1777:
            self.staging.chmod(0o1777)

    def probe(self) -> None:
        """Write a little, if that was long ago or something has failed since.

        Raises:
            OSError: it cannot be written.
        """
        now = self._monotonic()
        if self._probed_at is not None and now - self._probed_at < _PROBED_EVERY_SECONDS:
            return
        # In the trash, which is emptied of it should this process end here.
        path = self.trash / temporary_name()
        descriptor = create(path)
        try:
            os.write(descriptor, _PROBE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)
        self._probed_at = now

    def require_room(self, name: str, directory: int) -> None:
        """For a copy of this file.

        Raises:
            OSError: there is none; of kind ENOSPC.
        """
        try:
            size_bytes = os.stat(name, dir_fd=directory, follow_symlinks=False).st_size
        except FileNotFoundError:
            return
        if size_bytes + _ROOM_BYTES > self.space()[1]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def space(self) -> tuple[int, int]:
        """Bytes of the volume, and those of them that are free for the keeper."""
        found = os.statvfs(self.root)
        return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
