"""JaxJob: one training program on all processes of one or more slices."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .accelerator_class import ChipCount, TopologyName
from .common import DnsSubdomain, KubeModel, LabelKey, ObjectMeta, VersionPrefix
from .jaxjob_status import JaxJobStatus
from .restart_policy import RestartPolicy

PROGRAM_CONTAINER = "jax"

MANAGER = "jaxop.dev/jax-operator"
"""`spec.managedBy` of the jobs that this operator acts on, and the default."""

PodTemplate = dict[str, Any]
"""A PodTemplateSpec as the user wrote it."""

DomainPath = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[^\s]+$",
        max_length=63,
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


class Preflight(KubeModel):
    """What is checked on every host before the program's first step, so that it never trains on
    something else than was asked for."""

    mode: Literal["Enforce", "Report", "Off"] = "Enforce"
    """Enforce ends the attempt with DeviceMismatch; Report only says so in the log; Off checks
    nothing, for example on a node that only plays an accelerator."""

    jax: VersionPrefix | None = None
    """Version of jax that the image must have, or its beginning: 0.12 allows 0.12.1."""

    jaxlib: VersionPrefix | None = None
    """Version of jaxlib that the image must have, or its beginning."""

    free_memory_percent: Annotated[int, Field(ge=0, le=100)] = 75
    """Share of each device's memory that must be free before the program starts, where the device
    tells. XLA by default takes 75 percent at once."""


class Scheduling(KubeModel):
    """How the scheduler treats the pods of a slice together."""

    topology_key: LabelKey | None = None
    """Node label, such as cloud.google.com/gke-nodepool: all pods of a slice run on nodes with one
    value of it, and no two slices share a value. Absent, the AcceleratorClass's own holds for
    slices of several hosts."""

    gang: Literal["None", "Workload"] = "None"
    """Workload asks Kubernetes' own gang scheduling (scheduling.k8s.io Workload) to place all pods
    of a slice or none."""


class CompileCacheUse(KubeModel):
    """Where compiled programs come from, so that a start need not compile."""

    name: DnsSubdomain
    """Name of a CompileCache in the job's namespace."""

    warmup: Literal["None", "Wait", "Background"] = "None"
    """Whether the operator warms the cache with this program first: Wait makes the job's pods only
    when it is warm, Background starts cold meanwhile. Jobs with the same program share one
    Warmup."""

    on_warmup_failure: Literal["StartCold", "Fail"] = "StartCold"
    """What a job that waits does when its warmup has failed."""


class JaxJobSpec(KubeModel):
    """What the user wants."""

    accelerator: Accelerator
    """What the job runs on. Cannot change after creation."""

    template: PodTemplate
    """The pods, as an ordinary PodTemplateSpec. The container named "jax" is the program, and needs
    an image and a command; one process of it runs on each host. Can change only while the job is
    suspended."""

    runtime: DnsSubdomain | None = None
    """Name of a JaxRuntime that supplies the image, where the container "jax" names none, and the
    versions, environment and XLA flags. Can change only while the job is suspended."""

    compile_cache: CompileCacheUse | None = None
    """Where compiled programs come from. A change holds from the next attempt on."""

    checkpoint: Checkpoint | None = None
    """Where the program keeps its checkpoints. Cannot change after creation."""

    restart_policy: RestartPolicy = RestartPolicy()
    """What happens when the program or a host fails. A change holds from the next attempt on."""

    success_policy: Literal["AllProcesses", "ProcessZero"] = "AllProcesses"
    """Whose exit with code 0 makes the job Succeeded. With ProcessZero the others are stopped when
    process 0 has ended."""

    preflight: Preflight = Preflight()
    """What is checked on every host before the program's first step."""

    scheduling: Scheduling = Scheduling()
    """How the scheduler treats the pods of a slice together."""

    suspend: bool = False
    """While true the job has no pods. Setting it on a running job stops it; setting it back starts
    the program again, from its checkpoint if it has one."""

    active_deadline_seconds: Annotated[int, Field(ge=1, le=315360000)] | None = None
    """How long the job may run, all attempts together and without the time that it was suspended,
    before it is stopped and Failed."""

    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=315360000)] | None = None
    """How long after its end the job is deleted, with its pods and their logs. Absent, it stays.
    Not for jobs that a GitOps tool applies: it would create them again, and they would run anew."""

    managed_by: DomainPath = MANAGER
    """Who acts on this job. Another value than the default makes this operator leave it alone, for
    example for MultiKueue. Cannot change after creation."""


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
