"""For how long something has been seen unchanged; clocks of other machines have no say in it."""

from collections.abc import Callable, Hashable

_FORGOTTEN_AFTER_SECONDS = 4 * 3600.0


class Ages:
    """Of whatever a key names; a key has all that must stay the same, such as inode and time."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen: dict[Hashable, tuple[float, float]] = {}
        self._tidied = monotonic()

    def of(self, key: Hashable) -> float:
        """Seconds since it was first seen; 0 for what is new."""
        now = self._monotonic()
        first, _ = self._seen.get(key, (now, now))
        self._seen[key] = (first, now)
        if now - self._tidied > _FORGOTTEN_AFTER_SECONDS / 4:
            self._tidied = now
            self._seen = {
                each: (since, last)
                for each, (since, last) in self._seen.items()
                if now - last < _FORGOTTEN_AFTER_SECONDS
            }
        return now - first
