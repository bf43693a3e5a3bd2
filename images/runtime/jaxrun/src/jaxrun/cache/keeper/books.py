"""What the keeper counts, and what it knows of each namespace; shared by the parts of a pass."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from jaxrun.cache.files import Tick
from jaxrun.cache.keeper.census import Namespace, Tally, count, digests
from jaxrun.cache.keeper.memory import Memory
from jaxrun.cache.keeper.status import MOST_OFFERS


@dataclass
class Books:
    """Counts are of this process's life; `offers` by directory, the last one last."""

    root: Path
    memory: Memory
    published: int = 0
    refused: int = 0
    last_refusal: str | None = None
    repaired: int = 0
    evicted: int = 0
    offers: dict[str, Tally] = field(default_factory=dict)
    sizes: dict[str, Namespace] = field(default_factory=dict)

    def take_stock(self, tick: Tick) -> list[str]:
        """Look at all namespaces anew; their digests.

        Raises:
            OSError: the volume cannot be read.
        """
        found = digests(self.root)
        for digest in set(self.sizes).difference(found):
            self.gone(digest)
        for digest in found:
            self.memory.load(digest)
            self.recount(digest, tick)
            for host, tally in self.memory.offers(digest).items():
                self.offers.setdefault(f"{digest}.{host}", tally)
        return found

    def recount(self, digest: str, tick: Tick) -> None:
        """Entries and bytes of one namespace.

        Raises:
            OSError: the volume cannot be read.
        """
        self.sizes[digest] = count(self.root, digest, tick)

    def gone(self, digest: str) -> None:
        """There is no such namespace any more."""
        self.sizes.pop(digest, None)
        self.memory.forget(digest)

    def offered(self, name: str, published: int, refused: int, pending: int) -> Tally:
        """Add to what became of one directory of offers; all of it so far."""
        before = self.offers.pop(name, Tally())
        tally = Tally(before.published + published, before.refused + refused, pending)
        self.offers[name] = tally
        for old in list(self.offers)[:-MOST_OFFERS]:
            del self.offers[old]
        return tally

    def namespaces(self) -> tuple[Namespace, ...]:
        """With their last use."""
        return tuple(
            replace(each, last_used=self.memory.last_used(each.digest))
            for each in self.sizes.values()
        )
