"""JaxService: one JAX model, served by replicas that are replaced without anybody noticing."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .common import DnsSubdomain, KubeModel, ObjectMeta
from .jaxjob import Accelerator, CompileCacheUse, PodTemplate, Preflight
from .jaxservice_status import JaxServiceStatus

VolumeSource = dict[str, Any]
"""A Volume as in a pod, without its name."""

MAX_BUCKETED_DIMENSIONS = 8
MAX_BUCKET_SIZES = 32

BucketSizes = Annotated[
    tuple[Annotated[int, Field(ge=1, le=16777216)], ...],
    Field(min_length=1, max_length=MAX_BUCKET_SIZES),
]


class Model(KubeModel):
    """What is served."""

    entry: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$",
            max_length=253,
        ),
    ]
    """The factory that makes the model, as module:function, such as minilm.serving:model. The
    module is in the image."""

    path: Annotated[str, Field(pattern=r"^/[^:]*[^:/]$", max_length=512)] = "/models"
    """Where the volume is mounted, read-only. The factory finds it in JAXRUN_MODEL_DIR."""

    volume: VolumeSource | None = None
    """The volume that has the model's files, as in a pod but without a name, such as
    `persistentVolumeClaim: {claimName: models}`. Several replicas need one that many nodes can
    mount. Absent where the image has the files."""


class Batching(KubeModel):
    """How requests wait for each other."""

    max_queue: Annotated[int, Field(ge=1, le=1048576)] = 256
    """Requests that may wait in one replica; more are refused with 429."""

    max_queue_bytes: Annotated[int, Field(ge=1, le=1099511627776)] = 67108864
    """Bytes of input that may wait in one replica."""

    max_delay_milliseconds: Annotated[int, Field(ge=0, le=60000)] = 5
    """How long a request waits at most for others to fill its batch."""

    default_timeout_milliseconds: Annotated[int, Field(ge=1, le=86400000)] | None = None
    """The deadline of a request that brings none. Absent, it has none."""


class LatencyObjective(KubeModel):
    """How fast answers have to be."""

    p95_milliseconds: Annotated[int, Field(ge=1, le=86400000)] | None = None
    """What 95 of 100 answers have to be faster than, measured in the replica."""


class Objectives(KubeModel):
    """What the service promises. It changes nothing in how it runs, only in how it is judged."""

    availability: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", max_length=8)] | None = None
    """Percent of requests that have to be answered, in quotes, such as "99.9"."""

    latency: LatencyObjective = LatencyObjective()
    """How fast answers have to be."""


class Rollout(KubeModel):
    """How replicas of one revision give way to those of the next."""

    strategy: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    """RollingUpdate replaces replicas one after another, and needs a device to spare or
    maxUnavailable. Recreate stops all old ones first, and nothing is served until a new one is
    ready."""

    max_surge: Annotated[int, Field(ge=0, le=1000)] = 1
    """Replicas that there may be beyond spec.replicas, for RollingUpdate."""

    max_unavailable: Annotated[int, Field(ge=0, le=1000)] = 0
    """Replicas fewer than spec.replicas that may be ready, for RollingUpdate. Also how many, at
    least 1, may be away at once because nodes are drained."""

    progress_deadline_seconds: Annotated[int, Field(ge=10, le=86400)] = 1800
    """How long the next replica of a new revision may take until it is ready, loading and compiling
    included. After that the rollout stops, and the old revision goes on serving."""


class JaxServiceSpec(KubeModel):
    """What the user wants."""

    accelerator: Accelerator
    """What one replica runs on: one slice, or one or more hosts."""

    model: Model
    """What is served."""

    template: PodTemplate = Field(
        default_factory=lambda: {"spec": {"containers": [{"name": "jax"}]}}
    )
    """The pods, as an ordinary PodTemplateSpec. The container named "jax" is the server: it needs
    an image, unless the runtime has one, and no command. Absent, it is a pod with the runtime's
    image."""

    runtime: DnsSubdomain | None = None
    """Name of a JaxRuntime that supplies the image, where the container "jax" names none, and the
    versions, environment and XLA flags."""

    buckets: Annotated[dict[str, BucketSizes], Field(max_length=MAX_BUCKETED_DIMENSIONS)] = Field(
        default_factory=dict
    )
    """The sizes that each named dimension is padded to, ascending, such as `batch: [1, 8, 64]`.
    Those of a dimension replace the model's own. Every combination is compiled before a replica is
    ready."""

    batching: Batching = Batching()
    """How requests wait for each other."""

    compile_cache: CompileCacheUse | None = None
    """Where compiled programs come from, and whether the first replica of a revision waits until
    they are there."""

    replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """How many replicas serve; `kubectl scale` sets it."""

    slo: Objectives | None = None
    """What the service promises."""

    preflight: Preflight = Preflight()
    """What is checked on every host before the model is loaded."""

    rollout: Rollout = Rollout()
    """How replicas of one revision give way to those of the next."""

    revision_history_limit: Annotated[int, Field(ge=0, le=100)] = 10
    """How many revisions that nothing runs any more are kept to go back to."""

    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    """How long a replica that is stopped may take to answer what it has accepted."""


class JaxService(KubeModel):
    """A JAX model as a service: compiled for its buckets before it is ready, batching requests into
    them, and replaced revision by revision."""

    api_version: Literal["jaxop.dev/v1alpha1"] = "jaxop.dev/v1alpha1"
    kind: Literal["JaxService"] = "JaxService"
    metadata: ObjectMeta
    spec: JaxServiceSpec
    """What the user wants."""

    status: JaxServiceStatus = JaxServiceStatus()
    """What the operator saw."""
