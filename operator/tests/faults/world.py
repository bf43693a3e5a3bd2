"""The rest of the cluster, played: Job controller, garbage collector, scheduler and kubelets.

The API server and its etcd are real. These parts are played because their real ones take seconds
where nothing happens, and because a schedule must go the same way each time: each rule below looks
at the objects and does the next thing that the real part would do, so that what happens in the end
does not depend on when it happens. Steps in which nothing can be decided are left out: its pods
have their node from the start and no finalizer. What is in the pods is a `Workload`'s business.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import ApiError, Conflict, NotFound
from jaxop.kube.reflector import Reflector
from jaxop.kube.resources import (
    COMPILECACHES,
    CONFIGMAPS,
    CONTROLLERREVISIONS,
    DEPLOYMENTS,
    JAXJOBS,
    JAXRUNTIMES,
    JAXSERVICES,
    JOBS,
    PERSISTENTVOLUMECLAIMS,
    PODDISRUPTIONBUDGETS,
    PODS,
    SERVICES,
    WARMUPS,
    Resource,
)
from jaxop.kube.store import ObjectStore
from line import Line
from raw_api import RawApi
from virtual_time import virtual_loop

REACTION_SECONDS = 0.3
TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
OWNED = (
    WARMUPS,
    JAXJOBS,
    JOBS,
    SERVICES,
    CONTROLLERREVISIONS,
    DEPLOYMENTS,
    PODDISRUPTIONBUDGETS,
    CONFIGMAPS,
    PERSISTENTVOLUMECLAIMS,
    PODS,
)
WATCHED = (COMPILECACHES, JAXRUNTIMES, JAXSERVICES, *OWNED)


@dataclass(frozen=True, slots=True)
class End:
    """How the container of a pod ends."""

    exit_code: int
    message: str = ""
    disrupted: str = ""
    """The reason of a DisruptionTarget condition, if there is one."""


class Workload(Protocol):
    """What runs in the pods."""

    def end_of(self, pod: Manifest) -> End | None:
        """None while it runs."""
        ...

    def end_when_deleted(self, pod: Manifest) -> End: ...

    def is_ready(self, pod: Manifest) -> bool:
        """Asked while the pod runs; whoever has it change calls `poke`."""
        ...


class World:
    """`run` it beside the operator. Whoever changes what a workload says calls `poke`."""

    def __init__(self, line: Line, namespace: str, workload: Workload) -> None:
        self.api = RawApi(line, namespace)
        self.namespace = namespace
        self._client = ApiClient(line)
        self.stores = {resource: ObjectStore(resource) for resource in WATCHED}
        self._workload = workload
        self._changed = asyncio.Event()
        self._successors: dict[tuple[str, int], int] = {}
        self._not_before: dict[tuple[str, int, int], float] = {}
        for store in self.stores.values():
            store.listeners = [lambda *_: self._changed.set()]

    def poke(self) -> None:
        self._changed.set()

    def all(self, resource: Resource) -> list[Manifest]:
        """In order of name."""
        return sorted(self.stores[resource].all(), key=lambda obj: str(obj["metadata"]["name"]))

    def get(self, resource: Resource, name: str) -> Manifest | None:
        return self.stores[resource].get(self.namespace if resource.namespaced else "", name)

    async def run(self) -> None:
        """For ever."""
        reflectors = [
            Reflector(self._client, store, namespace=self.namespace)
            for store in self.stores.values()
        ]
        async with asyncio.TaskGroup() as parts:
            for reflector in reflectors:
                parts.create_task(reflector.run())
            parts.create_task(self._live(reflectors))

    async def _live(self, reflectors: list[Reflector]) -> None:
        """Not before all is known: who has not heard of an owner takes its children for orphans."""
        for reflector in reflectors:
            await reflector.synced.wait()
        while True:
            await self._changed.wait()
            await asyncio.sleep(REACTION_SECONDS)
            self._changed.clear()
            for rule in self.rules():
                await rule()

    def rules(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        return self._collect, self._control_jobs, self._run_pods

    async def _collect(self) -> None:
        """The garbage collector: what has an owner that is gone."""
        alive = {obj["metadata"]["uid"] for store in self.stores.values() for obj in store.all()}
        for resource in OWNED:
            for obj in self.all(resource):
                metadata = obj["metadata"]
                owners = metadata.get("ownerReferences") or ()
                if not owners or "deletionTimestamp" in metadata:
                    continue
                if all(owner["uid"] not in alive for owner in owners):
                    await self.remove(resource, obj)

    async def _control_jobs(self) -> None:
        for job in self.all(JOBS):
            if "deletionTimestamp" not in job["metadata"]:
                await self._control(job)
        jobs = {job["metadata"]["uid"] for job in self.all(JOBS)}
        for pod in self.all(PODS):
            if TRACKING not in (pod["metadata"].get("finalizers") or ()):
                continue
            if is_over(pod) or owner_uid(pod) not in jobs:
                await self.write(PODS, pod, {"metadata": {"finalizers": None}})

    async def _control(self, job: Manifest) -> None:
        spec, status = job["spec"], job.get("status") or {}
        pods = [pod for pod in self.all(PODS) if owner_uid(pod) == job["metadata"]["uid"]]
        over = any(c["type"] in ("Failed", "Complete") for c in status.get("conditions") or ())
        failed = [pod for pod in pods if phase(pod) == "Failed"]
        if not over and len(failed) > spec["backoffLimit"]:
            await self._fail(job, "BackoffLimitExceeded")
            return
        if over or spec.get("suspend"):
            for pod in pods:
                if not is_over(pod) and "deletionTimestamp" not in pod["metadata"]:
                    await self.remove(PODS, pod)
            return
        if any(_must_fail_job(job, pod) for pod in failed):
            await self._fail(job, "PodFailurePolicy")
            return
        succeeded = {index_of(pod) for pod in pods if phase(pod) == "Succeeded"}
        if len(succeeded) == spec["completions"]:
            await self._complete(job, len(succeeded))
            return
        there = succeeded | {index_of(pod) for pod in pods if not is_over(pod)}
        for index in sorted(set(range(spec["completions"])) - there):
            await self._make_pod(job, index, pods)

    async def _make_pod(self, job: Manifest, index: int, pods: list[Manifest]) -> None:
        """After a failure only with the Job controller's own delay: 10 s, then 20 s, 40 s."""
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        before = [pod for pod in pods if index_of(pod) == index]
        key, clock = (uid, index), virtual_loop()
        if before:
            delay = 10.0 * 2 ** (len(before) - 1)
            round_ = (uid, index, len(before))
            due = self._not_before.setdefault(round_, clock.time() + delay)
            if clock.time() < due:
                clock.call_at(due, self.poke)
                return
        self._successors[key] = number = self._successors.get(key, 0) + 1
        template = job["spec"]["template"]
        marks = {
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": name,
            "controller-uid": uid,
            "job-name": name,
            INDEX: str(index),
        }
        given = template.get("metadata") or {}
        pod: Manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{name}-{index}-w{number}",
                "labels": {**(given.get("labels") or {}), **marks},
                "annotations": {**(given.get("annotations") or {}), INDEX: str(index)},
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "Job",
                        "name": name,
                        "uid": uid,
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": {
                **template["spec"],
                "hostname": f"{name}-{index}",
                "nodeName": f"node-{index}",
            },
        }
        pod["metadata"]["namespace"] = self.namespace
        await self.attempt(self.api.create(PODS, pod))

    async def _fail(self, job: Manifest, reason: str) -> None:
        conditions = [_condition(kind, reason) for kind in ("FailureTarget", "Failed")]
        status = {"startTime": job["metadata"]["creationTimestamp"], "conditions": conditions}
        await self.write(JOBS, job, {"status": status}, "status")

    async def _complete(self, job: Manifest, count: int) -> None:
        status: Manifest = {
            "startTime": job["metadata"]["creationTimestamp"],
            "conditions": [
                _condition(kind, "CompletionsReached")
                for kind in ("SuccessCriteriaMet", "Complete")
            ],
            "completionTime": now(),
            "succeeded": count,
        }
        if job["spec"]["completionMode"] == "Indexed":
            status["completedIndexes"] = f"0-{count - 1}" if count > 1 else "0"
        await self.write(JOBS, job, {"status": status}, "status")

    async def _run_pods(self) -> None:
        """Scheduler and kubelet."""
        for pod in self.all(PODS):
            if "deletionTimestamp" in pod["metadata"]:
                await self._stop(pod)
            elif is_over(pod):
                continue
            elif not pod["spec"].get("nodeName"):
                await self._bind(pod)
            elif phase(pod) == "Pending" or is_ready(pod) != self._workload.is_ready(pod):
                running = _running(pod, ready=self._workload.is_ready(pod))
                await self.write(PODS, pod, {"status": running}, "status")
            elif (end := self._workload.end_of(pod)) is not None:
                await self.write(PODS, pod, {"status": _ended(end)}, "status")

    async def _stop(self, pod: Manifest) -> None:
        if not is_over(pod) and pod["spec"].get("nodeName"):
            end = self._workload.end_when_deleted(pod)
            await self.write(PODS, pod, {"status": _ended(end)}, "status")
        elif pod["metadata"].get("deletionGracePeriodSeconds"):
            await self.remove(PODS, pod, grace=0)

    async def _bind(self, pod: Manifest) -> None:
        node = f"node-{slice_of(pod)}-{index_of(pod)}"
        await self.attempt(self.api.bind(PODS, pod["metadata"]["name"], node))

    async def write(
        self, resource: Resource, obj: Manifest, patch: Manifest, subresource: str = ""
    ) -> None:
        metadata = obj["metadata"]
        same = {"uid": metadata["uid"], **(patch.get("metadata") or {})}
        whole = {**patch, "metadata": same}
        await self.attempt(self.api.patch(resource, metadata["name"], whole, subresource))

    async def remove(self, resource: Resource, obj: Manifest, grace: int | None = None) -> None:
        metadata = obj["metadata"]
        await self.attempt(self.api.delete(resource, metadata["name"], metadata["uid"], grace))

    async def attempt(self, write: Coroutine[Any, Any, Any]) -> None:
        """What was true a moment ago may be so no more: the next round looks again."""
        try:
            await write
        except (NotFound, Conflict):
            self.poke()
        except ApiError as error:
            raise AssertionError(f"the played world does something forbidden: {error}") from error


