"""JaxJob: one training program on all processes of one or more slices."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .accelerator_class import ChipCount, TopologyName
from .common import Condition, KubeModel, MicroTime, ObjectMeta, Time

State = Literal[
    "Pending",
    "Scheduling",
    "WaitingForPeers",
    "Compiling",
    "Running",
    "Restarting",
    "Suspended",
    "Succeeded",
    "Failed",
]
FINISHED: frozenset[State] = frozenset({"Succeeded", "Failed"})

ConditionType = Literal["Ready", "Reconciling", "Stalled", "Succeeded", "Failed"]

Cause = Literal[
    "ProgramError",
    "DeviceOutOfMemory",
    "HostOutOfMemory",
    "PeerLost",
    "NodeLost",
    "Preempted",
    "DeviceMismatch",
    "NumericalError",
    "CompileFailed",
    "ImagePull",
    "Unschedulable",
    "Deadline",
]

PROGRAM_CONTAINER = "jax"
TIMELINE_LENGTH = 32

PodTemplate = dict[str, Any]
"""A PodTemplateSpec as the user wrote it."""

Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
DnsSubdomain = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253
    ),
]


class Accelerator(KubeModel):
    """What the job runs on. Give `topology` for a TPU, `hosts` and `chipsPerHost` for a GPU,
    `hosts` alone for cpu."""

    class_: Annotated[DnsSubdomain, Field(alias="class")]
    """Name of an AcceleratorClass, such as tpu-v5e, nvidia-h100 or cpu
    (`kubectl get acceleratorclasses`)."""

    topology: TopologyName | None = None
    """Chips of one slice along each axis, such as 4x4. For classes that have topologies."""

    hosts: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Hosts of one slice, 1 if absent. For classes without topologies."""

    chips_per_host: ChipCount | None = None
    """Chips on each host. Needed on a GPU; with a topology only where the class offers it on hosts
    of several sizes."""

    slices: Annotated[int, Field(ge=1, le=256)] = 1
    """How many slices of this shape train together, over the data-center network between them."""


class Checkpoint(KubeModel):
    """Where the program keeps its checkpoints."""

    volume_claim: DnsSubdomain
    """Name of a PersistentVolumeClaim in the job's namespace. Several hosts need one that many
    nodes can mount (ReadWriteMany)."""

    path: Annotated[str, Field(pattern=r"^/[^:]*[^:/]$", max_length=512)] = "/checkpoints"
    """Where the volume is mounted in the program's container."""

    grace_seconds: Annotated[int, Field(ge=0, le=86400)] = 60
    """Seconds that the program has between SIGTERM and SIGKILL to write a last checkpoint."""


class RestartPolicy(KubeModel):
    """What happens when the program or a host fails."""

    max_restarts: Annotated[int, Field(ge=0, le=10000)] = 3
    """How often the whole job may start again before it is Failed."""


class JaxJobSpec(KubeModel):
    """What the user wants."""

    accelerator: Accelerator
    """What the job runs on. Cannot change after creation."""

    template: PodTemplate
    """The pods, as an ordinary PodTemplateSpec. The container named "jax" is the program, and needs
    an image and a command; one process of it runs on each host. Cannot change after creation."""

    checkpoint: Checkpoint | None = None
    """Where the program keeps its checkpoints. Cannot change after creation."""

    restart_policy: RestartPolicy = RestartPolicy()
    """What happens when the program or a host fails."""

    suspend: bool = False
    """While true the job has no pods. Setting it on a running job stops it; setting it back starts
    the program again, from its checkpoint if it has one."""


class Hosts(KubeModel):
    """Hosts of all slices."""

    wanted: Count
    """Hosts that the job needs."""

    ready: Count
    """Hosts whose pod is ready."""

    summary: str
    """`ready/wanted`, for the table of `kubectl get`."""


class Failure(KubeModel):
    """The first thing that went wrong in the last attempt that failed."""

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

    restarts: Count = 0
    """How often the whole job started again."""

    attempt: Count = 0
    """The current attempt, from 0; the children's names carry it."""

    start_time: Time | None = None
    """When the operator first acted on the job."""

    completion_time: Time | None = None
    """When the job succeeded or failed for good."""

    failure: Failure | None = None
    """The first thing that went wrong in the last attempt that failed."""

    timeline: Annotated[tuple[TimelineEntry, ...], Field(max_length=TIMELINE_LENGTH)] = ()
    """The last states that the job was in, oldest first."""

    startup: Startup | None = None
    """Where the time went before the first step."""

    conditions: tuple[Condition, ...] = ()
    """Ready, Reconciling, Stalled, Succeeded and Failed, as kstatus reads them."""


class JaxJob(KubeModel):
    """A JAX training program on one or more TPU slices, GPU hosts or plain CPU hosts. All its
    processes start together, fail together and restart together."""

    api_version: Literal["jaxop.dev/v1alpha1"] = "jaxop.dev/v1alpha1"
    kind: Literal["JaxJob"] = "JaxJob"
    metadata: ObjectMeta
    spec: JaxJobSpec
    """What the user wants."""

    status: JaxJobStatus = JaxJobStatus()
    """What the operator saw."""
