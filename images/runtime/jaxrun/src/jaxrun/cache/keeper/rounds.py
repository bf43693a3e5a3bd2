"""Round after round through all namespaces: counted, then scrubbed a little in every pass."""

from collections.abc import Callable, Iterator

from jaxrun.cache.files import Tick
from jaxrun.cache.keeper.ages import Ages
from jaxrun.cache.keeper.books import Books
from jaxrun.cache.keeper.scrub import scrub

_TURN_SECONDS = 0.25
_ROUND_SECONDS = 3600.0
"""A round does not begin sooner after the last one did."""


class Rounds:
    """The first one begins at once."""

    def __init__(self, books: Books, ages: Ages, monotonic: Callable[[], float]) -> None:
        self._books = books
        self._ages = ages
        self._monotonic = monotonic
        self._began_at: float | None = None
        self._ahead: list[str] = []
        self._at: tuple[str, Iterator[int]] | None = None

    def begin(self, tick: Tick) -> None:
        """A new round, if it is time.

        Raises:
            OSError: the volume cannot be read.
        """
        now = self._monotonic()
        if self._began_at is not None and (
            self._ahead or self._at or now - self._began_at < _ROUND_SECONDS
        ):
            return
        self._ahead = self._books.take_stock(tick)
        self._began_at = now

    def turn(self, tick: Tick) -> None:
        """Scrub for a moment.

        Raises:
            OSError: the volume cannot be read or written.
        """
        ends = self._monotonic() + _TURN_SECONDS
        while self._ahead or self._at:
            if self._at is None:
                digest = self._ahead.pop(0)
                self._at = digest, scrub(self._books.root, digest, self._ages, tick)
            digest, steps = self._at
            try:
                for damaged in steps:
                    tick()
                    self._books.repaired += damaged
                    if self._monotonic() >= ends:
                        return
            except OSError:
                # On with the next; this one has its turn in the next round.
                self._at = None
                raise
            self._at = None
            if digest in self._books.sizes:
                self._books.recount(digest, tick)
