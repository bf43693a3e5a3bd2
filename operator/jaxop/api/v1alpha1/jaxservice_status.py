"""What the operator says of a JaxService."""

from typing import Annotated, Literal

from pydantic import Field

from .common import Condition, KubeModel, MicroTime

ServiceState = Literal[
    "Pending",
    "WarmingUp",
    "Starting",
    "Ready",
    "Degraded",
    "RollingOut",
    "RolloutStopped",
    "Idle",
    "Failed",
]

ServiceConditionType = Literal["Ready", "Reconciling", "Stalled", "Progressing"]

Count = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(ge=0)]


class BucketsReady(KubeModel):
    """Buckets that the replica which has the fewest has compiled and executed."""

    ready: Count
    """Those that are done."""

    total: Count
    """Those that there are."""

    summary: str
    """`ready/total`, for the table of `kubectl get`."""

    seconds_left: Number | None = None
    """How long loading the rest takes, as that replica predicts; absent where none loads."""


class Latency(KubeModel):
    """How long requests took in the replicas in the last minute, from the first byte read to the
    last one written. Each value is that of the slowest replica."""

    p50_milliseconds: Number | None = None
    """Half of the requests were faster."""

    p95_milliseconds: Number | None = None
    """95 of 100 requests were faster."""

    p99_milliseconds: Number | None = None
    """99 of 100 requests were faster."""


class RevisionStanding(KubeModel):
    """One revision that has replicas, or is to have them."""

    name: str
    """Its hash, the label jaxop.dev/revision of its pods."""

    number: Count
    """Its number, as in `jaxop rollback`; a later one is higher."""

    replicas: Count
    """Replicas that it is to have now."""

    ready: Count
    """Those that serve."""


class RolloutStanding(KubeModel):
    """A rollout that is under way, or has stopped."""

    strategy: str
    """How it is done."""

    revision: str
    """The revision that it leads to."""

    step: str
    """What happens now, as one sentence."""

    since: MicroTime
    """When it began."""

    progress_since: MicroTime | None = None
    """When one more replica of the new revision was ready, or the first was made; from then on
    progressDeadlineSeconds count. Absent until there is one to make."""

    most_ready: Count = 0
    """The most replicas of the new revision that have been ready together."""

    deadline_seconds: Count = 0
    """The progressDeadlineSeconds that it goes by; another value lets a stopped one try again."""

    stopped: str | None = None
    """Why it has stopped, as one sentence. It goes on with the next change of the revision."""

    stopped_reason: str | None = None
    """The same as one CamelCase word."""

    unserved_since: MicroTime | None = None
    """Since when no replica of any revision is ready."""


class JaxServiceStatus(KubeModel):
    """What the operator saw."""

    observed_generation: Count | None = None
    """The `metadata.generation` that this status is for."""

    state: ServiceState | None = None
    """Where the service stands."""

    reason: str | None = None
    """Why, as one CamelCase word that programs can compare."""

    message: str | None = None
    """Why, as one sentence that a person can act on."""

    url: str | None = None
    """Where it is served inside the cluster."""

    accelerator: str | None = None
    """What one replica runs on, in short: `nvidia-l4 1x1`."""

    current_revision: str | None = None
    """The revision that was last rolled out completely."""

    updated_revision: str | None = None
    """The revision that the spec describes."""

    revisions: tuple[RevisionStanding, ...] = ()
    """Those that have replicas, newest first."""

    replicas: Count = 0
    """Replicas of all revisions that exist."""

    ready_replicas: Count = 0
    """Those that serve: all their buckets are executed."""

    updated_replicas: Count = 0
    """Replicas of the revision that the spec describes."""

    ready: str | None = None
    """`readyReplicas/spec.replicas`, for the table of `kubectl get`."""

    selector: str | None = None
    """Label selector of the pods that serve, for /scale."""

    buckets: BucketsReady | None = None
    """Buckets that are ready in every replica."""

    latency: Latency | None = None
    """How long requests take now."""

    requests_per_second: Number | None = None
    """Requests answered now, by all replicas together."""

    cache_hit: str | None = None
    """Compile cache hits of the replicas' starts, `hits/requests`."""

    compiles_after_ready: Count | None = None
    """Compilations in replicas that were ready: each is a defect of the model or its buckets."""

    rollout: RolloutStanding | None = None
    """The rollout that is under way, or has stopped."""

    start_time: MicroTime | None = None
    """When the operator first acted on it."""

    state_since: MicroTime | None = None
    """When it entered its state."""

    conditions: tuple[Condition, ...] = ()
    """Ready, Reconciling, Stalled and Progressing, as kstatus and Deployments have them."""
