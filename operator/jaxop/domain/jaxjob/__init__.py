"""What a JaxJob wants next, from what was seen of it.

For: `decide(snapshot, now) -> Plan`, and `refused` for what the API server would not create.
Must not know: how things are read or written; the names of devices.

How data passes through: the controller reads raw objects into `views` (`reading`) and puts them
into a `Snapshot`. `decide` asks the questions in order:

    validate        can this be turned into children at all?      -> Stalled
    success         have all slices completed?                    -> Succeeded
    failure         has the attempt ended badly, and of what?     -> restart: again, or Failed
    children        what must exist for the attempt               (names, job, pod, service, ...)
    state           where it stands, in a word and a sentence     (waiting, unschedulable, ...)
    status          the whole status: conditions, timeline, step
    coalesce        is it worth a write now?
    events          what changed that a person should read

A restart is state: the status names the attempt, children carry its number, and children of any
other attempt are deleted (`children.stale`). Suspending is the same with no children wanted.
"""

from jaxop.domain.jaxjob.decide import decide, refused
from jaxop.domain.jaxjob.snapshot import OperatorSettings, Snapshot

__all__ = ["OperatorSettings", "Snapshot", "decide", "refused"]
