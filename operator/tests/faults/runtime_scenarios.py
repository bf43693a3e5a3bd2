"""JaxRuntimes' stories."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.kube.resources import JAXRUNTIMES, JOBS, PODS
from runtime_operator import build_runtime_operator
from scenario import Scenario, Stage, Step, nothing


def image(digit: int) -> str:
    return f"team/jax@sha256:{digit:064}"


def name(stage: Stage) -> str:
    """It has no namespace: see `line`."""
    return stage.world.namespace


async def create(stage: Stage) -> None:
    await stage.api.create(
        JAXRUNTIMES,
        {
            "apiVersion": "jaxop.dev/v1alpha1",
            "kind": "JaxRuntime",
            "metadata": {"name": name(stage)},
            "spec": {"image": image(1), "jaxlib": "0.10", "accelerators": ["cpu"]},
        },
    )


def change(**spec: Any) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        await stage.api.patch(JAXRUNTIMES, name(stage), {"spec": spec})

    return then


async def delete(stage: Stage) -> None:
    await stage.api.delete(JAXRUNTIMES, name(stage))


def at_once(_: Stage) -> str | None:
    return None


def found(state: str, jaxlib: str) -> Callable[[Stage], str | None]:
    """And nothing is left of what has found it out."""

    def check(stage: Stage) -> str | None:
        status = (stage.world.get(JAXRUNTIMES, name(stage)) or {}).get("status") or {}
        seen = [each.get("jaxlib") for each in status.get("found") or ()]
        if status.get("state") != state or seen != [jaxlib]:
            return f"wanted {state} with {jaxlib}, status is {status}"
        return _left(stage)

    return check


def gone(stage: Stage) -> str | None:
    there = stage.world.get(JAXRUNTIMES, name(stage))
    return "it is there" if there else _left(stage)


def _left(stage: Stage) -> str | None:
    left = [o["metadata"]["name"] for kind in (JOBS, PODS) for o in stage.world.all(kind)]
    return f"{left} are left" if left else None


def normal(obj: Manifest) -> Mapping[str, Any] | None:
    """Without uids, times and versions."""
    status = obj.get("status") or {}
    if obj.get("kind") != "JaxRuntime":
        return {"name": plain(obj["metadata"]["name"])}
    kept = {of: status.get(of) for of in ("observedGeneration", "state", "message")}
    results = [
        {of: seen for of, seen in each.items() if of != "time"}
        for each in status.get("found") or ()
    ]
    conditions = {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or ()}
    return {**kept, "found": results, "conditions": conditions}


def plain(text: str) -> str:
    """Without the runtime's own name, and what follows from it in its Job's."""
    return re.sub("-cpu-[0-9a-f]{8}", "-cpu", re.sub("faults-[0-9a-f]{10}", "runtime", text))


VERIFIED: Final = Scenario(
    name="runtime",
    build=build_runtime_operator,
    steps=(
        Step("created", at_once, create),
        Step("verified", found("Verified", "0.10.2"), change(jaxlib="0.12")),
        Step("mismatch", found("Mismatch", "0.10.2"), change(image=image(2))),
        Step("verified anew", found("Verified", "0.12.0"), delete),
        Step("gone", gone, nothing),
    ),
    kinds=(JAXRUNTIMES, JOBS, PODS),
    remembered=JAXRUNTIMES,
    normal=normal,
    plain=plain,
)

SCENARIOS: Final = {VERIFIED.name: VERIFIED}
