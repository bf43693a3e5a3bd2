"""All that a decision about one CompileCache rests on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jaxop.api.v1alpha1 import CompileCache
from jaxop.domain.jaxjob.views import ContainerWaiting

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A PersistentVolumeClaim."""

    phase: str
    """Pending, Bound or Lost."""
    shareable: bool = True
    """ReadWriteMany is among its access modes."""
    terminating: bool = False
    storage_class: str | None = None
    controller_uid: str | None = None


@dataclass(frozen=True, slots=True)
class KeeperPod:
    name: str
    phase: str
    ip: str = ""
    ready: bool = False
    terminating: bool = False
    created_at: datetime = LONG_AGO
    unschedulable: str | None = None
    """The scheduler's words."""
    waiting: tuple[ContainerWaiting, ...] = ()

    @property
    def alive(self) -> bool:
        return self.phase not in ("Succeeded", "Failed") and not self.terminating


@dataclass(frozen=True, slots=True)
class KeptNamespace:
    digest: str
    entries: int
    bytes: int
    last_used: datetime | None
    in_use: bool


@dataclass(frozen=True, slots=True)
class KeeperReport:
    """What the keeper answers; its counters are since it started."""

    healthy: bool
    problem: str | None = None
    published: int = 0
    refused: int = 0
    last_refusal: str | None = None
    repaired: int = 0
    evicted: int = 0
    entries: int = 0
    bytes: int = 0
    namespace_count: int = 0
    namespaces: tuple[KeptNamespace, ...] = ()
    offers: tuple["Offer", ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What became of the entries that one pod offered."""

    digest: str
    host: str
    published: int
    """Entries that all can read now, those that were there already included."""
    refused: int
    pending: int
    """Not looked at yet."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    cache: CompileCache
    runtime_image: str
    claim: ClaimView | None = None
    """Of the name that it should have, whoever made it."""
    pods: tuple[KeeperPod, ...] = ()
    pod_refusal: str | None = None
    """Why the keeper's pod cannot even be created, in the API server's words."""
    in_use: frozenset[str] = frozenset()
    """Cache namespaces of all pods that are not over, and of Jobs that will make some."""
    told_in_use: frozenset[str] | None = None
    """Those that the keeper has been told; None before it has been told anything."""
    told_at: datetime | None = None
    """When that was last written, if this process saw it."""
    report: KeeperReport | None = None
    """The last one."""
    unheard_since: datetime | None = None
    """Since when there was no report; None while they come."""
    asked_since: datetime | None = None
    """Since when the pod that runs now is asked."""
    written_at: datetime | None = None
    """When the status was last written, if this process saw it."""

    @property
    def keeper_pod(self) -> KeeperPod | None:
        """The newest that lives; not one of a namesake that was deleted."""
        made_at = self.cache.metadata.creation_timestamp or LONG_AGO
        alive = [pod for pod in self.pods if pod.alive and pod.created_at >= made_at]
        return max(alive, key=lambda pod: (pod.created_at, pod.name), default=None)
