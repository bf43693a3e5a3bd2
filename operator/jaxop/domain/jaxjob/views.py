"""Trimmed views of Kubernetes objects: the few facts that a JaxJob's decisions rest on.

`reading` makes them from JSON; nothing else in `domain` touches a pod's or a Job's raw form.
"""

from dataclasses import dataclass, field
from datetime import datetime

from jaxop.api.v1alpha1.jaxjob_status import Goodput, RestartLedger
from jaxop.domain import contract


@dataclass(frozen=True, slots=True)
class ContainerWaiting:
    container: str
    image: str
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class ContainerEnd:
    container: str
    exit_code: int
    signal: int | None = None
    reason: str = ""
    message: str = ""
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PodView:
    name: str
    uid: str
    attempt: int
    slice_index: int
    index: int
    phase: str = "Pending"
    created_at: datetime | None = None
    node: str = ""
    ip: str = ""
    ready: bool = False
    gone_by: datetime | None = None
    """When a pod that is being deleted has used up its grace period."""
    told_to_go_at: datetime | None = None
    """When a pod that is being deleted was asked to be."""
    unschedulable: str | None = None
    """The scheduler's words, where it could not place the pod."""
    ready_at: datetime | None = None
    disruption: str | None = None
    """The reason of the pod's DisruptionTarget condition."""
    reason: str = ""
    message: str = ""
    waiting: tuple[ContainerWaiting, ...] = ()
    ends: tuple[ContainerEnd, ...] = ()

    @property
    def terminating(self) -> bool:
        return self.gone_by is not None

    @property
    def failed(self) -> bool:
        return self.phase == "Failed"

    @property
    def over(self) -> bool:
        return self.phase in ("Failed", "Succeeded")

    @property
    def counts_as_ready(self) -> bool:
        """A host that has done its part stays counted: a job that ends does not lose its hosts."""
        if self.succeeded:
            return True
        return self.ready and not self.terminating

    @property
    def program_ended(self) -> bool:
        """True a moment before the phase says so."""
        return any(e.container == contract.CONTAINER for e in self.ends)

    @property
    def succeeded(self) -> bool:
        """Its program exited with 0, which is known a moment before the phase says so."""
        return self.phase == "Succeeded" or any(
            e.container == contract.CONTAINER and e.exit_code == 0 for e in self.ends
        )


@dataclass(frozen=True, slots=True)
class JobView:
    name: str
    uid: str
    attempt: int
    slice_index: int
    hosts: int = 1
    complete: bool = False
    complete_at: datetime | None = None
    failed: str | None = None
    """Reason of the Job's Failed or FailureTarget condition."""
    failed_message: str = ""
    failed_at: datetime | None = None
    terminating: bool = False
    suspended: bool = False
    """By somebody who queues it, or because its JaxJob has ended (`lifecycle.finished`)."""
    resumed_at: datetime | None = None
    """When the Job controller saw that a suspended Job may go on."""
    in_place: bool = False
    """As created: its pods wait for the successor of one that is lost."""
    generation: int = 0
    cache_namespace: str | None = None
    """Digest of the cache namespace that its pods read."""

    @property
    def finished(self) -> bool:
        return self.complete or self.failed is not None


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


@dataclass(frozen=True, slots=True)
class NodeView:
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    allocatable: dict[str, str] = field(default_factory=dict)
    cordoned: bool = False
    ready: bool = True
    """False where its kubelet says so, or has not been heard of."""


@dataclass(frozen=True, slots=True)
class GangTimes:
    """When the gang passed its stations; None until it did."""

    launcher_started: datetime | None = None
    all_joined: datetime | None = None
    spawned: datetime | None = None
    initialised: datetime | None = None
    first_compile: datetime | None = None
    first_step: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a gang ended, as its launchers classified it (contract.json, `termination`)."""

    cause: str
    message: str
    process: int | None = None
    host: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    exception_type: str | None = None
    exception_message: str | None = None
    step: int | None = None
    checkpoint_step: int | None = None
    time: datetime | None = None
    by_launcher: bool = False
    """Classified by a launcher, who knows whether there was a step."""


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Somebody outside asked the launcher of one process to stop: its pod is being deleted."""

    process: int
    host: str
    signal: int
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """An epoch that failed and is followed by another, in the same pods as far as they live."""

    epoch: int
    cause: Cause
    retry_at: datetime | None = None
    """Not before this time, where the restart policy makes it wait."""
    spawned: datetime | None = None
    """When all programs of the next epoch ran."""


@dataclass(frozen=True, slots=True)
class CompilationReport:
    """What a program has compiled and found in the cache (contract.json, `compile` and `cache`)."""

    namespace: str | None = None
    problem: str | None = None
    """Why its launcher does not use the cache as it should be."""
    requests: int = 0
    hits: int = 0
    read_errors: int = 0
    not_loadable: int = 0
    """Entries that were found, for devices that are not there."""
    linked: int = 0
    """Published entries that it was given."""
    refused: int = 0
    """Those that it was not."""
    retrieval_seconds: float = 0.0
    saved_seconds: float = 0.0
    first_step_requests: int | None = None
    """As it was after the first step, as all that begins so."""
    first_step_hits: int | None = None
    first_step_retrieval_seconds: float | None = None
    first_step_saved_seconds: float | None = None
    first_step_seconds: float | None = None
    """Since the program's start."""
    compile_seconds: float = 0.0
    recompilations: int | None = None
    """None where that is not told."""
    last_recompilation: str | None = None
    offered: int = 0
    """New entries that it has handed to the keeper."""
    offered_bytes: int = 0
    never_kept: int = 0
    """Requests for functions that call back into Python, which JAX writes no entry of."""
    never_kept_functions: tuple[str, ...] = ()
    first_step_never_kept: int | None = None

    @property
    def says_anything(self) -> bool:
        """False until the program has compiled something."""
        told = self.requests or self.compile_seconds or self.recompilations
        return bool(told) or self.first_step_seconds is not None


@dataclass(frozen=True, slots=True)
class LastWords:
    """A launcher's termination message (contract.json, `termination`)."""

    ended: bool
    """The gang has ended; False: this pod alone left, and the others wait for its successor."""
    cause: Cause | None = None
    step: int | None = None
    checkpoint_step: int | None = None
    ledger: RestartLedger | None = None
    """Before `cause` was judged."""
    goodput: Goodput | None = None
    epoch: int = 0
    compilation: CompilationReport | None = None
    compile_seconds: float = 0.0
    times: GangTimes = GangTimes()
    """Of `epoch`."""


@dataclass(frozen=True, slots=True)
class GangReport:
    """What launcher 0 answered (contract.json, `status`)."""

    attempt: int
    epoch: int
    num_processes: int
    state: str
    joined: int = 0
    missing: tuple[int, ...] = ()
    step: int | None = None
    checkpoint_step: int | None = None
    compile_seconds: float = 0.0
    times: GangTimes = GangTimes()
    stop: StopRequest | None = None
    ledger: RestartLedger | None = None
    restarts: tuple[EpochEnd, ...] = ()
    """Oldest first."""
    goodput: Goodput | None = None
    """Of this attempt."""
    compilation: CompilationReport | None = None
    """Of process 0 in this epoch; None from an older launcher."""
    cause: Cause | None = None
