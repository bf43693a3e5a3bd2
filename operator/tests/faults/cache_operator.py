"""The operator for CompileCaches as app/kinds.py builds it; kopf's events, and keepers, played."""

import asyncio
from collections.abc import Callable

import aiohttp
from gangs import Gangs
from jaxop.app.kinds import Kind
from jaxop.controllers.compilecache import CompileCacheController, KeeperReports
from jaxop.controllers.compilecache.keeper_reports import Address
from jaxop.domain.cache.keeper_report import read_keeper_report
from jaxop.domain.cache.snapshot import KeeperReport
from jaxop.kube.client import ApiClient
from jaxop.kube.loop import Loop, together
from jaxop.kube.resources import COMPILECACHES, Key
from keepers import report
from kopf_feed import feed_as_kopf_does
from operator_processes import BuildOperator, OperatorParts
from virtual_time import virtual_loop


class PlayedKeepers(KeeperReports):
    """Asks the played keepers instead of going over the network; all else is the real thing."""

    gangs: Gangs

    async def _fetch(
        self, address: Address, session: aiohttp.ClientSession
    ) -> tuple[KeeperReport | None, str]:
        await asyncio.sleep(0)
        found = read_keeper_report(report(self.gangs.world, self.gangs.shelf, address.ip))
        return (found, "heard") if found is not None else (None, "unreachable")


def played_keepers(wake: Callable[[Key], None], gangs: Gangs) -> PlayedKeepers:
    keepers = PlayedKeepers(wake, clock=virtual_loop().now)
    keepers.gangs = gangs
    return keepers


def compile_caches(keepers: KeeperReports) -> Kind:
    controller = CompileCacheController(
        "registry.test/jaxrun:1", reports=keepers, clock=virtual_loop().now
    )
    return Kind(controller, (keepers.run,))


class CacheOperator:
    """An `operator_processes.OperatorParts`."""

    def __init__(self, client: ApiClient, namespace: str, gangs: Gangs) -> None:
        self._client = client
        self._namespace = namespace
        self._reports = played_keepers(self._wake, gangs)
        controller = compile_caches(self._reports).controller
        fed, now = frozenset({COMPILECACHES}), virtual_loop().now
        self.loop = Loop(client, [controller], namespace=namespace, fed=fed, clock=now)

    async def run(self) -> None:
        kopf = feed_as_kopf_does(self._client, COMPILECACHES, self._namespace, self.loop.feed)
        await together(self.loop.run(), self._reports.run(), kopf)

    def _wake(self, key: Key) -> None:
        self.loop.wake(key)


def build_cache_operator(gangs: Gangs) -> BuildOperator:
    def build(client: ApiClient, namespace: str) -> OperatorParts:
        return CacheOperator(client, namespace, gangs)

    return build
