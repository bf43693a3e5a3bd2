"""What the keepers of CompileCaches say of offers, as far as Warmups ask for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from jaxop.domain.warmup import Keeper, Offer
from jaxop.kube.resources import Key


class SaidOffer(Protocol):
    """What became of the entries that one pod has offered."""

    @property
    def digest(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def published(self) -> int: ...
    @property
    def refused(self) -> int: ...
    @property
    def pending(self) -> int: ...


class SaidReport(Protocol):
    @property
    def offers(self) -> Sequence[SaidOffer]: ...


class SaidHeard(Protocol):
    """`report` is the last one; `unheard_since`: since when there was none."""

    @property
    def report(self) -> SaidReport | None: ...
    @property
    def unheard_since(self) -> datetime | None: ...


class Keepers(Protocol):
    def heard(self, key: Key) -> SaidHeard:
        """What the keeper of a CompileCache has said, without asking it."""
        ...


def read_keeper(heard: SaidHeard) -> Keeper:
    if heard.report is None or heard.unheard_since is not None:
        return Keeper()
    return Keeper(
        answers=True,
        offers={
            f"{said.digest}.{said.host}": Offer(said.published, said.refused, said.pending)
            for said in heard.report.offers
        },
    )
