"""The operator for JaxJobs as app/process.py builds it, with what it meets outside the API server
played: kopf's events, and the launchers that it asks for reports."""

import asyncio
from collections.abc import Callable

import aiohttp
from gangs import Gangs
from jaxop.app.kinds import Kind
from jaxop.controllers.jaxjob import (
    GangReports,
    GangTokens,
    JaxJobController,
    JobTemplates,
)
from jaxop.controllers.jaxjob.controller import NAME
from jaxop.controllers.jaxjob.gang_reports import Address
from jaxop.controllers.node_facts import NodeFacts
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.domain.jaxjob.reading.launcher_reading import read_report
from jaxop.domain.jaxjob.views import GangReport
from jaxop.kube.client import ApiClient
from jaxop.kube.resources import ACCELERATORCLASSES, JAXJOBS, Key
from one_operator import Around, built_with
from virtual_time import virtual_loop

OWN_KINDS = frozenset({JAXJOBS, ACCELERATORCLASSES})
SETTINGS = OperatorSettings(runtime_image="registry.test/jaxrun:1")


class PlayedReports(GangReports):
    """Asks the played launchers instead of going over the network; all else is the real thing."""

    gangs: Gangs

    async def _fetch(
        self, address: Address, session: aiohttp.ClientSession
    ) -> tuple[GangReport | None, str]:
        await asyncio.sleep(0)
        answer = self.gangs.report(address.ip)
        report = read_report(answer) if answer is not None else None
        if report is None or report.attempt != address.attempt:
            return None, "unreachable"
        return report, "new"


def jaxjobs(client: ApiClient, wake: Callable[[Key], None], gangs: Gangs) -> Kind:
    now = virtual_loop().now
    reports = PlayedReports(wake, clock=now)
    reports.gangs = gangs
    tokens = GangTokens(client, wake, NAME)
    nodes = NodeFacts(client, wake)
    templates = JobTemplates(client, wake)
    controller = JaxJobController(
        SETTINGS, reports=reports, tokens=tokens, nodes=nodes, templates=templates, clock=now
    )
    return Kind(controller, (reports.run, tokens.run, nodes.run, templates.run))


def _kinds(around: Around) -> list[Kind]:
    return [jaxjobs(around.client, around.wake, around.gangs)]


build_jaxjob_operator = built_with(OWN_KINDS, _kinds)
