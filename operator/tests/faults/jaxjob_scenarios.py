"""JaxJobs' stories."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from gangs import Gangs, ProgramFails
from jaxjob_operator import build_jaxjob_operator
from jaxop.api.plan import Manifest
from jaxop.kube.resources import JAXJOBS, JOBS, PODS, SECRETS, SERVICES
from scenario import Scenario, Stage, Step, nothing
from world import is_over, phase

NAME: Final = "digits"


def a_jaxjob(name: str = NAME, **spec: Any) -> Manifest:
    """On two slices of one host, so that one Job can fail and the other not."""
    program = {"name": "jax", "image": "team/digits:1", "command": ["python", "-m", "train"]}
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxJob",
        "metadata": {"name": name},
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 1, "slices": 2},
            "template": {"spec": {"containers": [program]}},
            **spec,
        },
    }


def create(**spec: Any) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        await stage.api.create(JAXJOBS, a_jaxjob(**spec))

    return then


def patch(**spec: Any) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        await stage.api.patch(JAXJOBS, NAME, {"spec": spec})

    return then


async def delete(stage: Stage) -> None:
    await stage.api.delete(JAXJOBS, NAME)


def fails(attempt: int, **fact: Any) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        stage.gangs.fails(NAME, attempt, ProgramFails(**fact))

    return then


def finishes(attempt: int) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        stage.gangs.finishes(NAME, attempt)

    return then


def kills(process: int) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        stage.gangs.kills(NAME, 0, process)

    return then


def drains(process: int) -> Callable[[Stage], Awaitable[None]]:
    """Deletes the pod of a process, as the drain of its node does."""

    async def then(stage: Stage) -> None:
        uid = stage.gangs.gang(NAME, 0).members[process]
        (pod,) = (p for p in stage.world.all(PODS) if p["metadata"]["uid"] == uid)
        await stage.api.delete(PODS, pod["metadata"]["name"], uid)

    return then


def at_once(_: Stage) -> str | None:
    return None


def state(wanted: str, **fields: Any) -> Callable[[Stage], str | None]:
    """The status says so, with these fields; Running also says that all hosts are ready."""

    def check(stage: Stage) -> str | None:
        found = stage.world.get(JAXJOBS, NAME)
        status = (found or {}).get("status") or {}
        if status.get("state") == "Running" and (status.get("hosts") or {}).get("ready") != 2:
            return f"Running with {status.get('hosts')}"
        seen = {name: status.get(name) for name in fields}
        if status.get("state") != wanted or seen != fields:
            where = ("state", "reason", "message", "attempt", "restarts")
            return f"wanted {wanted} {fields}, status is { {n: status.get(n) for n in where} }"
        return None

    return check


def stopped(stage: Stage) -> str | None:
    """Suspended, and nothing of it is left."""
    if (missing := state("Suspended")(stage)) is not None:
        return missing
    left = [p["metadata"]["name"] for p in stage.world.all(PODS) if not is_over(p)]
    left += [job["metadata"]["name"] for job in stage.world.all(JOBS)]
    return f"{left} are left" if left else None


def gone(stage: Stage) -> str | None:
    left = [o["metadata"]["name"] for kind in (JAXJOBS, JOBS, PODS) for o in stage.world.all(kind)]
    return f"{left} are left" if left else None


def normal(obj: Manifest) -> Mapping[str, Any] | None:
    """Without uids, times, versions, and what may differ with when the operator looked."""
    metadata = obj["metadata"]
    kind, status = obj.get("kind"), obj.get("status") or {}
    if kind == "JaxJob":
        return _normal_jaxjob(obj)
    marks = {k: v for k, v in (metadata.get("labels") or {}).items() if k.startswith("jaxop.dev/")}
    if "name" in metadata and "completionMode" in (obj.get("spec") or {}):
        ends = sorted(c["type"] for c in status.get("conditions") or ())
        return {"job": metadata["name"], "labels": marks, "conditions": ends}
    if "containers" in (obj.get("spec") or {}):
        return {"pod": obj["spec"].get("hostname"), "labels": marks, "phase": phase(obj)}
    if metadata["name"] == "kube-root-ca.crt":
        return None
    return {"name": metadata["name"], "labels": marks}


_TURNS: Final = frozenset({"Suspended", "Succeeded", "Failed"})


def _normal_jaxjob(obj: Manifest) -> Mapping[str, Any]:
    status = obj.get("status") or {}
    kept = {
        name: status.get(name)
        for name in (
            *("observedGeneration", "state", "reason", "message", "accelerator", "hosts"),
            *("step", "restarts", "attempt", "epoch"),
        )
    }
    failure = dict(status.get("failure") or {})
    failure.pop("time", None)
    ledger = dict(status.get("restartLedger") or {})
    ledger["charges"] = len(ledger.get("charges") or ())
    conditions = {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or ()}
    turns = [
        f"{entry['state']} a{entry['attempt']}"
        for entry in status.get("timeline") or ()
        if entry["state"] in _TURNS
    ]
    return {
        "jaxjob": obj["metadata"]["name"],
        **kept,
        "failure": failure,
        "ledger": ledger,
        "conditions": conditions,
        "turns": turns,
        "finished": "completionTime" in status,
    }


def _scenario(name: str, *steps: Step) -> Scenario:
    return Scenario(
        name=name,
        build=build_jaxjob_operator,
        steps=steps,
        kinds=(JAXJOBS, JOBS, PODS, SERVICES, SECRETS),
        remembered=JAXJOBS,
        normal=normal,
    )


RECREATE: Final = {"inPlace": False}

LIFE: Final = _scenario(
    "life",
    Step("created", at_once, create(restartPolicy=RECREATE)),
    Step("running", state("Running", attempt=0), fails(0)),
    Step("running again", state("Running", attempt=1, restarts=1), patch(suspend=True)),
    Step("suspended", stopped, patch(suspend=False)),
    Step("resumed", state("Running", attempt=2, restarts=1), finishes(2)),
    Step("succeeded", state("Succeeded"), nothing),
)

NAMESAKES: Final = _scenario(
    "namesakes",
    Step("created", at_once, create(restartPolicy=RECREATE)),
    Step("running", state("Running", attempt=0), fails(0)),
    Step("running again", state("Running", attempt=1), delete),
    Step("created anew", at_once, create(restartPolicy={**RECREATE, "maxRestarts": 0})),
    Step("running anew", state("Running", attempt=0, restarts=0), fails(0)),
    Step("failed", state("Failed", restarts=0), delete),
    Step("created once more", at_once, create(restartPolicy=RECREATE)),
    Step("running once more", state("Running", attempt=0, restarts=0), delete),
    Step("gone", gone, nothing),
)

IN_PLACE: Final = _scenario(
    "in-place",
    Step("created", at_once, create(ttlSecondsAfterFinished=60)),
    Step("running", state("Running", attempt=0, epoch=1), fails(0)),
    Step("in place", state("Running", attempt=0, epoch=2, restarts=1), drains(1)),
    Step("a new pod", state("Running", attempt=0, epoch=3, restarts=2), kills(0)),
    Step("a new pod 0", state("Running", attempt=0, epoch=4, restarts=3), finishes(0)),
    Step("succeeded, and its time over", gone, nothing),
)

SCENARIOS: Final = {scenario.name: scenario for scenario in (LIFE, IN_PLACE, NAMESAKES)}

__all__ = ["SCENARIOS", "Gangs"]
