"""One builder for what a decision about a JaxRuntime sees: `a_runtime().on("cpu").snapshot()`.

Every method returns a new builder; `.after(plan)` is the world in which that plan was carried out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from catalogue import catalogue
from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1 import AcceleratorClass, JaxRuntime
from jaxop.domain.jaxjob.views import ContainerEnd, NodeView, PodView
from jaxop.domain.runtime import Snapshot, VerificationJob, VerificationSettings, decide

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SETTINGS = VerificationSettings("registry.test/jaxop-runtime:1", "jax-system")
IMAGE = f"registry.test/jax@sha256:{'a' * 64}"
OTHER_IMAGE = f"registry.test/jax@sha256:{'b' * 64}"


def said(**changes: Any) -> str:
    """What `jaxrun inspect` says on cpu, unless it found something else."""
    found = {
        "version": 1,
        "python": "3.13.5",
        "jax": "0.12.0.1",
        "jaxlib": "0.12.0",
        "compression": "zstandard",
        "platform": "cpu",
        "platformVersion": None,
        "device": "cpu",
        "devices": 1,
        "packages": {},
        "error": None,
    }
    return json.dumps(found | changes)


def ended(message: str, exit_code: int = 0, reason: str = "") -> PodView:
    """A pod whose program has said that."""
    end = ContainerEnd("jax", exit_code, reason=reason, message=message, finished_at=NOW)
    phase = "Succeeded" if exit_code == 0 else "Failed"
    return PodView("pod", "uid-pod", 0, 0, 0, phase, node="n", ends=(end,))


@dataclass(frozen=True)
class World:
    spec: Mapping[str, Any] = field(default_factory=lambda: {"image": IMAGE})
    status: Mapping[str, Any] = field(default_factory=dict)
    generation: int = 1
    asked_for: frozenset[str] = frozenset()
    classes: Mapping[str, AcceleratorClass] = field(default_factory=catalogue)
    jobs: tuple[VerificationJob, ...] = ()
    nodes: tuple[NodeView, ...] | None = None

    def on(self, *classes: str) -> "World":
        return self.with_spec(accelerators=list(classes))

    def with_spec(self, **changes: Any) -> "World":
        return replace(self, spec={**self.spec, **changes}, generation=self.generation + 1)

    def used_on(self, *classes: str) -> "World":
        """By unfinished jobs."""
        return replace(self, asked_for=frozenset(classes))

    def without_class(self, name: str) -> "World":
        left = {known: value for known, value in self.classes.items() if known != name}
        return replace(self, classes=left)

    def with_nodes(self, *nodes: NodeView) -> "World":
        return replace(self, nodes=nodes)

    def pod(self, pod: PodView, index: int = 0) -> "World":
        jobs = list(self.jobs)
        jobs[index] = replace(jobs[index], pods=(pod,))
        return replace(self, jobs=tuple(jobs))

    def job(self, **changes: Any) -> "World":
        """Changes the only Job."""
        (job,) = self.jobs
        return replace(self, jobs=(replace(job, **changes),))

    def snapshot(self) -> Snapshot:
        manifest: Manifest = {
            "metadata": {"name": "jax-0.12", "uid": "uid", "generation": self.generation},
            "spec": self.spec,
            "status": self.status,
        }
        runtime = JaxRuntime.model_validate(manifest)
        return Snapshot(
            runtime, SETTINGS, self.asked_for, self.classes, self.jobs, nodes=self.nodes
        )

    def decide(self, now: datetime = NOW) -> Plan:
        return decide(self.snapshot(), now)

    def after(self, plan: Plan, now: datetime = NOW) -> "World":
        gone = {ref.name for ref in plan.delete}
        there = {job.name for job in self.jobs}
        names = [manifest["metadata"]["name"] for manifest in plan.apply]
        made = [VerificationJob(n, f"uid-{n}", now) for n in names if n not in there]
        kept = [job for job in self.jobs if job.name not in gone]
        status = self.status if plan.status is None else plan.status
        return replace(self, jobs=(*kept, *made), status=status)

    def settled(self, now: datetime = NOW) -> "World":
        """After passes until one changes nothing, which must be soon."""
        world = self
        for _ in range(4):
            following = world.after(world.decide(now), now)
            if following == world:
                return world
            world = following
        raise AssertionError(f"no fixed point: {world.decide(now)}")

    @property
    def state(self) -> str:
        return f"{self.status.get('state')}: {self.status.get('message')}"


def a_runtime() -> World:
    return World()
