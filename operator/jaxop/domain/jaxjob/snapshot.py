"""All that a decision about one JaxJob rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import AcceleratorClass, CompileCache, JaxJob, JaxRuntime, Warmup
from jaxop.domain.jaxjob.queueing.views import KueueView
from jaxop.domain.jaxjob.views import GangReport, JobView, NodeView, PodView


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """What the operator's admin chose, as far as decisions need it."""

    runtime_image: str
    """Holds the launcher; its init container installs it into each pod."""
    status_interval_seconds: float = 2.0
    """Progress that nobody waits for (hosts becoming ready) is written at most this often."""
    kueue_external_framework: bool = False
    """Kueue knows JaxJobs as jobs that somebody else queues, and leaves their children alone."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    jaxjob: JaxJob
    settings: OperatorSettings
    accelerator_class: AcceleratorClass | None
    class_names: tuple[str, ...] = ()
    """Of all classes there are, for the message when there is no such class."""
    runtime: JaxRuntime | None = None
    """What spec.runtime names."""
    runtime_names: tuple[str, ...] = ()
    """Of all runtimes, for the message when there is no such runtime."""
    compile_cache: CompileCache | None = None
    """What spec.compileCache names."""
    warmup: Warmup | None = None
    """The one that the job asks for, while it may have to wait for it."""
    jobs: tuple[JobView, ...] = ()
    jobs_missing_since: datetime | None = None
    """Since when this process sees fewer Jobs of the attempt than slices; None if it sees all."""
    pods: tuple[PodView, ...] = ()
    report: GangReport | None = None
    silent_since: datetime | None = None
    """Since when process 0's launcher has been asked for a report without ever giving one."""
    unheard_since: datetime | None = None
    """Since when it has not answered any more, after having given reports."""
    report_ip: str | None = None
    """Of the pod that was asked, if that is known."""
    templates: Mapping[str, Manifest] = field(default_factory=dict)
    """Live Jobs by uid, as far as their pod templates may be needed now."""
    token_ready: bool = True
    """The namespace has the gang's token, which the pods need to start."""
    token_problem: str | None = None
    nodes: tuple[NodeView, ...] | None = None
    """None where nobody could look: only the message for unschedulable pods needs them."""
    nodes_pending: bool = False
    """They are being fetched: the message can wait for them."""
    kueue: KueueView | None = None
    """For a job of several slices in a queue, where the API server serves Kueue."""
    gangs_served: bool = False
    """The API server has Workloads for Kubernetes' own gang scheduling."""
    written_at: datetime | None = None
    """When the status was last written, if this process saw it."""
    step_interval_seconds: float = 10.0
    """A step alone is written at most this often; longer where many jobs run."""

    @property
    def dead_nodes(self) -> frozenset[str]:
        """Names of the nodes that are known not to be ready."""
        return frozenset(node.name for node in self.nodes or () if not node.ready)

    @property
    def attempt(self) -> int:
        return self.jaxjob.status.attempt

    @property
    def current_jobs(self) -> tuple[JobView, ...]:
        attempt = self.attempt
        return tuple(job for job in self.jobs if job.attempt == attempt)

    @property
    def current_pods(self) -> tuple[PodView, ...]:
        attempt = self.attempt
        return tuple(pod for pod in self.pods if pod.attempt == attempt)

    @property
    def current_report(self) -> GangReport | None:
        report = self.report
        return report if report is not None and report.attempt == self.attempt else None
