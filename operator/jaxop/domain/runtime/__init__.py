"""What a JaxRuntime's image really holds, found out by one small pod for each accelerator in use.

For: `decide(snapshot, now) -> Plan`, and `refused` for what the API server would not create.
Must not know: how things are read or written; the names of devices.

    in_use        on which AcceleratorClasses does it matter?
    shape         the least of a class that a pod can have
    job           the Job whose pod runs `jaxrun inspect` in the image
    reading       a finished pod's word -> Inspection
    mismatch      Inspection against spec, field by field, with both values
    outcome       what is known of one class: found, failed for now, or still to come
    telling       the worst of all, in the whole status and in an event

A result is kept in the status, under a hash of what was verified, and then its Job goes: neither a
restart of the operator nor the next job that uses the runtime verifies anything again.
"""

from jaxop.domain.runtime.decide import decide, refused
from jaxop.domain.runtime.snapshot import Snapshot, VerificationJob, VerificationSettings

__all__ = ["Snapshot", "VerificationJob", "VerificationSettings", "decide", "refused"]
