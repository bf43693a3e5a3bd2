"""CompileCaches' stories."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from cache_operator import build_cache_operator
from jaxop.api.plan import Manifest
from jaxop.kube.resources import (
    COMPILECACHES,
    CONFIGMAPS,
    DEPLOYMENTS,
    PERSISTENTVOLUMECLAIMS,
    PODS,
)
from scenario import Scenario, Stage, Step, nothing

NAME: Final = "team"
DIGEST: Final = "a" * 16
BYTES: Final = 2**30


async def create(stage: Stage) -> None:
    await stage.api.create(
        COMPILECACHES,
        {
            "apiVersion": "jaxop.dev/v1alpha1",
            "kind": "CompileCache",
            "metadata": {"name": NAME},
            "spec": {"storage": {"size": "10Gi"}},
        },
    )


async def read(stage: Stage) -> None:
    """A pod that reads the cache."""
    labels = {
        "app.kubernetes.io/managed-by": "jax-operator",
        "jaxop.dev/compile-cache": NAME,
        "jaxop.dev/cache-namespace": DIGEST,
    }
    await stage.api.create(
        PODS,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "reader", "labels": labels},
            "spec": {"nodeName": "node-0", "containers": [{"name": "jax", "image": "a"}]},
        },
    )


async def stop_reading(stage: Stage) -> None:
    await stage.api.delete(PODS, "reader")


async def limit(stage: Stage) -> None:
    await stage.api.patch(COMPILECACHES, NAME, {"spec": {"retention": {"maxSize": str(BYTES)}}})


async def delete_claim(stage: Stage) -> None:
    """Marked, so that the story can tell it from the next one."""
    name = f"{NAME}-cache"
    await stage.api.patch(PERSISTENTVOLUMECLAIMS, name, {"metadata": {"labels": {"old": "yes"}}})
    await stage.api.delete(PERSISTENTVOLUMECLAIMS, name)


async def delete(stage: Stage) -> None:
    await stage.api.delete(COMPILECACHES, NAME)


def at_once(_: Stage) -> str | None:
    return None


def ready(in_use: list[str]) -> Callable[[Stage], str | None]:
    """And the keeper is told, and says, that just these namespaces are in use."""

    def check(stage: Stage) -> str | None:
        status = (stage.world.get(COMPILECACHES, NAME) or {}).get("status") or {}
        seen = [n["digest"] for n in status.get("namespaces") or ()]
        told = policy(stage).get("inUse")
        if status.get("state") != "Ready" or not seen == told == in_use:
            return f"wanted Ready {in_use}, it is {status}, the keeper is told {told}"
        return None

    return check


def policy(stage: Stage) -> Mapping[str, Any]:
    found = stage.world.get(CONFIGMAPS, f"{NAME}-keeper")
    read: Mapping[str, Any] = json.loads(found["data"]["policy.json"]) if found else {}
    return read


def limited(stage: Stage) -> str | None:
    told = policy(stage).get("maxBytes")
    return None if told == BYTES else f"maxBytes is {told}"


def on_another_claim(stage: Stage) -> str | None:
    claim = stage.world.get(PERSISTENTVOLUMECLAIMS, f"{NAME}-cache")
    if claim is None or "old" in claim["metadata"]["labels"]:
        return f"the claim is {claim and claim['metadata']}"
    return ready([])(stage)


def itself_gone(stage: Stage) -> str | None:
    """Its children may still be there."""
    return "it is there" if stage.world.get(COMPILECACHES, NAME) else None


def gone(stage: Stage) -> str | None:
    kinds = (COMPILECACHES, PERSISTENTVOLUMECLAIMS, DEPLOYMENTS, PODS)
    left = [o["metadata"]["name"] for kind in kinds for o in stage.world.all(kind)]
    return f"{left} are left" if left else None


def normal(obj: Manifest) -> Mapping[str, Any] | None:
    """Without uids, times and versions."""
    status, name = obj.get("status") or {}, obj["metadata"]["name"]
    if obj.get("kind") == "CompileCache":
        kept = ("observedGeneration", "state", "reason", "message", "usable", "entries")
        conditions = {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or ()}
        return {"cache": name, **{of: status.get(of) for of in kept}, "conditions": conditions}
    if name == "kube-root-ca.crt":
        return None
    if name.startswith(f"{NAME}-keeper-"):
        return {"keeper": status.get("phase")}
    return {"name": name, "data": obj.get("data"), "replicas": obj.get("spec", {}).get("replicas")}


def _scenario(name: str, *steps: Step) -> Scenario:
    return Scenario(
        name=name,
        build=build_cache_operator,
        steps=steps,
        kinds=(COMPILECACHES, PERSISTENTVOLUMECLAIMS, CONFIGMAPS, DEPLOYMENTS, PODS),
        remembered=COMPILECACHES,
        normal=normal,
    )


KEPT: Final = _scenario(
    "cache",
    Step("created", at_once, create),
    Step("ready", ready([]), read),
    Step("in use", ready([DIGEST]), stop_reading),
    Step("no longer in use", ready([]), limit),
    Step("limited", limited, delete_claim),
    Step("ready on another claim", on_another_claim, nothing),
)

DELETED: Final = _scenario(
    "cache-namesakes",
    Step("created", at_once, create),
    Step("ready", ready([]), delete),
    Step("created anew", itself_gone, create),
    Step("ready anew", ready([]), delete),
    Step("gone", gone, nothing),
)

SCENARIOS: Final = {scenario.name: scenario for scenario in (KEPT, DELETED)}
