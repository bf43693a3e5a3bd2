"""The Warmup of a revision: shared with whoever has the same program.

Only what decides on the compiled programs is in it, so that a change of the queue or of the drain
asks for no other.
"""

from dataclasses import replace

from jaxop.api.plan import Manifest
from jaxop.domain.jaxjob.snapshot import Snapshot as JaxJobSnapshot
from jaxop.domain.jaxjob.warming import asked
from jaxop.domain.service.replica import Described, as_jaxjob, as_snapshot, to_compile
from jaxop.domain.service.revision import Revision
from jaxop.domain.service.snapshot import Snapshot


def warmup(snapshot: Snapshot, described: Described) -> Manifest:
    """It goes with its CompileCache. `snapshot.compile_cache` must be there."""
    return asked.warmup(_program(snapshot, described.revision), described.layout)


def warmup_name(snapshot: Snapshot, described: Described) -> str:
    return asked.warmup_name(_program(snapshot, described.revision), described.layout)


def _program(snapshot: Snapshot, revision: Revision) -> JaxJobSnapshot:
    compiled = replace(revision, spec=to_compile(revision.spec))
    return as_snapshot(snapshot, as_jaxjob(snapshot, compiled, serves=False), compiled)
