"""When each namespace was last used and what became of its offers; outlives the keeper.

Times are by this machine's clock, which may jump. What was used within the last hour is also known
by a clock that does not.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from jaxrun.cache.keeper.census import MOST_OFFERS, Meta, Tally, read_meta, write_meta

_SAVED_EVERY_SECONDS = 300.0


class Memory:
    """Of all namespaces; `clock` gives Unix seconds."""

    def __init__(
        self, published: Path, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._published = published
        self._clock = clock
        self._monotonic = monotonic
        self._metas: dict[str, Meta] = {}
        self._saved: dict[str, Meta] = {}
        self._used_at: dict[str, float] = {}

    def load(self, digest: str) -> None:
        """Take over what is on the volume, where that is later.

        Raises:
            OSError: the volume cannot be read.
        """
        found = read_meta(self._published, digest)
        if found is None:
            self._metas.setdefault(digest, Meta(self._clock()))
            return
        mine = self._metas.get(digest)
        if mine is None or found.last_used > mine.last_used:
            self._metas[digest] = self._saved[digest] = found

    def last_used(self, digest: str) -> float:
        """Never in the future."""
        meta = self._metas.get(digest)
        return min(meta.last_used, self._clock()) if meta else 0.0

    def offers(self, digest: str) -> Mapping[str, Tally]:
        """Counts by host."""
        meta = self._metas.get(digest)
        return meta.offers if meta else {}

    def used(self, digest: str) -> None:
        """It is being used."""
        self._metas[digest] = Meta(self._clock(), self.offers(digest))
        self._used_at[digest] = self._monotonic()

    def tallied(self, digest: str, host: str, tally: Tally) -> None:
        """What became of a host's offers so far."""
        offers = {name: each for name, each in self.offers(digest).items() if name != host}
        offers = dict([*offers.items(), (host, tally)][-MOST_OFFERS:])
        meta = self._metas.get(digest)
        self._metas[digest] = Meta(meta.last_used if meta else self._clock(), offers)

    def used_within(self, seconds: float) -> frozenset[str]:
        """Digests that have been used for as long as this process knows."""
        now = self._monotonic()
        return frozenset(digest for digest, at in self._used_at.items() if now - at < seconds)

    def save(self, digest: str) -> None:
        """If there is something new to be remembered.

        Raises:
            OSError: it cannot be written; not: there is no such namespace.
        """
        meta, saved = self._metas.get(digest), self._saved.get(digest)
        if meta is None:
            return
        if (
            saved is not None
            and saved.offers == meta.offers
            and abs(meta.last_used - saved.last_used) < _SAVED_EVERY_SECONDS
        ):
            return
        try:
            write_meta(self._published, digest, meta)
        except FileNotFoundError:
            return
        self._saved[digest] = meta

    def forget(self, digest: str) -> None:
        """It is gone."""
        for each in (self._metas, self._saved, self._used_at):
            each.pop(digest, None)
