"""Kueue's labels on a JaxJob, which are those that it reads on any job."""

from typing import Final

from jaxop.api.v1alpha1 import JaxJob

QUEUE: Final = "kueue.x-k8s.io/queue-name"
PRIORITY_CLASS: Final = "kueue.x-k8s.io/priority-class"
MAX_SECONDS: Final = "kueue.x-k8s.io/max-exec-time-seconds"
JOB_UID: Final = "kueue.x-k8s.io/job-uid"
"""On the Workloads that Kueue itself makes."""


def queue_of(jaxjob: JaxJob) -> str | None:
    return jaxjob.metadata.labels.get(QUEUE) or None


def has_own_workload(jaxjob: JaxJob, external_framework: bool = False) -> bool:
    """Several Jobs are admitted together only by a Workload that stands for all of them. A single
    one is best left to Kueue's own integration of Jobs, unless Kueue was told that JaxJobs are
    queued by somebody else: then it makes no Workload for their Jobs."""
    return external_framework or jaxjob.spec.accelerator.slices > 1


def for_job(jaxjob: JaxJob, external_framework: bool) -> dict[str, str]:
    """What Kueue needs on a Job that it queues itself. Nothing on one that it admits with others:
    it would queue each again."""
    if has_own_workload(jaxjob, external_framework) or queue_of(jaxjob) is None:
        return {}
    ours = (QUEUE, PRIORITY_CLASS, MAX_SECONDS)
    return {key: value for key in ours if (value := jaxjob.metadata.labels.get(key))}
