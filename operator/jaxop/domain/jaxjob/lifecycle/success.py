"""Success: all processes have exited with 0, or process 0 has where spec.successPolicy asks for it.

With ProcessZero the launchers stop the other programs when process 0 has ended well, and then all
exit with 0: usually all Jobs complete as ever. But whatever becomes of the other pods from then on,
also of one that is lost on the way, the job has succeeded, and nobody gets a successor.

News of a Job and of its pods come apart. The last step, the last restarts and what was compiled are
in the pods' last words, and who made the JaxJob may delete it as soon as it has succeeded: that is
told when the pods have told.
"""

from datetime import datetime, timedelta

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures.failure import LATE
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.standing import reasons


def succeeded(snapshot: Snapshot, layout: SliceLayout) -> bool:
    return all_complete(snapshot, layout) or _process_zero_is_enough(snapshot)


def all_complete(snapshot: Snapshot, layout: SliceLayout) -> bool:
    """All Jobs are, which may be heard before their pods' ends."""
    complete = {job.slice_index for job in snapshot.current_jobs if job.complete}
    return len(complete) == layout.slices


def has_told_all(snapshot: Snapshot, now: datetime) -> bool:
    """False while the news of a complete Job's pods are late: none of them can still run."""
    at = {job.slice_index: job.complete_at for job in snapshot.current_jobs if job.complete}
    late = [
        at[pod.slice_index]
        for pod in snapshot.current_pods
        if pod.slice_index in at and not (pod.over or pod.program_ended or pod.terminating)
    ]
    return not any(since is not None and timedelta(0) <= now - since < LATE for since in late)


def in_words(snapshot: Snapshot, layout: SliceLayout) -> tuple[str, str]:
    """Reason and message of a job that has succeeded."""
    if snapshot.jaxjob.spec.success_policy == "ProcessZero" and layout.processes > 1:
        message = "process 0 ended with exit code 0, and spec.successPolicy is ProcessZero"
        return reasons.PROCESS_ZERO_SUCCEEDED, message
    everyone = f"all {layout.processes} processes" if layout.processes > 1 else "the process"
    return reasons.SUCCEEDED, f"{everyone} ended with exit code 0"


def _process_zero_is_enough(snapshot: Snapshot) -> bool:
    if snapshot.jaxjob.spec.success_policy != "ProcessZero":
        return False
    return any(
        pod.succeeded for pod in snapshot.current_pods if (pod.slice_index, pod.index) == (0, 0)
    )
