"""Single flight: of all Warmups that fill one cache namespace, one at a time does.

The oldest goes first. It takes its turn in two passes: it writes that it is Compiling, and makes
its JaxJob only when no other has written so. Of two that did at once, the one behind steps back,
and so does whoever comes while another has made its JaxJob already.
"""

from datetime import UTC, datetime
from typing import Final

from jaxop.api.v1alpha1 import Warmup
from jaxop.api.v1alpha1.warmup import WarmupState
from jaxop.domain.warmup import reasons
from jaxop.domain.warmup.snapshot import Rival, Snapshot

UNDER_WAY: Final[frozenset[WarmupState | None]] = frozenset(
    {"Compiling", "Publishing", "Verifying"}
)

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def whose_turn(snapshot: Snapshot, digest: str) -> Rival | None:
    """Who goes first, before this one has taken its turn; None: it may."""
    rivals = _same(snapshot, digest)
    going = [rival for rival in rivals if rival.state in UNDER_WAY]
    ahead = [rival for rival in rivals if _place(rival) < _own_place(snapshot.warmup)]
    return min(going or ahead, key=_place, default=None)


def others_under_way(snapshot: Snapshot, digest: str) -> tuple[Rival, ...]:
    """Those that have taken their turn as this one has."""
    return tuple(r for r in _same(snapshot, digest) if r.state in UNDER_WAY)


def must_step_back(snapshot: Snapshot, others: tuple[Rival, ...]) -> bool:
    own = _own_place(snapshot.warmup)
    return any(other.reason != reasons.STARTING or _place(other) < own for other in others)


def _same(snapshot: Snapshot, digest: str) -> list[Rival]:
    """One that the operator has not looked at yet may turn out to fill the same."""
    return [
        rival
        for rival in snapshot.rivals
        if rival.digest == digest or (rival.digest is None and rival.state is None)
    ]


def _place(rival: Rival) -> tuple[datetime, str]:
    return rival.created_at or _LONG_AGO, rival.name


def _own_place(warmup: Warmup) -> tuple[datetime, str]:
    return warmup.metadata.creation_timestamp or _LONG_AGO, warmup.metadata.name
