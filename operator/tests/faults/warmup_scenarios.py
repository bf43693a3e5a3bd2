"""Warmups' stories."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import cache_scenarios as caches
import jaxjob_scenarios as jobs
from gangs import ProgramFails
from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.labels import WARMUP_RUN
from jaxop.kube.resources import (
    COMPILECACHES,
    CONFIGMAPS,
    DEPLOYMENTS,
    JAXJOBS,
    JOBS,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    WARMUPS,
    Resource,
)
from scenario import Scenario, Stage, Step, nothing
from warmup_operator import build_warmup_operator

NAME: Final = "warm"
ONE_HOST: Final = {"class": "cpu", "hosts": 1}


def create_job(name: str) -> Callable[[Stage], Awaitable[None]]:
    """It waits for its program to be compiled."""

    async def then(stage: Stage) -> None:
        use = {"name": caches.NAME, "warmup": "Wait"}
        await stage.api.create(JAXJOBS, jobs.a_jaxjob(name, accelerator=ONE_HOST, compileCache=use))

    return then


async def create_warmup(stage: Stage) -> None:
    template = jobs.a_jaxjob()["spec"]["template"]
    await stage.api.create(
        WARMUPS,
        {
            "apiVersion": "jaxop.dev/v1alpha1",
            "kind": "Warmup",
            "metadata": {"name": NAME},
            "spec": {"compileCache": caches.NAME, "accelerator": ONE_HOST, "template": template},
        },
    )


async def delete_warmup(stage: Stage) -> None:
    await stage.api.delete(WARMUPS, NAME)


def finishes(name: str) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        stage.gangs.finishes(_job(stage, name)["metadata"]["name"], 0)

    return then


def fails(name: str) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        stage.gangs.fails(name, 0, ProgramFails(process=0))

    return then


def runs(name: str) -> Callable[[Stage], str | None]:
    """The JaxJob of this name, or the Warmup's that ends so."""

    def check(stage: Stage) -> str | None:
        status = _job(stage, name).get("status") or {}
        if status.get("state") != "Running":
            return f"{name}: {status}; {[w.get('status') for w in stage.world.all(WARMUPS)]}"
        return None

    return check


def fills(name: str) -> Callable[[Stage], str | None]:
    """The Warmup says that this JaxJob of its runs."""

    def check(stage: Stage) -> str | None:
        status = (stage.world.get(WARMUPS, NAME) or {}).get("status") or {}
        said = str(status.get("message"))
        return None if said.startswith(f"JaxJob {name} is Running") else f"{name}: {status}"

    return check


def succeeded(name: str) -> Callable[[Stage], str | None]:
    def check(stage: Stage) -> str | None:
        status = _job(stage, name).get("status") or {}
        return None if status.get("state") == "Succeeded" else f"{name}: {status}"

    return check


def none_of(*kinds: Resource) -> Callable[[Stage], str | None]:
    def check(stage: Stage) -> str | None:
        left = [o["metadata"]["name"] for kind in kinds for o in stage.world.all(kind)]
        return f"{left} are left" if left else None

    return check


def none_in_use(stage: Stage) -> str | None:
    """As the keeper has been told."""
    policy = stage.world.get(CONFIGMAPS, f"{caches.NAME}-keeper") or {"data": {}}
    in_use = json.loads(policy["data"].get("policy.json", "{}")).get("inUse")
    return None if in_use == [] else f"in use: {in_use}"


async def evict(stage: Stage) -> None:
    stage.gangs.shelf.evict_all()


def waits(name: str) -> Callable[[Stage], str | None]:
    """The job of this name does, for its program to be compiled again."""

    def check(stage: Stage) -> str | None:
        status = _job(stage, name).get("status") or {}
        if status.get("reason") != "WaitingForWarmup":
            return f"{name}: {status}"
        return runs(f"{NAME}-fill0")(stage)

    return check


def no_run_left(stage: Stage) -> str | None:
    left = [
        o["metadata"]["name"]
        for kind in (JAXJOBS, JOBS, PODS)
        for o in stage.world.all(kind)
        if "keeper" not in o["metadata"]["name"]
    ]
    return f"{left} are left" if left or stage.world.all(WARMUPS) else None


