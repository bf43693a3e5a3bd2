"""Trimmed views of what belongs to a JaxService. `reading` makes them from JSON."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from jaxop.api.plan import Manifest
from jaxop.domain.jaxjob.views import ContainerEnd, GangReport, PodView


@dataclass(frozen=True, slots=True)
class RevisionView:
    """A ControllerRevision. Its data never changes; its number may rise."""

    name: str
    uid: str
    revision: str
    """The hash."""
    number: int
    data: Manifest
    """`{"spec": ..., "runtime": ...}`, see `revision`."""


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """The Deployment of one revision of single-host replicas."""

    name: str
    uid: str
    revision: str
    replicas: int
    """`spec.replicas`."""
    template: Manifest
    """`spec.template` as it is: never built anew while the Deployment exists."""
    existing: int = 0
    """`status.replicas`."""
    settled: bool = True
    """The Deployment controller has seen the last change of its spec."""
    refused: str | None = None
    """What its condition ReplicaFailure says: pods could not be made."""
    terminating: bool = False


@dataclass(frozen=True, slots=True)
class ReplicaJobView:
    """The JaxJob that is one multi-host replica."""

    name: str
    uid: str
    revision: str
    index: int
    """Of the replica, from 0: not of a process."""
    state: str | None = None
    reason: str | None = None
    message: str = ""
    completed_at: datetime | None = None
    terminating: bool = False


@dataclass(frozen=True, slots=True)
class ReplicaPodView:
    """A pod with the labels of a JaxService: of a Deployment, or of a replica's JaxJob."""

    pod: PodView
    """`pod.index` is the process in its replica; process 0 serves."""
    revision: str
    replica: int | None = None
    """Which replica it is of, by its JaxJob; None for one of a Deployment."""
    restarts: int = 0
    """Of the container "jax", as Kubernetes counts them."""
    last_end: ContainerEnd | None = None
    """How the container "jax" ended last, though it may run again."""

    @property
    def serves(self) -> bool:
        """Requests reach it."""
        return self.pod.index == 0 and self.pod.ready and not self.pod.terminating


ServerState = Literal["Loading", "Ready", "Unready", "Draining"]


@dataclass(frozen=True, slots=True)
class ServingReport:
    """What a model server says of itself (contract.json, `status.serving`). Rates, latencies and
    shares are of the last minute."""

    model: str
    version: str
    state: ServerState
    reason: str | None = None
    buckets_ready: int = 0
    buckets_total: int = 0
    seconds_left: float | None = None
    load_seconds: float | None = None
    ready_at: datetime | None = None
    requests_per_second: float = 0.0
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    p99_seconds: float | None = None
    queued: int = 0
    queued_seconds: float = 0.0
    in_flight: int = 0
    requests: int = 0
    refused: int = 0
    failed: int = 0
    utilization: float = 0.0
    padding: float = 0.0
    compiles_after_ready: int = 0
    parameters_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """The answer of one replica's launcher of process 0."""

    gang: GangReport
    serving: ServingReport | None = None
    """None before the server has said anything."""
