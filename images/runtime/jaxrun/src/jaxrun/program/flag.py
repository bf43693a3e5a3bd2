"""Eight shared words between a launcher and its program: no system call to read or write them.

should_stop must turn True at the same call in every process, or those that stopped first would
leave the others alone in a collective. So when a stop is asked for, the launcher freezes: programs
that enter should_stop wait there, for milliseconds, until all launchers have told how many calls
were made and the call after the latest is agreed on.
"""

from __future__ import annotations

import mmap

_SIZE = 64
_FREEZE, _STOP_AT, _CALLS, _STEP = range(4)


class Flag:
    """One program's words; `path` is created by the launcher and mapped by both."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self._words = memoryview(self._map).cast("q")

    @classmethod
    def create(cls, path: str) -> Flag:
        """Make the file, with nothing said yet."""
        with open(path, "wb") as file:
            file.write(bytes(_SIZE))
        return cls(path)

    @property
    def frozen(self) -> bool:
        """Whether should_stop has to wait for the agreement."""
        return self._words[_FREEZE] != 0

    def freeze(self) -> None:
        """Launcher: from now on no call of should_stop returns before stop_at is known."""
        self._words[_FREEZE] = 1

    @property
    def stop_at(self) -> int:
        """The first call that answers True, from 1; 0 while there is none."""
        return self._words[_STOP_AT]

    @stop_at.setter
    def stop_at(self, call: int) -> None:
        self._words[_STOP_AT] = call

    @property
    def calls(self) -> int:
        """How often should_stop was called."""
        return self._words[_CALLS]

    @calls.setter
    def calls(self, count: int) -> None:
        self._words[_CALLS] = count

    @property
    def step(self) -> int | None:
        """The latest step that was reported."""
        word = self._words[_STEP]
        return word - 1 if word else None

    @step.setter
    def step(self, step: int) -> None:
        self._words[_STEP] = step + 1
