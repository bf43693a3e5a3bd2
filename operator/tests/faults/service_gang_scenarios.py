"""The story of a JaxService whose replicas have several hosts: each is a JaxJob."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import jaxjob_scenarios as jobs
import service_scenarios as services
from gangs import JAXJOB, ProgramFails
from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1.jaxjob_status import RestartLedger, SameFailure
from jaxop.kube.resources import (
    CONTROLLERREVISIONS,
    JAXJOBS,
    JAXSERVICES,
    JOBS,
    PODDISRUPTIONBUDGETS,
    PODS,
    SECRETS,
    SERVICES,
)
from replicas import SERVICE
from scenario import Scenario, Stage, Step, nothing
from service_operator import build_gang_service_operator
from world import index_of, is_over, is_ready

HOSTS: Final = 2
LABEL: Final = "jaxop.dev/replica"


def fails(replica: int) -> Callable[[Stage], Awaitable[None]]:
    """For the third time in a row, which ends its JaxJob. The launcher has borne the first two so
    fast that nobody heard of them."""

    async def then(stage: Stage) -> None:
        name, fact = _job(stage, replica)["metadata"]["name"], ProgramFails()
        twice = SameFailure(cause=fact.cause, step=fact.step, repeats=2)
        stage.gangs.gang(name, 0).ledger = RestartLedger(restarts=2, last=twice)
        stage.gangs.fails(name, 0, fact)

    return then


def serve(count: int) -> Callable[[Stage], str | None]:
    """All hosts of so many replicas are ready, nothing else runs, and the status says so."""

    def check(stage: Stage) -> str | None:
        status = services.status_of(stage)
        said = [status.get(of) for of in ("state", "readyReplicas", "replicas")]
        loaded = (status.get("buckets") or {}).get("summary")
        pods = [pod for pod in stage.world.all(PODS) if not is_over(pod)]
        ready = sorted((_replica(pod), index_of(pod)) for pod in pods if is_ready(pod))
        wanted = [(replica, host) for replica in range(count) for host in range(HOSTS)]
        right = ready == wanted and len(pods) == len(wanted)
        if said != ["Ready", count, count] or loaded != "4/4" or not right:
            return f"ready are {ready} of {len(pods)}; the status is {status}"
        return None

    return check


def ended(replica: int) -> Callable[[Stage], str | None]:
    """Its JaxJob has failed, and the service says so, with the others serving."""

    def check(stage: Stage) -> str | None:
        status, job = services.status_of(stage), _job(stage, replica).get("status") or {}
        said = [status.get(of) for of in ("state", "reason", "readyReplicas")]
        if job.get("state") != "Failed" or said != ["Degraded", "ReplicaFailed", 1]:
            return f"its JaxJob is {job}; the status is {status}"
        return None

    return check


def _job(stage: Stage, replica: int) -> Manifest:
    return next((job for job in stage.world.all(JAXJOBS) if _replica(job) == replica), {})


def _replica(obj: Manifest) -> int:
    return int(obj["metadata"]["labels"][LABEL])


def normal(obj: Manifest) -> Mapping[str, Any] | None:
    """Without uids, times, versions, and what may differ with when the operator looked."""
    labels = obj["metadata"].get("labels") or {}
    of_a_job = obj.get("kind") == "JaxJob" or JAXJOB in labels or SERVICE not in labels
    if obj.get("kind") != "JaxService" and of_a_job:
        return jobs.normal(obj)
    return services.normal(obj)


OF_GANGS: Final = Scenario(
    name="service-of-gangs",
    build=build_gang_service_operator,
    steps=(
        Step(
            "created",
            services.at_once,
            services.create(accelerator={"class": "cpu", "hosts": HOSTS}),
        ),
        Step("serves", serve(2), fails(0)),
        Step("ended", ended(0), nothing),
        Step("replaced", serve(2), services.scale(1)),
        Step("scaled", serve(1), nothing),
    ),
    kinds=(
        *(JAXSERVICES, CONTROLLERREVISIONS, JAXJOBS, JOBS, PODS, SERVICES, SECRETS),
        PODDISRUPTIONBUDGETS,
    ),
    remembered=JAXSERVICES,
    normal=normal,
    long=True,
)

SCENARIOS: Final = {OF_GANGS.name: OF_GANGS}
