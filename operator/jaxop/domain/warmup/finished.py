"""A Warmup that has ended: of its JaxJobs those that failed stay, for their logs; then, ttl."""

from datetime import datetime, timedelta

from jaxop.api.plan import ObjectRef, Plan
from jaxop.domain.warmup.runs import reference
from jaxop.domain.warmup.snapshot import Snapshot


def rest(snapshot: Snapshot, now: datetime) -> Plan:
    warmup = snapshot.warmup
    ended, seconds = warmup.status.completion_time, warmup.spec.ttl_seconds_after_finished
    delete = tuple(
        reference(job)
        for job in snapshot.runs.values()
        if job.status.state != "Failed" and job.metadata.deletion_timestamp is None
    )
    if seconds is None or ended is None:
        return Plan(delete=delete)
    left = (ended + timedelta(seconds=seconds) - now).total_seconds()
    if left > 0:
        return Plan(delete=delete, requeue_after=left)
    metadata = warmup.metadata
    itself = ObjectRef(
        warmup.api_version, warmup.kind, metadata.namespace, metadata.name, metadata.uid
    )
    return Plan(delete=(itself,))
