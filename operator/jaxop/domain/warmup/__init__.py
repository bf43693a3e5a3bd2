"""What a Warmup wants next, from what was seen of it.

For: `decide(snapshot, now) -> Plan`, and `refused` for what the API server would not create.
Must not know: how things are read or written, or how a JaxJob runs.

    Pending     its spec, or its CompileCache, does not allow it yet
    Waiting     another Warmup fills the same cache namespace: see `turns`
    Compiling   JaxJob <name>-fill<run> runs the program until its first step is done
    Publishing  the CompileCache's keeper takes over what that has compiled
    Verifying   JaxJob <name>-verify<run> runs it again, and must find all of it
    Ready       or Failed, when all tries are used
    Evicted     it was Ready, and what it has published is gone

`runs` says what the two JaxJobs are, `results` what follows from how they ended, `finished` what
stays in the end, `absent` what aheadOfTime compiles for and `unverified` what that proves,
`eviction` whether Ready is still true, `telling` what the status says and what a
person should read.
"""

from jaxop.domain.warmup.decide import decide, refused
from jaxop.domain.warmup.snapshot import Keeper, Rival, Snapshot

__all__ = ["Keeper", "Rival", "Snapshot", "decide", "refused"]
