"""The history of a service: which ControllerRevision is the newest, and which are kept.

A revision that is gone back to keeps its ControllerRevision, with a number higher than all others,
as Deployments have it. Those that nothing runs any more are kept up to revisionHistoryLimit.
"""

from collections.abc import Collection

from jaxop.api.plan import Manifest, ObjectRef
from jaxop.domain.service.children.controller_revision import controller_revision
from jaxop.domain.service.revision import Revision
from jaxop.domain.service.snapshot import Snapshot


def newest(snapshot: Snapshot, revision: Revision) -> Manifest:
    """The ControllerRevision of what the spec describes."""
    known = next((v for v in snapshot.revisions if v.revision == revision.hash), None)
    data = known.data if known is not None else revision.data
    return controller_revision(
        snapshot.service, revision.hash, data, number_of(snapshot, revision.hash)
    )


def number_of(snapshot: Snapshot, updated: str) -> int:
    """Of the revision that the spec describes."""
    highest = max((view.number for view in snapshot.revisions), default=0)
    known = next((v for v in snapshot.revisions if v.revision == updated), None)
    if known is not None and known.number == highest:
        return highest
    return highest + 1


def superfluous(snapshot: Snapshot, in_use: Collection[str]) -> tuple[ObjectRef, ...]:
    """The oldest of those that are not in use, beyond the limit."""
    unused = [view for view in snapshot.revisions if view.revision not in in_use]
    unused.sort(key=lambda view: (view.number, view.name), reverse=True)
    namespace = snapshot.service.metadata.namespace
    return tuple(
        ObjectRef("apps/v1", "ControllerRevision", namespace, view.name, view.uid)
        for view in unused[snapshot.service.spec.revision_history_limit :]
    )