def _job(stage: Stage, name: str) -> Manifest:
    found = [job for job in stage.world.all(JAXJOBS) if plain(job["metadata"]["name"]) == name]
    return found[0] if found else {}


def normal(obj: Manifest) -> Mapping[str, Any] | None:
    """Without uids, times, versions, and the names that follow from uids."""
    found = _normal(obj)
    if found is None:
        return None
    kept: dict[str, Any] = json.loads(plain(json.dumps(found)))
    return kept


def _normal(obj: Manifest) -> Mapping[str, Any] | None:
    kind, status = obj.get("kind"), obj.get("status") or {}
    labels = obj["metadata"].get("labels") or {}
    if kind == "Warmup":
        kept = (
            *("observedGeneration", "state", "reason", "message", "cacheNamespace", "run"),
            *("entries", "bytes", "compileSeconds", "firstStepSeconds", "verification"),
        )
        conditions = {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or ()}
        told = {of: status.get(of) for of in kept}
        return {"warmup": obj["metadata"]["name"], **told, "conditions": conditions}
    if kind == "JaxJob":
        compiled = status.get("compilation")
        return {
            **(jobs.normal(obj) or {}),
            "warmup run": labels.get(WARMUP_RUN),
            "compilation": compiled,
        }
    if kind == "CompileCache" or (kind is None and labels.get("jaxop.dev/keeper")):
        return caches.normal(obj)
    return jobs.normal(obj)


def plain(text: str) -> str:
    """Without the hash in the name of a Warmup that jobs ask for."""
    return re.sub(f"{caches.NAME}-[0-9a-f]{{12}}", NAME, text)


def _scenario(name: str, remembered: Resource, *steps: Step) -> Scenario:
    return Scenario(
        name=name,
        build=build_warmup_operator,
        steps=steps,
        kinds=(WARMUPS, COMPILECACHES, JAXJOBS, JOBS, PODS, PERSISTENTVOLUMECLAIMS, DEPLOYMENTS),
        remembered=remembered,
        normal=normal,
        plain=plain,
        long=True,
    )


ASKED_FOR: Final = _scenario(
    "warmup",
    JAXJOBS,
    Step("created", caches.at_once, caches.create),
    Step("cache ready", caches.ready([]), create_job("digits")),
    Step("fill runs", runs(f"{NAME}-fill0"), finishes(f"{NAME}-fill0")),
    Step("verification runs", runs(f"{NAME}-verify0"), finishes(f"{NAME}-verify0")),
    Step("runs warm", runs("digits"), finishes("digits")),
    Step("succeeded", succeeded("digits"), create_job("again")),
    Step("runs at once", runs("again"), finishes("again")),
    Step("succeeded again", succeeded("again"), nothing),
)

TRIED_AGAIN: Final = _scenario(
    "warmup-namesakes",
    WARMUPS,
    Step("created", caches.at_once, caches.create),
    Step("cache ready", caches.ready([]), create_warmup),
    Step("fill runs", fills(f"{NAME}-fill0"), fails(f"{NAME}-fill0")),
    Step("second try runs", fills(f"{NAME}-fill1"), delete_warmup),
    Step("created anew", none_of(WARMUPS), create_warmup),
    Step("fill runs anew", fills(f"{NAME}-fill0"), delete_warmup),
    Step("gone", no_run_left, nothing),
)

EVICTED: Final = _scenario(
    "warmup-evicted",
    WARMUPS,
    Step("created", caches.at_once, caches.create),
    Step("cache ready", caches.ready([]), create_job("digits")),
    Step("fill runs", runs(f"{NAME}-fill0"), finishes(f"{NAME}-fill0")),
    Step("verification runs", runs(f"{NAME}-verify0"), finishes(f"{NAME}-verify0")),
    Step("runs warm", runs("digits"), finishes("digits")),
    Step("unused", none_in_use, evict),
    Step("forgotten", none_of(WARMUPS), create_job("again")),
    Step("compiled again", waits("again"), nothing),
)

SCENARIOS: Final = {scenario.name: scenario for scenario in (ASKED_FOR, TRIED_AGAIN, EVICTED)}
