"""What the keeper says of itself, at /status and in its metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from jaxrun.cache.keeper.census import Namespace, Tally

VERSION: Final = 1
MOST_NAMESPACES: Final = 256
MOST_OFFERS: Final = 256


@dataclass(frozen=True)
class KeeperStatus:
    """As of the end of a pass; counts are of this process's life.

    `ready`: it has been able to write since its last problem with the volume. `repaired`: damaged
    entries that were taken away or replaced. `in_use`: digests by the policy.
    """

    problem: str | None = "the first pass has not ended"
    ready: bool = False
    published: int = 0
    refused: int = 0
    last_refusal: str | None = None
    repaired: int = 0
    evicted: int = 0
    staged: int = 0
    volume_bytes: int = 0
    free_bytes: int = 0
    namespaces: tuple[Namespace, ...] = ()
    in_use: frozenset[str] = frozenset()
    offers: Mapping[str, Tally] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """Of all namespaces."""
        return sum(namespace.entries for namespace in self.namespaces)

    @property
    def size_bytes(self) -> int:
        """Of all namespaces."""
        return sum(namespace.size_bytes for namespace in self.namespaces)

    def as_json(self) -> dict[str, object]:
        """The body of /status; at most 256 namespaces, the last used, and 256 offers."""
        latest = sorted(self.namespaces, key=lambda each: (-each.last_used, each.digest))
        return {
            "version": VERSION,
            "state": "Ready" if self.problem is None else "Degraded",
            "problem": self.problem,
            "published": self.published,
            "refused": self.refused,
            "lastRefusal": self.last_refusal,
            "repaired": self.repaired,
            "evicted": self.evicted,
            "staged": self.staged,
            "volume": {"bytes": self.volume_bytes, "freeBytes": self.free_bytes},
            "entries": self.entries,
            "bytes": self.size_bytes,
            "namespaceCount": len(self.namespaces),
            "namespaces": [
                {
                    "digest": each.digest,
                    "entries": each.entries,
                    "bytes": each.size_bytes,
                    "lastUsed": each.last_used,
                    "inUse": each.digest in self.in_use,
                }
                for each in latest[:MOST_NAMESPACES]
            ],
            "offers": {
                name: {
                    "published": tally.published,
                    "refused": tally.refused,
                    "pending": tally.pending,
                }
                for name, tally in list(self.offers.items())[-MOST_OFFERS:]
            },
        }
