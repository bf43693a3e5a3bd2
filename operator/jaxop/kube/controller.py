"""What a controller is: which objects wake which key, `observe`, `decide`.

A controller does no I/O. `observe` reads stores, `decide` and `refused` are pure; the loop
(`kube/loop.py`) calls them and hands the Plan to the executor (`kube/apply.py`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from jaxop.api.plan import Manifest, ObjectRef, Plan
from jaxop.kube.children import MANAGED_BY_LABEL, MANAGED_BY_US
from jaxop.kube.resources import Key, Resource, key_of
from jaxop.kube.store import IndexFunc, Stores, Trim, drop_managed_fields

MANAGED_BY = f"{MANAGED_BY_LABEL}={MANAGED_BY_US}"
"""The label selector of everything that the operator creates."""

KeysOf = Callable[[Manifest, Stores], Iterable[Key]]


@dataclass(frozen=True, slots=True)
class Watch:
    """One kind that a controller reads, and whom a change of it wakes.

    `settle_seconds` delays the wake-up so that a burst (the pods of one job) makes one pass.
    A change that `trim` hides wakes nobody. Controllers may watch the same kind if selector and
    trim are the same.
    """

    resource: Resource
    keys_of: KeysOf
    selector: str = MANAGED_BY
    trim: Trim = drop_managed_fields
    indexes: Mapping[str, IndexFunc] = field(default_factory=dict)
    settle_seconds: float = 0.0


def wake_itself(obj: Manifest, _: Stores) -> Iterable[Key]:
    """For a controller's own kind."""
    return (key_of(obj),)


def wake_nobody(_: Manifest, __: Stores) -> Iterable[Key]:
    return ()


def wake_label(kind: str, label: str) -> KeysOf:
    """Wakes the object of `kind`, in the same namespace, that `label` names."""

    def keys(obj: Manifest, _: Stores) -> Iterable[Key]:
        metadata = obj["metadata"]
        name = (metadata.get("labels") or {}).get(label)
        return (Key(kind, metadata.get("namespace", ""), name),) if name else ()

    return keys


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write of a child that the API server will go on refusing until somebody changes something.

    NameConflict: an object of that name exists and is not ours. Invalid: the object (in the end
    the user's template) does not validate. Forbidden: quota, admission or RBAC. `message` is a
    sentence for the user.
    """

    ref: ObjectRef
    reason: Literal["NameConflict", "Invalid", "Forbidden"]
    message: str


S = TypeVar("S")


class Controller(Protocol[S]):
    @property
    def name(self) -> str:
        """Also the field manager of its writes: "jax-operator-jaxjob"."""
        ...

    @property
    def resource(self) -> Resource:
        """Its own kind: keys name objects of it, plans' status is written to it."""
        ...

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Its own kind need not be among them, unless it wants a trim or indexes: then
        with `wake_itself` and selector ""."""
        ...

    def observe(self, key: Key, stores: Stores) -> S | None:
        """All that `decide` needs, from stores; None if there is nothing to do."""
        ...

    def decide(self, snapshot: S, now: datetime) -> Plan:
        """Pure. `now` is UTC. `plan.status` must be written so that it is a fixed point:
        the same snapshot later gives the same status."""
        ...

    def refused(self, snapshot: S, refusals: tuple[Refusal, ...], now: datetime) -> Plan:
        """What to write instead of the decided status when children were refused: Stalled.

        Pure; only `status` and `events` of the result are used. The loop retries with backoff."""
        ...
