"""ttlSecondsAfterFinished: a job that has ended is deleted, and its pods and logs with it."""

from dataclasses import replace
from datetime import datetime, timedelta

from jaxop.api.plan import ObjectRef, Plan
from jaxop.domain.jaxjob.snapshot import Snapshot


def kept_long_enough(snapshot: Snapshot, plan: Plan, now: datetime) -> Plan:
    """`plan` is what a job that has ended wants else."""
    jaxjob = snapshot.jaxjob
    seconds, ended = jaxjob.spec.ttl_seconds_after_finished, jaxjob.status.completion_time
    if seconds is None or ended is None:
        return plan
    left = (ended + timedelta(seconds=seconds) - now).total_seconds()
    if left > 0:
        soonest = left if plan.requeue_after is None else min(left, plan.requeue_after)
        return replace(plan, requeue_after=soonest)
    metadata = jaxjob.metadata
    itself = ObjectRef(
        jaxjob.api_version, jaxjob.kind, metadata.namespace, metadata.name, metadata.uid
    )
    return Plan(delete=(itself,))
