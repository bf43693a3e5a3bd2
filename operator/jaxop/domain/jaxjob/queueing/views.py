"""What Kueue's objects say, as far as a JaxJob's decisions rest on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from jaxop.api.plan import Manifest


@dataclass(frozen=True, slots=True)
class QueueCondition:
    """One condition of a Workload."""

    holds: bool
    reason: str = ""
    message: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlacementChange:
    """What a flavour, or an admission check, wants of the pods: all of it is added, nothing
    replaced."""

    source: str
    """For messages: `ResourceFlavor spot`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Manifest, ...] = ()


@dataclass(frozen=True, slots=True)
class AdmissionCheckView:
    name: str
    state: str
    message: str = ""
    change: PlacementChange | None = None


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """A JaxJob's own Workload."""

    name: str
    uid: str
    resource_version: str
    generation: int = 1
    active: bool = True
    terminating: bool = False
    conditions: Mapping[str, QueueCondition] = field(default_factory=dict)
    raw_conditions: tuple[Mapping[str, Any], ...] = ()
    cluster_queue: str = ""
    flavors: tuple[str, ...] = ()
    """Names of the ResourceFlavors assigned to it."""
    checks: tuple[AdmissionCheckView, ...] = ()

    def holds(self, condition: str) -> bool:
        found = self.conditions.get(condition)
        return found is not None and found.holds

    @property
    def reserved(self) -> bool:
        return self.holds("QuotaReserved")

    @property
    def evicted(self) -> bool:
        return self.holds("Evicted")

    @property
    def finished(self) -> bool:
        return self.holds("Finished")

    @property
    def granted(self) -> bool:
        """Pods may run on its quota."""
        if self.evicted or self.finished or self.terminating:
            return False
        return self.reserved and self.holds("Admitted")


@dataclass(frozen=True, slots=True)
class QueuePriority:
    kind: Literal["WorkloadPriorityClass", "PriorityClass"]
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class KueueView:
    """What Kueue has for one JaxJob of several slices.

    `version` is that of its API which the server serves.
    """

    version: str
    workload: WorkloadView | None = None
    flavors: Mapping[str, PlacementChange] = field(default_factory=dict)
    """Those assigned to the Workload, by name, as far as they exist."""
    priority: QueuePriority | None = None
