"""The layout of an attempt whose Jobs exist, read from them.

An AcceleratorClass can change, or go, while jobs run on it: they run on undisturbed, and only
what is yet to be created is stalled.
"""

from dataclasses import replace

from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.problem import Problem


def layout_as_created(
    snapshot: Snapshot, wanted: SliceLayout | tuple[Problem, ...]
) -> SliceLayout | tuple[Problem, ...]:
    """`wanted` until all Jobs of the attempt exist; from then on nothing is created from it."""
    request = snapshot.jaxjob.spec.accelerator
    jobs = snapshot.current_jobs
    if len({job.slice_index for job in jobs}) < request.slices:
        return wanted
    if isinstance(wanted, SliceLayout):
        return replace(wanted, hosts=jobs[0].hosts)
    return SliceLayout(
        class_name=request.class_,
        platform="cpu",
        slices=request.slices,
        hosts=jobs[0].hosts,
        chips_per_host=0,
        resource=None,
        topology=request.topology,
        node_selector=(),
        node_selector_terms=(),
        tolerations=(),
    )
