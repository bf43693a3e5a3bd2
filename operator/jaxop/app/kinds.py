"""What runs for each kind: its controller, and the tasks that fetch what no store has.

Adding a kind adds a function here, and a call of it in `all_kinds`.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from jaxop.app.settings import Settings
from jaxop.controllers import compilecache, jaxjob, jaxruntime, jaxservice, warmup
from jaxop.controllers.jaxjob.controller import NAME as JAXJOB_CONTROLLER
from jaxop.controllers.node_facts import NodeFacts
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.domain.runtime.snapshot import VerificationSettings
from jaxop.kube.client import ApiClient
from jaxop.kube.controller import Controller
from jaxop.kube.resources import Key, KueueResources


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a kind may need; `is_ours`: the object exists, and this process leads."""

    client: ApiClient
    settings: Settings
    wake: Callable[[Key], None]
    is_ours: Callable[[Key], bool]
    kueue: KueueResources | None = None
    """Where the API server has them."""
    gangs_served: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    controller: Controller[Any]
    beside: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
    """Run for ever, beside the loop."""


def jaxjobs(around: Surroundings) -> Kind:
    settings, kueue = around.settings, around.kueue
    reports = jaxjob.GangReports(around.wake, around.is_ours)
    tokens = jaxjob.GangTokens(around.client, around.wake, JAXJOB_CONTROLLER)
    nodes = NodeFacts(around.client, around.wake)
    templates = jaxjob.JobTemplates(around.client, around.wake)
    controller = jaxjob.JaxJobController(
        _for_decisions(settings),
        reports=reports,
        tokens=tokens,
        nodes=nodes,
        templates=templates,
        kueue=jaxjob.KueueObjects(kueue, every_job=settings.kueue_external_framework)
        if kueue is not None
        else None,
        gangs_served=around.gangs_served,
    )
    return Kind(controller, (reports.run, tokens.run, nodes.run, templates.run))


def compile_caches(around: Surroundings, keepers: compilecache.KeeperReports) -> Kind:
    image = around.settings.runtime_image
    controller = compilecache.CompileCacheController(image, reports=keepers)
    return Kind(controller, (keepers.run,))


def warmups(around: Surroundings, keepers: compilecache.KeeperReports) -> Kind:
    return Kind(warmup.WarmupController(_for_decisions(around.settings), keepers=keepers))


def jax_runtimes(around: Surroundings) -> Kind:
    settings, nodes = around.settings, NodeFacts(around.client, around.wake)
    where = settings.watch_namespace or settings.namespace
    verification = VerificationSettings(settings.runtime_image, where)
    return Kind(jaxruntime.JaxRuntimeController(verification, nodes=nodes), (nodes.run,))


def jax_services(around: Surroundings) -> Kind:
    reports = jaxservice.ReplicaReports(around.wake, around.is_ours)
    nodes = NodeFacts(around.client, around.wake)
    controller = jaxservice.JaxServiceController(
        _for_decisions(around.settings), reports=reports, nodes=nodes
    )
    return Kind(controller, (reports.run, nodes.run))


def all_kinds(around: Surroundings) -> list[Kind]:
    keepers = compilecache.KeeperReports(around.wake, around.is_ours)
    return [
        jaxjobs(around),
        compile_caches(around, keepers),
        warmups(around, keepers),
        jax_runtimes(around),
        jax_services(around),
    ]


def _for_decisions(settings: Settings) -> OperatorSettings:
    return OperatorSettings(
        runtime_image=settings.runtime_image,
        status_interval_seconds=settings.status_interval_seconds,
        kueue_external_framework=settings.kueue_external_framework,
    )
