"""A JaxService in a played cluster: plans are carried out, Deployments make and delete pods.

`a_service().ticks()` lets the operator and the cluster take turns until nothing changes;
`.ready()` lets pods become ready. Mutable, unlike the other builders: rollouts are long stories.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from catalogue import catalogue
from jaxop.api.plan import Event, Manifest, Plan
from jaxop.api.v1alpha1 import AcceleratorClass, CompileCache, JaxRuntime, JaxService, Warmup
from jaxop.api.v1alpha1.labels import REPLICA, REVISION
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.domain.jaxjob.views import (
    ContainerEnd,
    ContainerWaiting,
    GangReport,
    PodView,
)
from jaxop.domain.service import Snapshot, decide
from jaxop.domain.service.reading import read_deployment, read_replica_job, read_revision
from jaxop.domain.service.views import (
    DeploymentView,
    ReplicaPodView,
    ReplicaReport,
    ServingReport,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SETTINGS = OperatorSettings(runtime_image="registry.test/jaxop-runtime:1")


def _manifest() -> Manifest:
    server = {"name": "jax", "image": "team/minilm:1"}
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxService",
        "metadata": {
            "name": "minilm",
            "namespace": "ml",
            "uid": "uid-minilm",
            "generation": 1,
            "creationTimestamp": "2026-11-21T12:00:00Z",
        },
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 1},
            "model": {"entry": "minilm.serving:model"},
            "template": {"spec": {"containers": [server]}},
        },
    }


class Played:
    """The service, its children, and the time."""

    def __init__(self) -> None:
        self.manifest = _manifest()
        self.now = NOW
        self.classes: dict[str, AcceleratorClass] = dict(catalogue())
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.pods: list[ReplicaPodView] = []
        self.reports: dict[str, ReplicaReport] = {}
        self.runtime: JaxRuntime | None = None
        self.compile_cache: CompileCache | None = None
        self.warmup: Warmup | None = None
        self.written_at: datetime | None = None
        self.events: list[Event] = []
        self._numbers = count()

    # what the user does

    def spec(self, **fields: Any) -> "Played":
        self.manifest = copy.deepcopy(self.manifest)
        self.manifest["spec"].update(fields)
        self.manifest["metadata"]["generation"] += 1
        return self

    def image(self, image: str) -> "Played":
        return self.spec(template={"spec": {"containers": [{"name": "jax", "image": image}]}})

    def rollout(self, **fields: Any) -> "Played":
        return self.spec(rollout=fields)

    def on(self, class_name: str, **fields: Any) -> "Played":
        return self.spec(accelerator={"class": class_name, **fields})

    def caching(self, warmup: str, **fields: Any) -> "Played":
        self.compile_cache = CompileCache.model_validate(
            {
                "metadata": {"name": "team", "namespace": "ml", "uid": "uid-team"},
                "spec": {"storage": {"size": "1Gi"}},
                "status": {"state": "Ready", "claimName": "team-cache", "usable": True},
            }
        )
        return self.spec(compileCache={"name": "team", "warmup": warmup, **fields})

    def warmed(self, state: str, message: str = "") -> "Played":
        created = self.objects[next(k for k in self.objects if k[0] == "Warmup")]
        status = {"state": state, "message": message}
        self.warmup = Warmup.model_validate({**created, "status": status})
        return self

    # what is seen

    @property
    def service(self) -> JaxService:
        return JaxService.model_validate(self.manifest)

    @property
    def status(self) -> Any:
        return self.service.status

    def of_kind(self, kind: str) -> list[Manifest]:
        return [o for (k, _), o in sorted(self.objects.items()) if k == kind]

    def snapshot(self) -> Snapshot:
        return Snapshot(
            service=self.service,
            settings=SETTINGS,
            classes=self.classes,
            runtime=self.runtime,
            compile_cache=self.compile_cache,
            warmup=self.warmup,
            revisions=_all(read_revision, self.of_kind("ControllerRevision")),
            deployments=_all(read_deployment, self.of_kind("Deployment")),
            replica_jobs=_all(read_replica_job, self.of_kind("JaxJob")),
            pods=tuple(self.pods),
            reports=self.reports,
            written_at=self.written_at,
        )

    def replicas(self) -> dict[str, int]:
        """Of each Deployment, by revision."""
        views: tuple[DeploymentView, ...] = _all(read_deployment, self.of_kind("Deployment"))
        return {view.revision: view.replicas for view in views}

    def serving(self) -> int:
        return sum(view.serves for view in self.pods)

    # what happens

    def operator(self) -> Plan:
        """One pass, carried out."""
        plan = decide(self.snapshot(), self.now)
        for manifest in (*plan.create, *plan.apply):
            self._put(manifest)
        for ref in (*plan.delete, *plan.discard):
            self.objects.pop((ref.kind, ref.name), None)
        if plan.status is not None:
            self.manifest = {**self.manifest, "status": plan.status}
            self.written_at = self.now
            self.events.extend(plan.events)
        return plan

    def cluster(self) -> "Played":
        """Deployments and JaxJobs get the pods that they should have; those that end are gone."""
        self.pods = [view for view in self.pods if not view.pod.terminating]
        for deployment in self.of_kind("Deployment"):
            self._pods_of_deployment(deployment)
        for job in self.of_kind("JaxJob"):
            self._pods_of_job(job)
        there = {_revision(o) for o in (*self.of_kind("Deployment"), *self.of_kind("JaxJob"))}
        jobs = {o["metadata"]["labels"][REPLICA] + _revision(o) for o in self.of_kind("JaxJob")}
        self.pods = [
            view
            if view.revision in there
            and (view.replica is None or f"{view.replica}{view.revision}" in jobs)
            else replace(view, pod=replace(view.pod, gone_by=self.now))
            for view in self.pods
        ]
        for deployment in self.of_kind("Deployment"):
            mine = [v for v in self.pods if v.revision == _revision(deployment)]
            staying = sum(not view.pod.terminating for view in mine)
            deployment["status"] = {"replicas": staying, "observedGeneration": 0}
        return self

    def ready(self, revision: str | None = None, number: int = 1000) -> "Played":
        """So many pods of the revision, or of all, become ready."""
        for index, view in enumerate(self.pods):
            right = revision in (None, view.revision) and not view.pod.terminating
            if right and not view.pod.ready and number > 0:
                self.pods[index] = replace(view, pod=replace(view.pod, ready=True))
                number -= 1
        return self

    def crash(self, revision: str, restarts: int = 1, message: str = "") -> "Played":
        end = ContainerEnd(container="jax", exit_code=1, message=message)
        self.pods = [
            replace(v, restarts=restarts, last_end=end, pod=replace(v.pod, ready=False))
            if v.revision == revision
            else v
            for v in self.pods
        ]
        return self

    def change_pods(self, revision: str, **fields: Any) -> "Played":
        self.pods = [
            replace(v, pod=replace(v.pod, **fields)) if v.revision == revision else v
            for v in self.pods
        ]
        return self

    def reporting(self, index: int, compilation: Any = None, **serving: Any) -> "Played":
        uid = self.pods[index].pod.uid
        gang = GangReport(0, 1, 1, "Running", compilation=compilation)
        said = ServingReport(**{"model": "minilm", "version": "1", "state": "Ready"} | serving)
        self.reports[uid] = ReplicaReport(gang, said)
        return self

    def after(self, seconds: float) -> "Played":
        self.now += timedelta(seconds=seconds)
        return self

    def ticks(self, most: int = 60, ready: bool = True) -> "Played":
        """Until nothing changes; `ready`: every pod that starts gets ready."""
        for _ in range(most):
            before = (copy.deepcopy(self.manifest), copy.deepcopy(self.objects), list(self.pods))
            self.after(1).operator()
            self.cluster()
            if ready:
                self.ready()
            if before == (self.manifest, self.objects, self.pods):
                return self
        raise AssertionError("it does not come to rest")

    def _put(self, manifest: Manifest) -> None:
        manifest = copy.deepcopy(manifest)
        key = manifest["kind"], manifest["metadata"]["name"]
        before = self.objects.get(key, {})
        manifest["metadata"]["uid"] = f"uid-{key[1]}"
        if "status" in before:
            manifest["status"] = before["status"]
        self.objects[key] = manifest

    def _pods_of_deployment(self, deployment: Manifest) -> None:
        revision, wanted = _revision(deployment), deployment["spec"]["replicas"]
        mine = [v for v in self.pods if v.revision == revision and not v.pod.terminating]
        for view in sorted(mine, key=lambda v: v.pod.ready)[: max(0, len(mine) - wanted)]:
            at = self.pods.index(view)
            self.pods[at] = replace(view, pod=replace(view.pod, gone_by=self.now))
        for _ in range(wanted - len(mine)):
            name = f"{deployment['metadata']['name']}-{next(self._numbers)}"
            self.pods.append(ReplicaPodView(PodView(name, f"uid-{name}", 0, 0, 0), revision))

    def _pods_of_job(self, job: Manifest) -> None:
        marks = job["metadata"]["labels"]
        replica, revision = int(marks[REPLICA]), _revision(job)
        if any(v.replica == replica and v.revision == revision for v in self.pods):
            return
        for index in range(2):
            name = f"{job['metadata']['name']}-{index}-{next(self._numbers)}"
            pod = PodView(name, f"uid-{name}", 0, 0, index)
            self.pods.append(ReplicaPodView(pod, revision, replica))


def a_service() -> Played:
    return Played()


def a_serving_service(replicas: int = 3, **rollout: Any) -> Played:
    """At rest, with all replicas of its first revision."""
    return a_service().spec(replicas=replicas, rollout=rollout).ticks()


def waiting_for(reason: str, message: str = "") -> tuple[ContainerWaiting, ...]:
    return (ContainerWaiting("jax", "team/minilm:2", reason, message),)


def _revision(manifest: Manifest) -> str:
    return str(manifest["metadata"]["labels"][REVISION])


def _all(read: Callable[[Manifest], Any], manifests: list[Manifest]) -> tuple[Any, ...]:
    return tuple(view for view in map(read, manifests) if view is not None)
