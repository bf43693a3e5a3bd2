"""What the played programs compile, what they offer, and what the keepers have published of it."""

from dataclasses import dataclass, field
from typing import Final

from jaxop.api.plan import Manifest

PROGRAMS: Final = 2
"""That each program asks the cache for."""
ENTRY_BYTES: Final = 1000
COLD_SECONDS: Final = 8.0
WARM_SECONDS: Final = 0.5


@dataclass
class Shelf:
    """Offers by `<digest>.<host>`: whatever is offered is published, as soon as a keeper runs."""

    offers: dict[str, int] = field(default_factory=dict)

    def evict_all(self) -> None:
        """Of namespaces that are not in use."""
        self.offers.clear()

    def holds(self, digest: str) -> bool:
        return any(offer.partition(".")[0] == digest for offer in self.offers)


@dataclass(frozen=True, slots=True)
class Compiled:
    """By one gang. `found` is what the cache held when it began."""

    namespace: str
    may_offer: bool
    found: bool

    @property
    def offered(self) -> int:
        return PROGRAMS if self.may_offer and not self.found else 0

    @property
    def seconds(self) -> float:
        return WARM_SECONDS if self.found else COLD_SECONDS

    def cache(self, *, over: bool) -> Manifest:
        """contract.json, `cache`; offers come at the end."""
        hits, offered = PROGRAMS if self.found else 0, self.offered if over else 0
        return {
            "namespace": self.namespace,
            "problem": None,
            "requests": PROGRAMS,
            "hits": hits,
            "written": PROGRAMS - hits,
            "readErrors": 0,
            "retrievalSeconds": 0.0,
            "savedSeconds": COLD_SECONDS if self.found else 0.0,
            "linked": hits,
            "refused": 0,
            "offered": offered,
            "offeredBytes": offered * ENTRY_BYTES,
            "firstStepRequests": PROGRAMS,
            "firstStepHits": hits,
            "firstStepRetrievalSeconds": 0.0,
            "firstStepSavedSeconds": COLD_SECONDS if self.found else 0.0,
        }
