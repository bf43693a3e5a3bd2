"""What the operator says of a JaxJob."""

from typing import Annotated, Literal

from pydantic import Field

from .cause import Cause
from .common import Condition, KubeModel, MicroTime, Time

State = Literal[
    "Pending",
    "Queued",
    "Scheduling",
    "WaitingForPeers",
    "Compiling",
    "Running",
    "Checkpointing",
    "Restarting",
    "Suspended",
    "Succeeded",
    "Failed",
]
FINISHED: frozenset[State] = frozenset({"Succeeded", "Failed"})

ConditionType = Literal["Ready", "Reconciling", "Stalled", "Succeeded", "Failed"]

TIMELINE_LENGTH = 32
MAX_LOST_PODS = 64

Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class Hosts(KubeModel):
    """Hosts of all slices."""

    wanted: Count
    """Hosts that the job needs."""

    ready: Count
    """Hosts whose pod is ready."""

    summary: str
    """`ready/wanted`, for the table of `kubectl get`."""


class Failure(KubeModel):
    """The first thing that went wrong in the last epoch that failed."""

    cause: Cause
    """What kind of failure it was."""

    process: Count | None = None
    """Id of the process that failed first."""

    host: str | None = None
    """Name of its pod."""

    exit_code: int | None = None
    """Exit code of its program."""

    signal: int | None = None
    """Number of the signal that ended its program."""

    exception: str | None = None
    """Type of the exception that ended its program."""

    step: Count | None = None
    """The last step that had been reported."""

    lost_steps: Count | None = None
    """Steps since the last checkpoint, which the failure threw away; absent if the program does not
    tell of its checkpoints."""

    message: Annotated[str, Field(max_length=4096)]
    """What happened, as one sentence."""

    time: Time | None = None
    """When."""


class TimelineEntry(KubeModel):
    """The job entered a state."""

    state: State
    """The state entered."""

    reason: str
    """Why."""

    attempt: Count
    """The attempt it belongs to, from 0."""

    epoch: Count | None = None
    """The epoch of that attempt it belongs to, from 1."""

    process: Count | None = None
    """Where a failure led here: the process that failed first."""

    exit_code: int | None = None
    """The exit code of its program."""

    lost_steps: Count | None = None
    """Steps since the last checkpoint, which it threw away."""

    time: MicroTime
    """When."""


class Startup(KubeModel):
    """Where the time went before the first step of the current attempt, in seconds."""

    schedule_seconds: Seconds | None = None
    """From the attempt's start until the first launcher ran."""

    join_seconds: Seconds | None = None
    """Until all launchers had joined."""

    initialise_seconds: Seconds | None = None
    """Until JAX was initialised on all processes."""

    compile_seconds: Seconds | None = None
    """Of what is left until the first step, the part that XLA spent compiling."""

    first_step_seconds: Seconds | None = None
    """The rest of it: tracing, data, and the step itself."""


class Compilation(KubeModel):
    """What process 0 of the current epoch compiled, and what the compile cache saved."""

    cache_namespace: str | None = None
    """Digest of the cache namespace that the pods read; absent without a CompileCache."""

    problem: str | None = None
    """Why the cache is not used as it should be, as one sentence."""

    requests: Count = 0
    """Compilations that asked JAX's cache."""

    hits: Count = 0
    """Those that it answered."""

    summary: str | None = None
    """`hits/requests`, for the table of `kubectl get`."""

    read_errors: Count = 0
    """Entries that could not be read, and were compiled instead."""

    not_loadable: Count = 0
    """Entries that were found for devices that are not there, and that only these can load."""

    offered: Count = 0
    """New entries handed to the CompileCache's keeper."""

    offered_bytes: Count = 0
    """Their size."""

    seconds: Seconds = 0.0
    """What compiling took, reading entries included."""

    saved_seconds: Seconds = 0.0
    """What the hits would have taken to compile, as their entries say."""

    first_step_seconds: Seconds | None = None
    """From the program's start to the end of its first step."""

    start: Literal["Warm", "Partial", "Cold"] | None = None
    """Whether the first step found all of its programs in the cache, some, or none."""

    first_step: str | None = None
    """The same in words, such as `4.6s (warm; cold was 12.1s)`."""

    recompilations: Count = 0
    """Compilations after the first step: a shape or a constant changed."""

    last_recompilation: Annotated[str, Field(max_length=512)] | None = None
    """The last of them, with what changed: `train_step: x float32[32,64] -> float32[17,64]`."""

    never_kept: Count = 0
    """Of `requests`, those that no cache can answer: their functions call back into Python."""

    never_kept_functions: Annotated[tuple[str, ...], Field(max_length=4)] = ()
    """Some of these functions."""


