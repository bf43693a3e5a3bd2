"""Before a program starts: JAX's private directory is linked to what is published and right.

A link is made only after its blob was read and its SHA-256 is its name; a blob that this launcher
has read before is not read again while nobody has written to it: see `checked`. Nobody but the
launcher is in the directory now, so a regular file that is no whole entry was left by a program
that was killed while writing: JAX would complain of it for ever, and it goes. Other regular files
are this pod's own entries and stay. Links that were not found right in this run go too, those of
the epoch before included.
"""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jaxrun.cache.background import done_within
from jaxrun.cache.checked import Checked
from jaxrun.cache.files import why
from jaxrun.cache.layout import (
    TEMPORARY,
    blobs_of,
    entries_of,
    is_digest,
    is_entry,
    temporary_name,
)
from jaxrun.cache.manifest import read_manifest
from jaxrun.cache.settings import CacheSettings


@dataclass(frozen=True)
class Linked:
    """Entries that the program may use, entries that are damaged, and what went wrong, if so."""

    linked: int = 0
    refused: int = 0
    problem: str | None = None


async def link(
    settings: CacheSettings, deadline_seconds: float, checked: Checked | None = None
) -> Linked:
    """Never raises, and returns by the deadline whatever the volume does. `checked` is what was
    found right by earlier calls, and in the end by this one."""
    linking = _Linking(settings, deadline_seconds, checked or Checked())
    try:
        await done_within(deadline_seconds, linking.run, "jaxrun-link")
    finally:
        linking.close()
    return linking.result()


class _LateError(Exception):
    """The deadline has passed."""


class _Linking:
    """One run, in a thread of its own; closed by whoever waits for it."""

    def __init__(self, settings: CacheSettings, seconds: float, checked: Checked) -> None:
        self._settings = settings
        self._checked = checked
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._closed = False
        self._whole = False
        self._right: set[str] = set()
        self._refused = 0
        self._problem: str | None = None

    def run(self) -> None:
        try:
            self._settings.local.mkdir(parents=True, exist_ok=True)
            self._tidy()
            if self._settings.namespace is not None:
                self._link_all(self._settings.namespace)
            self._whole = True
        except _LateError:
            pass
        except OSError as error:
            self._problem = f"{error.filename or self._settings.published}: {why(error)}"
        except Exception as error:
            self._problem = f"{type(error).__name__}: {error}"

    def close(self) -> None:
        """From now on nothing is linked; what was not found right is not."""
        with self._lock:
            self._closed = True
        with suppress(OSError):
            for path in self._settings.local.iterdir():
                if path.is_symlink() and path.name not in self._right:
                    with suppress(OSError):
                        path.unlink()

    def result(self) -> Linked:
        problem = self._problem
        if problem is None and not self._whole:
            problem = (
                f"the cache volume was too slow: {len(self._right)} entries were checked within "
                f"{self._seconds:g} s, the others are not used"
            )
        return Linked(len(self._right), self._refused, problem)

    def _tick(self) -> None:
        if self._closed or time.monotonic() > self._deadline:
            raise _LateError

    def _tidy(self) -> None:
        for path in list(self._settings.local.iterdir()):
            self._tick()
            leftover = path.name.startswith(TEMPORARY) and not path.is_dir()
            if leftover or (is_entry(path.name) and self._is_broken(path)):
                path.unlink(missing_ok=True)

    def _is_broken(self, path: Path) -> bool:
        return not path.is_symlink() and not self._checked.is_whole(path, self._tick)

    def _link_all(self, namespace: str) -> None:
        published = self._settings.published
        if not is_digest(namespace):
            self._problem = f"{namespace!r} is no digest of a cache namespace"
            return
        if not published.is_dir():
            self._problem = f"{published} is not there: is the cache's volume mounted?"
            return
        try:
            names = sorted(path.name for path in entries_of(published, namespace).iterdir())
        except FileNotFoundError:
            return
        for name in names:
            self._tick()
            if not name.startswith(TEMPORARY):
                self._link_one(namespace, name)

    def _link_one(self, namespace: str, name: str) -> None:
        published = self._settings.published
        path = self._settings.local / name
        if is_entry(name) and not path.is_symlink() and path.exists():
            return
        manifest = (
            read_manifest(entries_of(published, namespace) / name) if is_entry(name) else None
        )
        if manifest is None:
            self._refused += 1
            return
        blob = blobs_of(published, namespace) / manifest.sha256
        if not self._checked.is_right(blob, manifest, self._tick):
            self._refused += 1
            return
        with self._lock:
            self._tick()
            _place(path, blob)
            self._right.add(name)


def _place(path: Path, blob: Path) -> None:
    with suppress(OSError):
        if path.readlink() == blob:
            return
    fresh = path.with_name(temporary_name())
    fresh.symlink_to(blob)
    fresh.replace(path)
