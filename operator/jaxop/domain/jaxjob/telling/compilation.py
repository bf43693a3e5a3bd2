"""status.compilation: where an attempt's pods have their compiled programs from."""

from typing import Final

from jaxop.api.v1alpha1.jaxjob_status import Compilation
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.compile_cache import compiling
from jaxop.domain.jaxjob.snapshot import Snapshot

NOTHING: Final = Compilation()


def compilation(snapshot: Snapshot, layout: SliceLayout) -> Compilation | None:
    """Of Jobs that exist, what they were made with: they do not change any more."""
    old = snapshot.jaxjob.status.compilation
    namespace, problem = _made_with(snapshot, layout)
    new = (old or NOTHING).replace(cache_namespace=namespace, problem=problem)
    return old if new == NOTHING else new


def _made_with(snapshot: Snapshot, layout: SliceLayout) -> tuple[str | None, str | None]:
    jobs, asked = snapshot.current_jobs, snapshot.jaxjob.spec.compile_cache
    if not jobs:
        wanted = compiling(snapshot, layout)
        return wanted.shared.digest if wanted.shared else None, wanted.problem
    old = snapshot.jaxjob.status.compilation
    told = old.problem if old is not None else None
    namespace = jobs[0].cache_namespace
    if namespace is not None or asked is None or told is not None:
        return namespace, told
    return None, f"CompileCache {asked.name} could not be used when the pods were made"
