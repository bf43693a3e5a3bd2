"""All that a decision about one JaxService rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jaxop.api.v1alpha1 import AcceleratorClass, CompileCache, JaxRuntime, JaxService, Warmup
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.domain.jaxjob.views import NodeView
from jaxop.domain.service.views import (
    DeploymentView,
    ReplicaJobView,
    ReplicaPodView,
    ReplicaReport,
    RevisionView,
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    service: JaxService
    settings: OperatorSettings
    classes: Mapping[str, AcceleratorClass] = field(default_factory=dict)
    """All there are, by name: an earlier revision may be on another class."""
    runtime: JaxRuntime | None = None
    """What spec.runtime names."""
    runtime_names: tuple[str, ...] = ()
    """Of all runtimes, for the message when there is no such runtime."""
    compile_cache: CompileCache | None = None
    """What spec.compileCache names."""
    warmup: Warmup | None = None
    """The one that `warmup_asked_for` names."""
    revisions: tuple[RevisionView, ...] = ()
    """Its ControllerRevisions (label jaxop.dev/jaxservice, controlled by it)."""
    deployments: tuple[DeploymentView, ...] = ()
    """Its Deployments, found in the same way."""
    replica_jobs: tuple[ReplicaJobView, ...] = ()
    """Its JaxJobs, found in the same way."""
    pods: tuple[ReplicaPodView, ...] = ()
    """All pods with its label jaxop.dev/jaxservice, those that end included."""
    reports: Mapping[str, ReplicaReport] = field(default_factory=dict)
    """The last answer of each process 0 that has given one, by the pod's uid."""
    reports_pending: bool = False
    """This process has asked one of them for the first time, and does not know yet whether it
    answers: what was told of them before still stands."""
    nodes: tuple[NodeView, ...] | None = None
    """None where nobody could look: only the message for unschedulable pods needs them."""
    written_at: datetime | None = None
    """When the status was last written, if this process saw it."""
