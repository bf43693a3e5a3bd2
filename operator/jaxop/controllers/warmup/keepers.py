"""What the keepers of CompileCaches say of offers and entries, as far as Warmups ask for it."""

from typing import Protocol

from jaxop.controllers.compilecache.keeper_reports import Heard
from jaxop.domain.warmup import Keeper
from jaxop.kube.resources import Key


class Keepers(Protocol):
    def heard(self, key: Key) -> Heard:
        """What the keeper of a CompileCache has said, without asking it."""
        ...


def read_keeper(heard: Heard) -> Keeper:
    report = heard.report
    if report is None or heard.unheard_since is not None:
        return Keeper()
    return Keeper(
        answers=True,
        offers={f"{offer.digest}.{offer.host}": offer for offer in report.offers},
        healthy=report.healthy,
        kept={said.digest: said.entries for said in report.namespaces},
        lists_all=len(report.namespaces) == report.namespace_count,
    )
