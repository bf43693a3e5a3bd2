"""New entries of this pod go to the staging area, each once, whole and by rename.

A regular file is offered when its size and time were the same at two looks and it is well-formed:
JAX writes in place. What cannot be offered is tried again at the next look, and `problem` says why;
the program never learns of it.
"""

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from jaxrun.cache.background import done_within
from jaxrun.cache.entry import fault_of
from jaxrun.cache.files import (
    copy_hashed,
    create,
    make_directory,
    open_regular,
    sync_directory,
    why,
)
from jaxrun.cache.layout import (
    MOST_ENTRY_BYTES,
    is_digest,
    is_entry,
    is_host,
    offer_name,
    offers_name,
    temporary_name,
)
from jaxrun.cache.settings import CacheSettings

_LOOK_SECONDS = 30.0

_Seen = tuple[int, int]


class Offers:
    """What this launcher has offered; counts are of its whole life."""

    def __init__(self, settings: CacheSettings) -> None:
        self.offered = 0
        self.offered_bytes = 0
        self.problem: str | None = None
        self._settings = settings
        self._seen: dict[str, _Seen] = {}
        self._broken: dict[str, _Seen] = {}
        self._done: set[str] = set()
        self._working = threading.Lock()

    async def offer_new(self, *, finished: bool = False, seconds: float = _LOOK_SECONDS) -> None:
        """Look once; never raises, and returns after `seconds` whatever the volume does.

        With `finished` the program has ended, and what is there does not change any more.
        """
        if self._settings.staging is None or self._settings.namespace is None:
            return

        def look() -> None:
            # A look that hangs is not joined by another.
            if self._working.acquire(timeout=seconds):
                try:
                    self._look(finished)
                finally:
                    self._working.release()

        if not await done_within(seconds, look, "jaxrun-offer"):
            self.problem = f"{self._settings.staging} did not answer for {seconds:g} s"

    def _look(self, finished: bool) -> None:
        try:
            directory = self._directory()
            for path in self._ready(finished):
                size = _copy(path, directory)
                self._done.add(path.name)
                self.offered += 1
                self.offered_bytes += size
            self.problem = None
        except OSError as error:
            self.problem = f"cannot offer to {self._settings.staging}: {why(error)}"
        except Exception as error:
            self.problem = f"cannot offer: {error}"

    def _directory(self) -> Path:
        namespace, host, staging = (
            self._settings.namespace,
            self._settings.host,
            self._settings.staging,
        )
        if namespace is None or staging is None or not is_digest(namespace) or not is_host(host):
            raise ValueError(f"{namespace!r} is no digest, or {host!r} no host")
        return staging / offers_name(namespace, host)

    def _ready(self, finished: bool) -> list[Path]:
        ready = []
        try:
            paths = sorted(self._settings.local.iterdir())
        except FileNotFoundError:
            return []
        for path in paths:
            if path.name in self._done or not is_entry(path.name):
                continue
            with suppress(FileNotFoundError):
                status = path.lstat()
                if not stat.S_ISREG(status.st_mode):
                    continue
                seen = (status.st_size, status.st_mtime_ns)
                stable = finished or self._seen.get(path.name) == seen
                self._seen[path.name] = seen
                if not stable or self._broken.get(path.name) == seen:
                    continue
                if _is_whole(path):
                    ready.append(path)
                else:
                    self._broken[path.name] = seen
        return ready


def _is_whole(path: Path) -> bool:
    with os.fdopen(open_regular(path), "rb") as file:
        return fault_of(file) is None


def _copy(path: Path, directory: Path) -> int:
    """Durable in the staging area when this returns; its size in bytes."""
    if directory.is_symlink():
        raise ValueError(f"{directory} is a link")
    # The keeper is another user, and removes what it has taken.
    make_directory(directory, 0o777)
    temporary = directory / temporary_name()
    source = open_regular(path)
    try:
        target = create(temporary)
        try:
            sha256, size = copy_hashed(source, target, MOST_ENTRY_BYTES)
            os.fsync(target)
        finally:
            os.close(target)
        temporary.replace(directory / offer_name(path.name, sha256))
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    finally:
        os.close(source)
    sync_directory(directory)
    return size
