"""All that a decision about one JaxRuntime rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jaxop.api.v1alpha1 import AcceleratorClass, JaxRuntime
from jaxop.domain.jaxjob.views import NodeView, PodView


@dataclass(frozen=True, slots=True)
class VerificationSettings:
    """What the operator's admin chose, as far as decisions need it."""

    runtime_image: str
    """Holds jaxrun; an init container installs it beside the image that is verified."""
    namespace: str
    """Where the pods run."""


@dataclass(frozen=True, slots=True)
class VerificationJob:
    """A Job as seen, and its pods."""

    name: str
    uid: str
    created_at: datetime | None = None
    failed: str | None = None
    """Reason of its Failed condition."""
    failed_message: str = ""
    pods: tuple[PodView, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    runtime: JaxRuntime
    settings: VerificationSettings
    asked_for: frozenset[str] = frozenset()
    """AcceleratorClasses of unfinished JaxJobs and Warmups that name the runtime."""
    classes: Mapping[str, AcceleratorClass] = field(default_factory=dict)
    """All there are, by name."""
    jobs: tuple[VerificationJob, ...] = ()
    """Those that the runtime controls, stale ones included."""
    nodes: tuple[NodeView, ...] | None = None
    """None where nobody could look: only the message for unschedulable pods needs them."""
    nodes_pending: bool = False
    """They are being fetched: the message can wait for them."""
