"""What status.compilation says of the CompileCache before any launcher has said a word, and where
there is none: which cache namespace the pods read, or why they are without."""

from typing import Final

from jaxop.api.v1alpha1.jaxjob_status import Compilation
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.compile_cache import compiling
from jaxop.domain.jaxjob.snapshot import Snapshot

NOTHING: Final = Compilation()


def with_cache_use(
    snapshot: Snapshot, layout: SliceLayout, told: Compilation | None
) -> Compilation | None:
    """`told` is by launchers. Of Jobs that exist, what they were made with: they do not change any
    more."""
    new = told or NOTHING
    jobs, asked = snapshot.current_jobs, snapshot.jaxjob.spec.compile_cache
    if not jobs:
        wanted = compiling(snapshot, layout)
        digest = wanted.shared.digest if wanted.shared is not None else None
        new = new.replace(cache_namespace=digest, problem=wanted.problem)
    elif asked is not None:
        new = new.replace(cache_namespace=jobs[0].cache_namespace)
        if new.cache_namespace is None and new.problem is None:
            unknown = f"CompileCache {asked.name} could not be used when the pods were made"
            new = new.replace(problem=unknown)
    return told if new == NOTHING else new
