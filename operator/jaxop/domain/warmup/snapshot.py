"""All that a decision about one Warmup rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jaxop.api.v1alpha1 import AcceleratorClass, CompileCache, JaxJob, JaxRuntime, Warmup
from jaxop.api.v1alpha1.warmup import WarmupState
from jaxop.domain.cache.snapshot import Offer
from jaxop.domain.jaxjob import OperatorSettings


@dataclass(frozen=True, slots=True)
class Keeper:
    """Of the CompileCache."""

    answers: bool = False
    offers: Mapping[str, Offer] = field(default_factory=dict)
    """By `<digest>.<host of the pod>`."""
    healthy: bool = False
    """It answers, and has read the whole volume."""
    kept: Mapping[str, int] = field(default_factory=dict)
    """Entries on the volume by digest, of the cache namespaces used last."""
    lists_all: bool = False
    """`kept` has all that there are."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Another Warmup of the same CompileCache that has not ended."""

    name: str
    created_at: datetime | None = None
    state: WarmupState | None = None
    reason: str | None = None
    digest: str | None = None
    """None until the operator has looked at it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    warmup: Warmup
    settings: OperatorSettings
    accelerator_class: AcceleratorClass | None
    class_names: tuple[str, ...] = ()
    """Of all classes there are, for the message when there is no such class."""
    runtime: JaxRuntime | None = None
    runtime_names: tuple[str, ...] = ()
    compile_cache: CompileCache | None = None
    keeper: Keeper = Keeper()
    runs: Mapping[str, JaxJob] = field(default_factory=dict)
    """Its JaxJobs, by name."""
    rivals: tuple[Rival, ...] = ()
