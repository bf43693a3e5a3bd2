"""The contract between those who decide (`domain`) and the one who acts (`kube`).

A decider is a pure function `decide(snapshot, now) -> Plan`. Restarting, deleting and creating are
expressed as state: the status says which attempt is wanted, children carry the attempt's label,
and the next pass deletes those that are stale. A crash between any two writes is then harmless.
"""

from dataclasses import dataclass
from typing import Any, Literal

Manifest = dict[str, Any]
"""A Kubernetes object as decoded JSON."""


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """Names one object; `uid`, where given, is a precondition of its deletion."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str | None = None

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an object's story, in the words of `kubectl describe`."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class StatusPatch:
    """A change of a child's status, where that is ours to report to another controller.

    `status` is a merge patch. It is sent only for exactly the object, and the version of it, that
    was decided on.
    """

    ref: ObjectRef
    resource_version: str
    status: Manifest


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass wants; the executor does it in the order of the fields.

    `create`: what is made once and never written again (a pod of a Job), with `ownerReferences` of
    its own, of the object itself or of a child of it. `apply`: children; each gets the object's
    controller owner reference unless it brings `ownerReferences` itself, is created if absent and
    server-side applied if it should differ. An owner that is being deleted gets neither.
    `end`: child Jobs that make no pod any more; their pods that are over stay, with their logs.
    `delete`: children, or children's children, with the uid that was seen; or the object itself,
    whose life is over, if it is still as it was seen.
    `discard`: as `delete`, of children that nobody can make again: only while the object is as it
    was seen.
    `child_status`: what other controllers are told in the status of children.
    `status` is the whole wanted `.status` of the object itself: written once, last, and only if
    it differs. `events` are emitted only if that write succeeded. `requeue_after` is in seconds.
    """

    create: tuple[Manifest, ...] = ()
    apply: tuple[Manifest, ...] = ()
    end: tuple[ObjectRef, ...] = ()
    delete: tuple[ObjectRef, ...] = ()
    discard: tuple[ObjectRef, ...] = ()
    child_status: tuple[StatusPatch, ...] = ()
    status: Manifest | None = None
    events: tuple[Event, ...] = ()
    requeue_after: float | None = None
