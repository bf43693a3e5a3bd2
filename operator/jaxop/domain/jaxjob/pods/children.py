"""What must exist for an attempt, and which children belong to none."""

from datetime import datetime

from jaxop.api.plan import Manifest, ObjectRef
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures.pod_cause import ends_the_gang
from jaxop.domain.jaxjob.lifecycle.suspend import still_stopping
from jaxop.domain.jaxjob.pods.compile_cache import compiling
from jaxop.domain.jaxjob.pods.gang_scheduling import gang_workload, is_asked_for
from jaxop.domain.jaxjob.pods.job import slice_job
from jaxop.domain.jaxjob.pods.service import gang_service
from jaxop.domain.jaxjob.queueing.flavors import queued
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import JobView


def missing(snapshot: Snapshot, layout: SliceLayout) -> tuple[Manifest, ...]:
    """The Service, the gang's Workload, and the Jobs that are not there yet.

    A Job that exists is left alone: its template cannot change, and an operator with another
    runtime image must not disturb what runs.
    """
    there = {job.slice_index for job in snapshot.current_jobs}
    if len(there) == layout.slices:
        return (gang_service(snapshot.jaxjob),)
    image, programs = snapshot.settings.runtime_image, compiling(snapshot, layout)
    gang = is_asked_for(snapshot.jaxjob)
    return (
        gang_service(snapshot.jaxjob),
        *((gang_workload(snapshot.jaxjob, layout),) if gang else ()),
        *(
            queued(
                slice_job(snapshot.jaxjob, layout, snapshot.attempt, index, image, programs),
                snapshot,
            )
            for index in range(layout.slices)
            if index not in there
        ),
    )


def stale(snapshot: Snapshot) -> tuple[ObjectRef, ...]:
    """Jobs of other attempts; their pods go with them."""
    return tuple(
        reference(snapshot, job)
        for job in snapshot.jobs
        if job.attempt != snapshot.attempt and not job.terminating
    )


def seconds_to_wait_for_old_pods(snapshot: Snapshot, now: datetime) -> float | None:
    """Before the pods of a new attempt are made; None: not at all.

    A gang that says that it has ended has stopped its programs, or does within half a second, long
    before new pods could start theirs. Otherwise an old program may still save its checkpoint, and
    the next attempt must not write beside it.
    """
    old = [pod for pod in snapshot.pods if pod.attempt != snapshot.attempt]
    if any(pod.failed and ends_the_gang(pod, in_place=True) for pod in old):
        return None
    return 1.0 if still_stopping(snapshot, now) else None


def reference(snapshot: Snapshot, job: JobView) -> ObjectRef:
    return ObjectRef("batch/v1", "Job", snapshot.jaxjob.metadata.namespace, job.name, job.uid)
