"""The history of a service: which ControllerRevision is the newest, and which are kept.

A revision that is gone back to keeps its ControllerRevision, with a number higher than all others,
as Deployments have it. Those that nothing runs any more are kept up to revisionHistoryLimit.

What is deleted here nobody can make again once the service has another spec: an operator that does
not know the latest one yet would take its rollout for a way back, and discard what serves.
"""

from collections.abc import Collection

from jaxop.api.plan import Manifest, ObjectRef
from jaxop.domain.service.children.controller_revision import controller_revision
from jaxop.domain.service.revision import Revision
from jaxop.domain.service.snapshot import Snapshot
from jaxop.domain.service.views import RevisionView


def missing(snapshot: Snapshot, revision: Revision) -> tuple[Manifest, ...]:
    """The ControllerRevision of what the spec describes, to be created if it is not there. It is
    never applied: the API server takes data for changed that are written in another order."""
    if any(view.revision == revision.hash for view in snapshot.revisions):
        return ()
    number = number_of(snapshot, revision.hash)
    return (controller_revision(snapshot.service, revision.hash, revision.data, number),)


def outnumbered(snapshot: Snapshot, updated: str) -> tuple[ObjectRef, ...]:
    """That of a revision that is gone back to: deleted, the next pass makes it with a number higher
    than all others."""
    return tuple(
        _reference(snapshot, view)
        for view in snapshot.revisions
        if view.revision == updated and view.number < number_of(snapshot, updated)
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
    kept = snapshot.service.spec.revision_history_limit
    return tuple(_reference(snapshot, view) for view in unused[kept:])


def _reference(snapshot: Snapshot, view: RevisionView) -> ObjectRef:
    namespace = snapshot.service.metadata.namespace
    return ObjectRef("apps/v1", "ControllerRevision", namespace, view.name, view.uid)