class SameFailure(KubeModel):
    """The last failure, and how often it came in a row."""

    cause: Cause
    """Its cause."""

    step: Count | None = None
    """The last step before it; absent if there was none."""

    repeats: Annotated[int, Field(ge=1)] = 1
    """How often in a row a failure had this cause at this step."""


class RestartLedger(KubeModel):
    """What the restart policy goes by."""

    restarts: Count = 0
    """How often the programs started again, all restarts counted."""

    charges: Annotated[tuple[Count, ...], Field(max_length=128)] = ()
    """When the failures happened that count against maxRestarts, in milliseconds since 1970, oldest
    first; those that have left the window may be absent."""

    last: SameFailure | None = None
    """The last failure."""


class Goodput(KubeModel):
    """What the job's time so far was spent on, in seconds. The parts add up to the whole."""

    scheduling_seconds: Seconds = 0.0
    """Until all hosts of the first attempt had started and joined."""

    initialisation_seconds: Seconds = 0.0
    """Starting the programs, until JAX was initialised on all of them."""

    compile_seconds: Seconds = 0.0
    """Compiling, in process 0."""

    data_seconds: Seconds = 0.0
    """Waiting for data, as far as the program tells."""

    checkpoint_seconds: Seconds = 0.0
    """Saving and restoring checkpoints, as far as the program or Orbax tells."""

    productive_seconds: Seconds = 0.0
    """Steps whose result was kept."""

    wasted_seconds: Seconds = 0.0
    """Steps that were lost because they were not in a checkpoint yet."""

    recovery_seconds: Seconds = 0.0
    """From a failure until all programs had started again."""

    other_seconds: Seconds = 0.0
    """What nobody can say: mostly the program's own preparations before its first step."""

    percent: Annotated[str, Field(max_length=8)] | None = None
    """productiveSeconds as a share of the whole, such as `87.3`."""


class GoodputBase(KubeModel):
    """What the next account of a gang is added to."""

    before: Goodput | None = None
    """All that has ended: earlier gangs, and the waiting for the present one."""

    recovering: bool = False
    """Waiting for a gang is recovery from a failure, not scheduling."""

    waiting_since: MicroTime | None = None
    """Since when there has been no gang; absent while there is one, or none is wanted."""

    launcher_started: MicroTime | None = None
    """When launcher 0 of the present gang started, from which on it accounts for its time."""


class JaxJobStatus(KubeModel):
    """What the operator saw."""

    observed_generation: Count | None = None
    """The `metadata.generation` that this status is for."""

    state: State | None = None
    """Where the job stands."""

    reason: str | None = None
    """Why, as one CamelCase word that programs can compare."""

    message: str | None = None
    """Why, as one sentence that a person can act on."""

    accelerator: str | None = None
    """What the job runs on, in short: `tpu-v5e 4x4 x2`."""

    hosts: Hosts | None = None
    """Hosts of all slices."""

    step: Count | None = None
    """Last training step that process 0 reported."""

    checkpoint_step: Count | None = None
    """Last training step that is safe in a checkpoint, as the program says."""

    restarts: Count = 0
    """How often the programs started again, in place or in new pods."""

    attempt: Count = 0
    """The current attempt, from 0; the children's names carry it. A new one has new pods."""

    epoch: Count | None = None
    """The current epoch of the attempt, from 1; each restart in place begins a new one."""

    start_time: Time | None = None
    """When the operator first acted on the job."""

    active_since: MicroTime | None = None
    """Since when the clock of activeDeadlineSeconds runs; absent while it stands: suspended,
    queued, not startable, or over."""

    active_seconds: Seconds | None = None
    """What that clock had counted when it last stood still."""

    completion_time: Time | None = None
    """When the job succeeded or failed for good."""

    failure: Failure | None = None
    """The first thing that went wrong in the last epoch that failed."""

    restart_ledger: RestartLedger | None = None
    """What the restart policy goes by."""

    lost_pods: Annotated[tuple[str, ...], Field(max_length=MAX_LOST_PODS)] = ()
    """Uids of the attempt's pods that were lost, and whose loss has been dealt with."""

    goodput: Goodput | None = None
    """What the job's time was spent on, over all attempts, but for Suspended and Queued."""

    goodput_base: GoodputBase | None = None
    """How much of goodput is not the present gang's; absent once the job is over."""

    timeline: Annotated[tuple[TimelineEntry, ...], Field(max_length=TIMELINE_LENGTH)] = ()
    """The last states that the job was in, oldest first."""

    startup: Startup | None = None
    """Where the time went before the first step."""

    compilation: Compilation | None = None
    """What was compiled, and what the compile cache saved."""

    conditions: tuple[Condition, ...] = ()
    """Ready, Reconciling, Stalled, Succeeded and Failed, as kstatus reads them."""
