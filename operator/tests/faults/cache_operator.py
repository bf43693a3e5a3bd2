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
from jaxop.kube.resources import COMPILECACHES, Key
from keepers import report
from one_operator import Around, built_with
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


def _kinds(around: Around) -> list[Kind]:
    return [compile_caches(played_keepers(around.wake, around.gangs))]


build_cache_operator = built_with(frozenset({COMPILECACHES}), _kinds)
