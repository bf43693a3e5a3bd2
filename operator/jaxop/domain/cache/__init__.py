"""What a CompileCache wants next, from what was seen of it.

For: `decide(snapshot, now) -> Plan`, and `refused` for what the API server would not create.
Must not know: how things are read or written, or what a compiled program is.

How data passes through: the controller reads raw objects into views (`reading`, `keeper_report`)
and puts them into a `Snapshot`. `decide` asks, in this order:

    claim       can the volume be used, and by many pods?            -> Pending
    keeper      does the keeper do its work, and if not, why not?    -> Starting, Ready, Degraded
    policy      what must the keeper know? limits, and what is in use
    status      the whole status; `coalesce`: is it worth a write now?
    events      what should a person read of the change?

All children (claim, ConfigMap, Deployment) are wanted all the time; where there is nothing to keep,
the Deployment has no replicas.
"""

from jaxop.domain.cache.decide import decide, refused
from jaxop.domain.cache.snapshot import Snapshot

__all__ = ["Snapshot", "decide", "refused"]
