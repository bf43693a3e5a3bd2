"""The order of the questions. Each is answered in the file that has its name."""

from collections.abc import Sequence
from datetime import datetime

from jaxop.api.plan import Plan
from jaxop.domain.service.snapshot import Snapshot


def decide(snapshot: Snapshot, now: datetime) -> Plan:
    """Pure; `now` is UTC. Deciding again after the plan was carried out changes nothing."""
    raise NotImplementedError


def refused(snapshot: Snapshot, refusals: Sequence[tuple[str, str]], now: datetime) -> Plan:
    """What to write instead of the decided status when children were refused: `(reason, sentence)`
    of each."""
    raise NotImplementedError


def warmup_asked_for(snapshot: Snapshot) -> str | None:
    """Name of the Warmup that the revision of the spec shares with whoever has the same program;
    None where it asks for none. `snapshot.warmup` need not be known."""
    raise NotImplementedError
