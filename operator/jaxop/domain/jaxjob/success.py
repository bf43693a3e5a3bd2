"""Success: every process of every slice has exited with 0."""

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.snapshot import Snapshot


def succeeded(snapshot: Snapshot, layout: SliceLayout) -> bool:
    complete = {job.slice_index for job in snapshot.current_jobs if job.complete}
    return len(complete) == layout.slices
