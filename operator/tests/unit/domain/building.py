"""One builder for all that a decision sees: `a_jaxjob().on("tpu-v5e", "4x4").with_slices(2)`.

Every method returns a new builder. `.snapshot()` gives what `decide` takes; `.after(plan)` the
world in which that plan was carried out.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from catalogue import catalogue
from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1 import AcceleratorClass, JaxJob
from jaxop.domain.devices import SliceLayout, resolve
from jaxop.domain.jaxjob import OperatorSettings, Snapshot
from jaxop.domain.jaxjob.reading.reading import read_job
from jaxop.domain.jaxjob.views import (
    Cause,
    ContainerEnd,
    ContainerWaiting,
    GangReport,
    JobView,
    NodeView,
    PodView,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SETTINGS = OperatorSettings(runtime_image="registry.test/jaxop-runtime:1")

Change = Callable[[Manifest], None]


def _manifest() -> Manifest:
    program = {"name": "jax", "image": "team/digits:1", "command": ["python", "-m", "train"]}
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxJob",
        "metadata": {
            "name": "digits",
            "namespace": "ml",
            "uid": "uid-digits",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2026-11-21T12:00:00Z",
        },
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 2},
            "template": {"spec": {"containers": [program]}},
        },
    }


@dataclass(frozen=True)
class World:
    """A JaxJob, its children, and everything around it."""

    manifest: Manifest = field(default_factory=_manifest)
    classes: dict[str, AcceleratorClass] = field(default_factory=catalogue)
    jobs: tuple[JobView, ...] = ()
    pods: tuple[PodView, ...] = ()
    rest: dict[str, Any] = field(default_factory=dict)

    # the JaxJob

    def spec(self, **fields: Any) -> "World":
        return self._change(lambda m: m["spec"].update(fields))

    def metadata(self, **fields: Any) -> "World":
        return self._change(lambda m: m["metadata"].update(fields))

    def status(self, **fields: Any) -> "World":
        return self._change(lambda m: m.setdefault("status", {}).update(fields))

    def on(self, class_name: str, topology: str | None = None, **fields: Any) -> "World":
        accelerator: dict[str, Any] = {"class": class_name, **fields}
        if topology:
            accelerator["topology"] = topology
        return self._change(lambda m: m["spec"].update(accelerator=accelerator))

    def with_hosts(self, hosts: int) -> "World":
        return self._change(lambda m: m["spec"]["accelerator"].update(hosts=hosts))

    def with_slices(self, slices: int) -> "World":
        return self._change(lambda m: m["spec"]["accelerator"].update(slices=slices))

    def with_max_restarts(self, count: int) -> "World":
        return self.spec(restartPolicy={"maxRestarts": count})

    def with_checkpoint(self, claim: str = "ckpt", **fields: Any) -> "World":
        return self.spec(checkpoint={"volumeClaim": claim, **fields})

    def pod_spec(self, **fields: Any) -> "World":
        return self._change(lambda m: m["spec"]["template"]["spec"].update(fields))

    def program(self, **fields: Any) -> "World":
        return self._change(lambda m: m["spec"]["template"]["spec"]["containers"][0].update(fields))

    def suspended(self, yes: bool = True) -> "World":
        return self.spec(suspend=yes)

    # what is around it

    def reporting(self, state: str, **fields: Any) -> "World":
        body = {
            "attempt": self.attempt,
            "epoch": 1,
            "num_processes": self.layout.processes,
            "state": state,
        }
        return self.seeing(report=GangReport(**{**body, **fields}))

    def seeing(self, **fields: Any) -> "World":
        """Fields of the Snapshot."""
        return replace(self, rest={**self.rest, **fields})

    def with_nodes(self, *nodes: NodeView) -> "World":
        return self.seeing(nodes=nodes)

    def without_classes(self, *names: str) -> "World":
        gone = set(names or self.classes)
        return replace(self, classes={n: c for n, c in self.classes.items() if n not in gone})

    def with_jobs(self, **fields: Any) -> "World":
        """All Jobs of the current attempt."""
        jobs = tuple(self._job(index) for index in range(self.layout.slices))
        changed = tuple(replace(job, **fields) for job in jobs)
        others = tuple(job for job in self.jobs if job.attempt != self.attempt)
        return replace(self, jobs=others + changed)

    def with_pods(self, phase: str = "Pending", **fields: Any) -> "World":
        """All pods of the current attempt."""
        pods = tuple(self._pod(process, phase) for process in range(self.layout.processes))
        changed = tuple(replace(pod, **fields) for pod in pods)
        others = tuple(pod for pod in self.pods if pod.attempt != self.attempt)
        return replace(self, pods=others + changed)

    def running_pods(self) -> "World":
        return self.with_pods("Running", ready=True, node="node-1", ip="10.0.0.1")

    def pod(self, process: int, **fields: Any) -> "World":
        """Changes one pod of the current attempt."""
        name = self._pod(process, "").name
        pods = tuple(replace(pod, **fields) if pod.name == name else pod for pod in self.pods)
        assert pods != self.pods, f"no pod {name}, or nothing to change"
        return replace(self, pods=pods)

    def job(self, slice_index: int, **fields: Any) -> "World":
        jobs = tuple(
            replace(job, **fields)
            if (job.attempt, job.slice_index) == (self.attempt, slice_index)
            else job
            for job in self.jobs
        )
        return replace(self, jobs=jobs)

    def after(self, plan: Plan) -> "World":
        """What the API server would hold once the plan was carried out."""
        gone = {ref.name for ref in plan.delete}
        made = [manifest for manifest in plan.apply if manifest["kind"] == "Job"]
        jobs = [job for job in self.jobs if job.name not in gone]
        for manifest in made:
            view = read_job(_with_uid(manifest))
            assert view is not None
            assert view.name not in {job.name for job in jobs}, f"{view.name} exists"
            jobs.append(view)
        world = replace(self, jobs=tuple(jobs))
        if plan.status is None:
            return world
        return world._change(lambda m: m.update(status=copy.deepcopy(plan.status)))

    def seen_at(self, now: datetime) -> "World":
        """The status was written at `now`."""
        return self.seeing(written_at=now)

    # what comes out

    @property
    def attempt(self) -> int:
        return int(self.manifest.get("status", {}).get("attempt", 0))

    @property
    def layout(self) -> SliceLayout:
        jaxjob = self.jaxjob
        name = jaxjob.spec.accelerator.class_
        layout = resolve(name, catalogue()[name].spec, jaxjob.spec.accelerator)
        assert isinstance(layout, SliceLayout), layout
        return layout

    @property
    def jaxjob(self) -> JaxJob:
        return JaxJob.model_validate(self.manifest)

    def snapshot(self) -> Snapshot:
        jaxjob = self.jaxjob
        fields: dict[str, Any] = {"settings": SETTINGS, **self.rest}
        return Snapshot(
            jaxjob=jaxjob,
            accelerator_class=self.classes.get(jaxjob.spec.accelerator.class_),
            class_names=tuple(sorted(self.classes)),
            jobs=self.jobs,
            pods=self.pods,
            **fields,
        )

    def _change(self, change: Change) -> "World":
        manifest = copy.deepcopy(self.manifest)
        change(manifest)
        return replace(self, manifest=manifest)

    def _job(self, slice_index: int) -> JobView:
        name = f"{self.jaxjob.metadata.name}-a{self.attempt}-s{slice_index}"
        in_place = self.jaxjob.spec.restart_policy.in_place
        hosts = self.layout.hosts
        return JobView(name, f"uid-{name}", self.attempt, slice_index, hosts, in_place=in_place)

    def _pod(self, process: int, phase: str) -> PodView:
        slice_index, index = divmod(process, self.layout.hosts)
        name = f"{self._job(slice_index).name}-{index}"
        return PodView(name, f"uid-{name}", self.attempt, slice_index, index, phase, created_at=NOW)


def a_jaxjob(name: str = "digits") -> World:
    """Two hosts on cpu, nothing created yet."""
    return World().metadata(name=name)


def a_running_jaxjob() -> World:
    """Its gang reports that it runs, and the status says so."""
    world = a_jaxjob().with_max_restarts(3)
    return (
        world.with_jobs()
        .running_pods()
        .status(
            state="Running",
            reason="ProgramRunning",
            message="all 2 processes run",
            observedGeneration=1,
            accelerator="cpu 2",
            startTime="2026-11-21T12:00:00Z",
            hosts={"wanted": 2, "ready": 2, "summary": "2/2"},
        )
        .reporting("Running")
    )


def waiting_for(reason: str, message: str = "", container: str = "jax") -> ContainerWaiting:
    return ContainerWaiting(container, "team/digits:1", reason, message)


def ended(exit_code: int = 1, message: str = "", **fields: Any) -> ContainerEnd:
    body = {"container": "jax", "finished_at": NOW, **fields}
    return ContainerEnd(exit_code=exit_code, message=message, **body)


def a_cause(cause: str = "ProgramError", **fields: Any) -> Cause:
    return Cause(cause, **{"message": f"process 1 says {cause}", "process": 1, **fields})


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def _with_uid(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "uid": f"uid-{metadata['name']}"}}
