"""What a JaxJob wants next, from what was seen of it.

For: `decide(snapshot, now) -> Plan`, and `refused` for what the API server would not create.
Must not know: how things are read or written; the names of devices.

How data passes through: the controller reads raw objects into `views` (`reading`) and puts them
into a `Snapshot`. `decide` asks the questions in order, each answered in a package of its own:

    validation    can this be turned into children at all?           -> Stalled
    lifecycle     has it succeeded, or is it to be stopped?          -> Succeeded, Checkpointing
    warming       is its program to be compiled first?               -> Pending
    queueing      is there quota for it?                             -> Queued
    failures      what went wrong, and is it tried again?            -> Restarting, Failed
    pods          what must exist for the attempt?
    standing      where does it stand, in a word and a sentence?
    telling       the whole status; is it worth a write now, and what should a person read?

A restart is state: the status names the attempt, children carry its number, and children of any
other attempt are deleted (`pods.children.stale`). Suspending is the same with no children wanted.
"""

from jaxop.domain.jaxjob.decide import decide, refused
from jaxop.domain.jaxjob.snapshot import OperatorSettings, Snapshot

__all__ = ["OperatorSettings", "Snapshot", "decide", "refused"]
