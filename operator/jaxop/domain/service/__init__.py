"""What a JaxService wants next, from what was seen of it.

For: `decide(snapshot, now) -> Plan`, `refused` for what the API server would not create, and
`warmup_asked_for` for what the controller has to look up.
Must not know: how things are read or written; the names of devices; how a JaxJob runs.

How data passes through: the controller reads raw objects into `views` (`reading`,
`replica_reading`) and puts them into a `Snapshot`. `decide` asks the questions in order:

    validation      can this be turned into pods at all? -> a `Described` revision
    revision        what makes one revision differ from another, and its hash
    replica         a replica as a JaxJob, from which pods come
    counting        replicas of each revision: to be, there, serving
    hold            is the first pod to wait for a Warmup?
    cause           why are replicas not ready?
    progress        does the rollout get on, or does it stop?
    rollout         how many replicas is each revision to have now? One file for each strategy
    scaling         what is written and deleted for that; `children` are what is written
    revisions_kept  which ControllerRevision is the newest, which are deleted?
    standing        where does it stand, in a word and a sentence?
    telling         the whole status; is it worth a write now, and what should a person read?

Everything is state: the spec names a revision by what is in it, children carry its hash, and the
status says which was last rolled out and since when the next one has made no progress. Going back
is the user's own write of the spec, with what `revision.restored` makes of a ControllerRevision.
"""

from jaxop.domain.service.decide import decide, refused, warmup_asked_for
from jaxop.domain.service.snapshot import Snapshot

__all__ = ["Snapshot", "decide", "refused", "warmup_asked_for"]
