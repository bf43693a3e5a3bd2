"""The operator for JaxServices as app/kinds.py builds it, alone or with the kinds that it may need;
kopf's events, and replicas, played."""

import asyncio
from collections.abc import Callable

import aiohttp
from cache_operator import compile_caches, played_keepers
from gang_replicas import report
from gangs import Gangs
from jaxjob_operator import SETTINGS, jaxjobs
from jaxop.app.kinds import Kind
from jaxop.controllers.jaxservice import JaxServiceController, ReplicaReports
from jaxop.controllers.jaxservice.replica_reports import Address
from jaxop.controllers.node_facts import NodeFacts
from jaxop.controllers.warmup import WarmupController
from jaxop.domain.service.replica_reading import read_replica_report
from jaxop.domain.service.views import ReplicaReport
from jaxop.kube.client import ApiClient
from jaxop.kube.resources import (
    ACCELERATORCLASSES,
    COMPILECACHES,
    JAXJOBS,
    JAXRUNTIMES,
    JAXSERVICES,
    WARMUPS,
    Key,
)
from one_operator import Around, built_with
from virtual_time import virtual_loop

OWN_KINDS = frozenset(
    {JAXSERVICES, JAXJOBS, WARMUPS, COMPILECACHES, JAXRUNTIMES, ACCELERATORCLASSES}
)


class PlayedReplicas(ReplicaReports):
    """Asks the played replicas instead of going over the network; all else is the real thing."""

    gangs: Gangs

    async def _fetch(
        self, address: Address, session: aiohttp.ClientSession
    ) -> tuple[ReplicaReport | None, str]:
        await asyncio.sleep(0)
        found = read_replica_report(report(self.gangs, address.ip))
        return (found, "heard") if found is not None else (None, "unreachable")


def jax_services(client: ApiClient, wake: Callable[[Key], None], gangs: Gangs) -> Kind:
    reports = PlayedReplicas(wake, clock=virtual_loop().now)
    reports.gangs = gangs
    nodes = NodeFacts(client, wake)
    controller = JaxServiceController(
        SETTINGS, reports=reports, nodes=nodes, clock=virtual_loop().now
    )
    return Kind(controller, (reports.run, nodes.run))


def _kinds(around: Around) -> list[Kind]:
    return [jax_services(around.client, around.wake, around.gangs)]


def _kinds_for_gangs(around: Around) -> list[Kind]:
    return [*_kinds(around), jaxjobs(around.client, around.wake, around.gangs)]


def _kinds_for_warmups(around: Around) -> list[Kind]:
    keepers = played_keepers(around.wake, around.gangs)
    return [
        *_kinds_for_gangs(around),
        compile_caches(keepers),
        Kind(WarmupController(SETTINGS, keepers=keepers)),
    ]


build_service_operator = built_with(OWN_KINDS, _kinds)
build_gang_service_operator = built_with(OWN_KINDS, _kinds_for_gangs)
build_warmed_service_operator = built_with(OWN_KINDS, _kinds_for_warmups)
