"""The staging area: every host's offers in turn, a bounded piece of work at a time.

Anybody may have written anything here. All of it is reached by descriptors of directories that were
opened without following links; what is no offer is removed, or moved to the trash if it is a
directory. A host that offers much, or rubbish, waits for itself alone.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from jaxrun.cache.files import open_directory
from jaxrun.cache.keeper.ages import Ages
from jaxrun.cache.keeper.publish import NotYetError, RefusedError
from jaxrun.cache.keeper.trash import Trash
from jaxrun.cache.layout import TEMPORARY, offer_of, offers_of

LEFTOVER_SECONDS = 3600.0
_MOST_DIRECTORIES = 64
_MOST_LISTED = 2000
_MOST_TAKEN = 200
_MOST_STUCK = 10_000
_NONE = -1

Take = Callable[[str, str, int], None]
"""Publishes an offer of a digest by its name in a directory, a descriptor;
or raises RefusedError or NotYetError."""


@dataclass
class Seen:
    """What a turn found in the directory `name`: names that may be removed now, and counts."""

    name: str
    descriptor: int
    taken: list[str]
    published: int = 0
    pending: int = 0
    refusals: int = 0
    last_refusal: str | None = None

    def close(self) -> None:
        """Give the descriptor back."""
        if self.descriptor != _NONE:
            os.close(self.descriptor)


class Staging:
    """Goes round all directories of offers; those without any for an hour are removed."""

    def __init__(self, path: Path, trash: Trash, ages: Ages) -> None:
        self._path = path
        self._trash = trash
        self._ages = ages
        self._after = ""
        self._stuck: dict[str, tuple[int, int]] = {}
        self._stuck_inside: set[tuple[str, str]] = set()

    def turn(self, take: Take, in_time: Callable[[], bool]) -> Iterator[Seen]:
        """Yields what it has done in a directory; whoever takes it removes `taken` by `settle`.

        Raises:
            OSError: the volume cannot be read or written.
        """
        with os.scandir(self._path) as found:
            names = sorted(each.name for each in found)
        ahead = [name for name in names if name > self._after]
        for name in [*ahead, *names[: len(names) - len(ahead)]][:_MOST_DIRECTORIES]:
            if not in_time():
                return
            self._after = name
            seen = self._directory(name, take, in_time)
            if seen is not None:
                try:
                    yield seen
                finally:
                    seen.close()

    def settle(self, seen: Seen) -> None:
        """Remove what was taken, or refused; what cannot be removed is not looked at again."""
        for name in seen.taken:
            if not self._discard(name, seen.descriptor):
                if len(self._stuck_inside) >= _MOST_STUCK:
                    self._stuck_inside.clear()
                self._stuck_inside.add((seen.name, name))

    def _directory(self, name: str, take: Take, in_time: Callable[[], bool]) -> Seen | None:
        path = self._path / name
        found = offers_of(name)
        try:
            status = path.lstat()
            if found is None or not stat.S_ISDIR(status.st_mode):
                return self._rubbish(name, status)
            identity = (status.st_ino, status.st_mtime_ns)
            if self._stuck.get(name) == identity:
                return None
            descriptor = open_directory(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            return self._refuse_whole(name, identity, "cannot be read by the keeper")
        if not os.access(path, os.W_OK | os.X_OK):
            os.close(descriptor)
            return self._refuse_whole(name, identity, "cannot be written by the keeper")
        seen = Seen(name, descriptor, [])
        try:
            if not self._offers(found[0], seen, take, in_time):
                self._retire(path, identity)
        except BaseException:
            os.close(descriptor)
            raise
        return seen

    def _offers(self, digest: str, seen: Seen, take: Take, in_time: Callable[[], bool]) -> bool:
        """False if there is nothing at all."""
        with os.scandir(seen.descriptor) as found:
            names = sorted(each.name for each in islice(found, _MOST_LISTED))
        for name in names:
            if (seen.name, name) in self._stuck_inside:
                continue
            if name.startswith(TEMPORARY):
                if self._is_left(name, seen):
                    seen.taken.append(name)
                continue
            if len(seen.taken) >= _MOST_TAKEN or not in_time():
                seen.pending += offer_of(name) is not None
                continue
            try:
                take(digest, name, seen.descriptor)
            except RefusedError as refused:
                seen.refusals += 1
                seen.last_refusal = f"{seen.name}/{name} {refused}"
                seen.taken.append(name)
            except NotYetError:
                seen.pending += 1
            else:
                seen.published += 1
                seen.taken.append(name)
        return bool(names)

    def _is_left(self, name: str, seen: Seen) -> bool:
        try:
            status = os.stat(name, dir_fd=seen.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        key = (seen.name, name, status.st_ino, status.st_mtime_ns, status.st_size)
        return self._ages.of(key) > LEFTOVER_SECONDS

    def _retire(self, path: Path, identity: tuple[int, int]) -> None:
        if self._ages.of((path, identity)) > LEFTOVER_SECONDS:
            try:
                path.rmdir()
            except OSError:
                return

    def _rubbish(self, name: str, status: os.stat_result) -> Seen | None:
        identity = (status.st_ino, status.st_mtime_ns)
        if self._stuck.get(name) == identity:
            return None
        top = open_directory(self._path)
        try:
            if not self._discard(name, top):
                self._stuck[name] = identity
        finally:
            os.close(top)
        seen = Seen(name, _NONE, [])
        seen.refusals, seen.last_refusal = 1, f"{name} is no directory <digest>.<host>"
        return seen

    def _refuse_whole(self, name: str, identity: tuple[int, int], why: str) -> Seen:
        self._stuck[name] = identity
        seen = Seen(name, _NONE, [])
        seen.refusals, seen.last_refusal = 1, f"{name} {why}"
        return seen

    def _discard(self, name: str, directory: int) -> bool:
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            return True
        except IsADirectoryError:
            return self._trash.take(name, directory)
        except PermissionError:
            return False
        return True
