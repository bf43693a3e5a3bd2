"""JaxServices' stories."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.kube.resources import (
    CONTROLLERREVISIONS,
    DEPLOYMENTS,
    JAXSERVICES,
    PODDISRUPTIONBUDGETS,
    PODS,
    SERVICES,
    Resource,
)
from replicas import SERVICE
from scenario import Scenario, Stage, Step, nothing
from service_operator import build_service_operator
from world import is_over, is_ready

NAME: Final = "minilm"
GOOD: Final = "minilm.serving:model"
BETTER: Final = "minilm.better:model"
BROKEN: Final = "broken.serving:model"
REPLICAS: Final = 2
DEADLINE_SECONDS: Final = 120
KINDS: Final = (JAXSERVICES, CONTROLLERREVISIONS, DEPLOYMENTS, PODS, SERVICES, PODDISRUPTIONBUDGETS)


def a_service(**spec: Any) -> Manifest:
    server = {"name": "jax", "image": "team/minilm:1"}
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxService",
        "metadata": {"name": NAME},
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 1},
            "model": {"entry": GOOD},
            "template": {"spec": {"containers": [server]}},
            "replicas": REPLICAS,
            "rollout": {"progressDeadlineSeconds": DEADLINE_SECONDS},
            **spec,
        },
    }


def create(**spec: Any) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        await stage.api.create(JAXSERVICES, a_service(**spec))

    return then


def serve(entry: str) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        await stage.api.patch(JAXSERVICES, NAME, {"spec": {"model": {"entry": entry}}})

    return then


def scale(replicas: int) -> Callable[[Stage], Awaitable[None]]:
    """As `kubectl scale` does."""

    async def then(stage: Stage) -> None:
        await stage.api.patch(JAXSERVICES, NAME, {"spec": {"replicas": replicas}}, "scale")

    return then


async def kill_one(stage: Stage) -> None:
    """Deletes a replica, as the drain of its node does."""
    (first, *_) = replicas_of(stage)
    await stage.api.delete(PODS, first["metadata"]["name"], first["metadata"]["uid"])


async def delete(stage: Stage) -> None:
    await stage.api.delete(JAXSERVICES, NAME)


def at_once(_: Stage) -> str | None:
    return None


def serves(entry: str, replicas: int, state: str = "Ready") -> Callable[[Stage], str | None]:
    """All replicas are of this model and ready, nothing else runs, and the status says so."""

    def check(stage: Stage) -> str | None:
        status = status_of(stage)
        said = status.get("state"), status.get("readyReplicas"), status.get("replicas")
        loaded = (status.get("buckets") or {}).get("summary")
        pods = replicas_of(stage)
        models = [model(pod) for pod in pods if is_ready(pod)]
        as_wanted = models == [entry] * replicas and len(pods) == replicas
        if said != (state, replicas, replicas) or loaded != "4/4" or not as_wanted:
            return f"wanted {replicas} of {entry}, there are {models}; the status is {status}"
        return None

    return check


def stopped(entry: str) -> Callable[[Stage], str | None]:
    """The rollout has, and all wanted replicas serve what they did."""

    def check(stage: Stage) -> str | None:
        status = status_of(stage)
        models = [model(pod) for pod in replicas_of(stage) if is_ready(pod)]
        if status.get("state") != "RolloutStopped" or models != [entry] * REPLICAS:
            return f"{models} are ready; the status is {status}"
        return None

    return check


def none_of(*kinds: Resource) -> Callable[[Stage], str | None]:
    def check(stage: Stage) -> str | None:
        left = [o["metadata"]["name"] for kind in kinds for o in stage.world.all(kind)]
        return f"{left} are left" if left else None

    return check


def status_of(stage: Stage) -> Mapping[str, Any]:
    """The service's; empty as long as there is none."""
    found: Mapping[str, Any] = (stage.world.get(JAXSERVICES, NAME) or {}).get("status") or {}
    return found


def replicas_of(stage: Stage) -> list[Manifest]:
    """Their pods that have not ended."""
    pods = [pod for pod in stage.world.all(PODS) if not is_over(pod)]
    return [pod for pod in pods if SERVICE in (pod["metadata"].get("labels") or {})]


def model(pod: Manifest) -> str:
    containers = {c["name"]: c for c in pod["spec"]["containers"]}
    return str(containers["jax"]["command"][-1])


def normal(obj: Manifest) -> Mapping[str, Any] | None:
    """Without uids, times and versions."""
    metadata, kind = obj["metadata"], obj.get("kind")
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if "jaxop.dev/" in k}
    if kind == "JaxService":
        kept = (
            *("observedGeneration", "state", "reason", "message", "currentRevision"),
            *("updatedRevision", "revisions", "replicas", "readyReplicas", "updatedReplicas"),
            *("ready", "buckets"),
        )
        conditions = {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or ()}
        told = {of: status.get(of) for of in kept}
        return {"service": metadata["name"], **told, "conditions": conditions}
    if "containers" in spec:
        return {"pod": labels, "ready": is_ready(obj)}
    if "template" in spec:
        return {"deployment": metadata["name"], "labels": labels, "replicas": spec["replicas"]}
    if "data" in obj:
        return {"revision": metadata["name"], "number": obj["revision"], "data": obj["data"]}
    if metadata["name"] == "kubernetes":
        return None
    about = {of: spec.get(of) for of in ("selector", "maxUnavailable", "minAvailable")}
    return {"name": metadata["name"], "labels": labels, **about}


def _scenario(name: str, *steps: Step) -> Scenario:
    return Scenario(
        name=name,
        build=build_service_operator,
        steps=steps,
        kinds=KINDS,
        remembered=JAXSERVICES,
        normal=normal,
        long=True,
    )


ROLLED_OUT: Final = _scenario(
    "service",
    Step("created", at_once, create()),
    Step("serves", serves(GOOD, REPLICAS), serve(BETTER)),
    Step("rolled out", serves(BETTER, REPLICAS), serve(BROKEN)),
    Step("stopped, the old one serves", stopped(BETTER), serve(BETTER)),
    Step("recovered", serves(BETTER, REPLICAS), scale(3)),
    Step("scaled", serves(BETTER, 3), kill_one),
    Step("whole again", serves(BETTER, 3), nothing),
)

NAMESAKES: Final = _scenario(
    "service-namesakes",
    Step("created", at_once, create(rollout={"strategy": "Recreate"})),
    Step("serves", serves(GOOD, REPLICAS), serve(BETTER)),
    Step("recreated", serves(BETTER, REPLICAS), delete),
    Step("created anew", none_of(JAXSERVICES), create()),
    Step("serves anew", serves(GOOD, REPLICAS), delete),
    Step("gone", none_of(*KINDS), nothing),
)

SCENARIOS: Final = {scenario.name: scenario for scenario in (ROLLED_OUT, NAMESAKES)}