def phase(pod: Manifest) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def is_over(pod: Manifest) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def owner_uid(obj: Manifest) -> str:
    """Of its controller; "" without one."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def started_at(pod: Manifest) -> str:
    """When its container began to run; "" while it has not."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if "running" in status["state"]:
            return str(status["state"]["running"]["startedAt"])
    return ""


def index_of(pod: Manifest) -> int:
    return int(pod["metadata"]["annotations"][INDEX])


def slice_of(pod: Manifest) -> int:
    return int(pod["metadata"]["labels"].get("jaxop.dev/slice", 0))


def now() -> str:
    return virtual_loop().now().strftime("%Y-%m-%dT%H:%M:%SZ")


def _must_fail_job(job: Manifest, pod: Manifest) -> bool:
    """The podFailurePolicy's rules for exit codes."""
    for rule in (job["spec"].get("podFailurePolicy") or {}).get("rules") or ():
        wanted = rule.get("onExitCodes")
        if rule["action"] != "FailJob" or not wanted:
            continue
        for status in (pod.get("status") or {}).get("containerStatuses") or ():
            code = (status["state"].get("terminated") or {}).get("exitCode")
            if code and (code in wanted["values"]) == (wanted["operator"] == "In"):
                return True
    return False


def _condition(kind: str, reason: str, status: str = "True") -> Manifest:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": reason,
        "lastProbeTime": now(),
        "lastTransitionTime": now(),
    }


def _running(pod: Manifest, ready: bool) -> Manifest:
    digits = pod["metadata"]["uid"].replace("-", "")
    ip = ".".join(str(int(digits[i : i + 2], 16) or 1) for i in (0, 2, 4, 6))
    since = started_at(pod) or now()
    return {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "conditions": [
            _condition("PodScheduled", ""),
            _condition("Ready", "", "True" if ready else "False"),
        ],
        "containerStatuses": [_container({"running": {"startedAt": since}}, ready=ready)],
    }


def _ended(end: End) -> Manifest:
    terminated = {
        "exitCode": end.exit_code,
        "reason": "Error" if end.exit_code else "Completed",
        "message": end.message,
        "startedAt": now(),
        "finishedAt": now(),
    }
    conditions = [_condition("PodScheduled", ""), _condition("Ready", "", "False")]
    if end.disrupted:
        conditions.append(_condition("DisruptionTarget", end.disrupted))
    return {
        "phase": "Failed" if end.exit_code else "Succeeded",
        "conditions": conditions,
        "containerStatuses": [_container({"terminated": terminated})],
    }


def _container(state: Manifest, ready: bool = False) -> Manifest:
    return {
        "name": "jax",
        "image": "team/digits:1",
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "state": state,
    }
