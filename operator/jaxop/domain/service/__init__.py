"""What a JaxService wants next, from what was seen of it.

For: `decide(snapshot, now) -> Plan`, `refused` for what the API server would not create, and
`warmup_asked_for` for what the controller has to look up.
Must not know: how things are read or written; the names of devices.
"""

from jaxop.domain.service.decide import decide, refused, warmup_asked_for
from jaxop.domain.service.snapshot import Snapshot

__all__ = ["Snapshot", "decide", "refused", "warmup_asked_for"]
