"""Warmup: compiles one program into a CompileCache before anyone needs it, and verifies that."""

from typing import Annotated, Literal

from pydantic import Field

from .common import Condition, DnsSubdomain, KubeModel, MicroTime, ObjectMeta, Time
from .jaxjob import Accelerator, PodTemplate, Preflight

WarmupState = Literal[
    "Pending",
    "Waiting",
    "Compiling",
    "Publishing",
    "Verifying",
    "Ready",
    "Failed",
    "Evicted",
]
WARMUP_FINISHED: frozenset[WarmupState] = frozenset({"Ready", "Failed", "Evicted"})

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class WarmupSpec(KubeModel):
    """Which program, on what, into which cache."""

    compile_cache: DnsSubdomain
    """Name of the CompileCache, in the same namespace. Cannot change after creation."""

    runtime: DnsSubdomain | None = None
    """Name of a JaxRuntime, as in a JaxJob. Cannot change after creation."""

    accelerator: Accelerator
    """What the program will run on, as in a JaxJob. Cannot change after creation."""

    template: PodTemplate
    """The pods, as in a JaxJob. The program is stopped when its first step has been executed; one
    that compiles with jaxrun.warm ends by itself. Cannot change after creation."""

    ahead_of_time: bool = False
    """Compiles without the accelerator, on one host of class cpu, for devices that are not there:
    the program has to build its mesh of jaxrun.devices() and compile with jaxrun.warm. Only for
    classes that say how (their aheadOfTime), and one slice. That the accelerator finds and loads
    the entries stays unverified. Cannot change after creation."""

    preflight: Preflight = Preflight()
    """What is checked on every host before the program's first step, as in a JaxJob."""

    max_retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often it is tried again when the program fails or the verification finds a miss."""

    active_deadline_seconds: Annotated[int, Field(ge=1, le=86400)] = 3600
    """How long one try may take, waiting for its accelerator included."""

    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=315360000)] | None = None
    """How long after its end it is deleted, what it published stays; at once when the keeper finds
    that gone. Absent, it stays, too."""


class Verification(KubeModel):
    """What a second run of the program found in the cache."""

    requests: Count
    """Compilations that asked the cache."""

    hits: Count
    """Those that it answered."""

    not_loadable: Count = 0
    """Those whose entries it found, for devices that were not there, which alone can load them."""

    never_kept: Count = 0
    """Those that it never can: their functions call back into Python. It is verified when it has
    answered all others."""

    summary: str
    """`hits/requests`, for the table of `kubectl get`; entries that were found and could not be
    loaded count as hits."""

    compile_seconds: Seconds
    """What compiling still took, reading the entries included."""


class WarmupStatus(KubeModel):
    """What the operator saw."""

    observed_generation: Count | None = None
    """The `metadata.generation` that this status is for."""

    state: WarmupState | None = None
    """Where it stands."""

    reason: str | None = None
    """Why, as one CamelCase word that programs can compare."""

    message: str | None = None
    """Why, as one sentence that a person can act on."""

    cache_namespace: str | None = None
    """Digest of the cache namespace that it fills."""

    run: Count = 0
    """Which try this is, from 0."""

    entries: Count | None = None
    """Entries that the program compiled and offered."""

    bytes: Count | None = None
    """Their size."""

    compile_seconds: Seconds | None = None
    """What compiling them took: what each later start saves."""

    first_step_seconds: Seconds | None = None
    """From the program's start to the end of its first step, without the cache."""

    verification: Verification | None = None
    """What a second run found in the cache."""

    start_time: Time | None = None
    """When the operator first acted on it."""

    state_since: MicroTime | None = None
    """When it entered its state."""

    completion_time: Time | None = None
    """When it was ready or failed for good."""

    conditions: tuple[Condition, ...] = ()
    """Ready, Reconciling, Stalled and Failed, as kstatus reads them."""


class Warmup(KubeModel):
    """Compiles a program into a CompileCache, verifies that a second run finds all of it there, and
    ends. One at a time fills a cache namespace."""

    api_version: Literal["jaxop.dev/v1alpha1"] = "jaxop.dev/v1alpha1"
    kind: Literal["Warmup"] = "Warmup"
    metadata: ObjectMeta
    spec: WarmupSpec
    """Which program, on what, into which cache."""

    status: WarmupStatus = WarmupStatus()
    """What the operator saw."""
