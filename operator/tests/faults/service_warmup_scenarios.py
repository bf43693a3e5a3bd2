"""The story of a JaxService whose revisions are compiled first."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

import cache_scenarios as caches
import service_scenarios as services
import warmup_scenarios as warmups
from jaxop.api.plan import Manifest
from jaxop.kube.resources import (
    COMPILECACHES,
    JAXJOBS,
    JAXSERVICES,
    JOBS,
    WARMUPS,
)
from replicas import SERVICE
from scenario import Scenario, Stage, Step, nothing
from service_operator import build_warmed_service_operator
from service_scenarios import BETTER, GOOD

IMAGES: Final = {GOOD: "team/minilm:1", BETTER: "team/minilm:2"}
REPLICAS: Final = 1
USE: Final = {"name": caches.NAME, "warmup": "Wait"}


def serve(entry: str) -> Callable[[Stage], Awaitable[None]]:
    """From an image of its own, which compiles into a cache namespace of its own."""

    async def then(stage: Stage) -> None:
        server = {"name": "jax", "image": IMAGES[entry]}
        template = {"spec": {"containers": [server]}}
        change = {"model": {"entry": entry}, "template": template}
        await stage.api.patch(JAXSERVICES, services.NAME, {"spec": change})

    return then


def drain(seconds: int) -> Callable[[Stage], Awaitable[None]]:
    """Another revision of the same program."""

    async def then(stage: Stage) -> None:
        await stage.api.patch(JAXSERVICES, services.NAME, {"spec": {"drainSeconds": seconds}})

    return then


def finishes(entry: str, run: str) -> Callable[[Stage], Awaitable[None]]:
    async def then(stage: Stage) -> None:
        (job,) = _runs(stage, entry, run)
        stage.gangs.finishes(job["metadata"]["name"], 0)

    return then


def held(entry: str, run: str, serving: int = 0) -> Callable[[Stage], str | None]:
    """This run of the model's Warmup is on, the service says that it waits, and none of its
    replicas is there: only so many of another."""

    def check(stage: Stage) -> str | None:
        jobs = [job.get("status") or {} for job in _runs(stage, entry, run)]
        replicas = [services.model(pod) for pod in services.replicas_of(stage)]
        status = (stage.world.get(JAXSERVICES, services.NAME) or {}).get("status") or {}
        on = [job.get("state") for job in jobs] == ["Running"]
        waits = (status.get("state"), status.get("readyReplicas")) == ("WarmingUp", serving)
        if not on or not waits or entry in replicas or len(replicas) != serving:
            return f"{run} of {entry} is {jobs}, replicas are {replicas}; the status is {status}"
        return None

    return check


def serves_warm(entry: str) -> Callable[[Stage], str | None]:
    """And no replica is older than what its Warmup found."""

    def check(stage: Stage) -> str | None:
        if (missing := services.serves(entry, REPLICAS)(stage)) is not None:
            return missing
        ready = [_ready_at(warmup) for warmup in stage.world.all(WARMUPS) if _is_of(warmup, entry)]
        made = [_time(pod["metadata"]["creationTimestamp"]) for pod in services.replicas_of(stage)]
        if len(ready) != 1 or ready[0] is None or min(made) < ready[0].replace(microsecond=0):
            return f"Warmups of {entry} were ready at {ready}, replicas are made at {made}"
        return None

    return check


def drained(entry: str, seconds: int) -> Callable[[Stage], str | None]:
    """All replicas are of the revision with this drain."""

    def check(stage: Stage) -> str | None:
        grace = {
            pod["spec"]["terminationGracePeriodSeconds"] for pod in services.replicas_of(stage)
        }
        if len(grace) != 1 or min(grace) < seconds:
            return f"replicas have {grace} s"
        return serves_warm(entry)(stage)

    return check


def _runs(stage: Stage, entry: str, run: str) -> list[Manifest]:
    """JaxJobs of the model's Warmup."""
    jobs = [job for job in stage.world.all(JAXJOBS) if _is_of(job, entry)]
    return [job for job in jobs if job["metadata"]["name"].endswith(f"-{run}")]


def _is_of(job_or_warmup: Manifest, entry: str) -> bool:
    return services.model(job_or_warmup["spec"]["template"]) == entry


def _ready_at(warmup: Manifest) -> datetime | None:
    status = warmup.get("status") or {}
    return _time(status["stateSince"]) if status.get("state") == "Ready" else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def normal(obj: Manifest) -> Mapping[str, Any] | None:
    """Without uids, times, versions, and the names that follow from uids."""
    labels = obj["metadata"].get("labels") or {}
    if obj.get("kind") == "JaxService" or SERVICE in labels:
        return services.normal(obj)
    return warmups.normal(obj)


WARMED: Final = Scenario(
    name="service-warmed",
    build=build_warmed_service_operator,
    steps=(
        Step("cache created", caches.at_once, caches.create),
        Step("cache ready", caches.ready([]), services.create(replicas=REPLICAS, compileCache=USE)),
        Step("fill runs", held(GOOD, "fill0"), finishes(GOOD, "fill0")),
        Step("verification runs", held(GOOD, "verify0"), finishes(GOOD, "verify0")),
        Step("serves", serves_warm(GOOD), serve(BETTER)),
        Step("next fill runs", held(BETTER, "fill0", REPLICAS), finishes(BETTER, "fill0")),
        Step("next verification", held(BETTER, "verify0", REPLICAS), finishes(BETTER, "verify0")),
        Step("rolled out", serves_warm(BETTER), drain(90)),
        Step("rolled out without a Warmup", drained(BETTER, 90), nothing),
    ),
    kinds=(*services.KINDS, COMPILECACHES, WARMUPS, JAXJOBS, JOBS),
    remembered=JAXSERVICES,
    normal=normal,
    plain=warmups.plain,
    long=True,
    every=4,
)

SCENARIOS: Final = {WARMED.name: WARMED}
