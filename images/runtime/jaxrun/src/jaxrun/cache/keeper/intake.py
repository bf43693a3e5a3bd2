"""From the staging area to what is published, and into the books."""

from collections.abc import Callable
from dataclasses import replace

from jaxrun.cache.files import Tick
from jaxrun.cache.keeper.books import Books
from jaxrun.cache.keeper.publish import NotYetError, Outcome, publish
from jaxrun.cache.keeper.staging import Seen, Staging
from jaxrun.cache.keeper.volume import Volume, is_full
from jaxrun.cache.layout import offers_of

_TURN_SECONDS = 5.0
_FULL_SECONDS = 10.0

Report = Callable[[OSError], None]


class Intake:
    """`report` is told of problems that let the rest go on."""

    def __init__(
        self,
        volume: Volume,
        staging: Staging,
        books: Books,
        monotonic: Callable[[], float],
        most_entry_bytes: int,
        report: Report,
    ) -> None:
        self._volume = volume
        self._staging = staging
        self._books = books
        self._monotonic = monotonic
        self._most_entry_bytes = most_entry_bytes
        self._report = report
        self._full: tuple[float, OSError] | None = None

    def turn(self, tick: Tick) -> None:
        """Once around, for at most some seconds.

        Raises:
            OSError: the volume cannot be read or written.
        """
        ends = self._monotonic() + _TURN_SECONDS
        changed: set[str] = set()

        def take(digest: str, name: str, directory: int) -> None:
            tick()
            outcome = self._take(digest, name, directory, tick)
            changed.add(digest)
            self._books.published += 1
            self._books.repaired += outcome is Outcome.REPAIRED

        try:
            for seen in self._staging.turn(take, lambda: self._monotonic() < ends):
                self._account(seen)
                # Counted on the volume first: a keeper that is killed must not forget it.
                self._staging.settle(seen)
        finally:
            for digest in changed:
                self._books.recount(digest, tick)

    def _take(self, digest: str, name: str, directory: int, tick: Tick) -> Outcome:
        if self._full is not None and self._monotonic() < self._full[0]:
            self._report(self._full[1])
            raise NotYetError
        self._full = None
        try:
            self._volume.require_room(name, directory)
        except OSError as error:
            if not is_full(error):
                raise
            self._report(error)
            raise NotYetError from None
        try:
            return publish(
                self._volume.published, digest, name, directory, self._most_entry_bytes, tick
            )
        except OSError as error:
            if not is_full(error):
                raise
            # A quota does not show beforehand; not all is to be copied in vain every second.
            self._full = (self._monotonic() + _FULL_SECONDS, error)
            self._report(error)
            raise NotYetError from None

    def _account(self, seen: Seen) -> None:
        books = self._books
        books.refused += seen.refusals
        books.last_refusal = seen.last_refusal or books.last_refusal
        found = offers_of(seen.name)
        if found is None:
            return
        digest, host = found
        tally = books.offered(seen.name, seen.published, seen.refusals, seen.pending)
        if seen.published:
            books.memory.used(digest)
        if seen.published or (seen.refusals and digest in books.sizes):
            books.memory.tallied(digest, host, replace(tally, pending=0))
            try:
                books.memory.save(digest)
            except OSError as error:
                self._report(error)
