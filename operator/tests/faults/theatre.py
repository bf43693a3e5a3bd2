"""Where a schedule is played: a namespace with a world, an operator in it, and a line to both."""

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any

from disturbance import Disturbance
from disturbed import Log
from gang_replicas import GangReplicasAnd
from gangs import Gangs
from inspections import PodsOf
from jaxop.kube.resources import Resource
from keepers import WorldWithVolumes
from line import Line
from operator_processes import OperatorProcesses
from raw_api import RawApi
from replicas import ReplicasAnd
from scenario import Scenario, Stage
from virtual_time import VirtualTimeLoop

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)


class Theatre:
    """`opened` it, world and operator run until it is closed."""

    def __init__(
        self,
        kubeconfig: str,
        scenario: Scenario,
        disturbance: Disturbance | None,
        loop: VirtualTimeLoop,
    ) -> None:
        namespace = f"faults-{secrets.token_hex(5)}"
        self.line = Line(kubeconfig, loop, namespace)
        self.log = Log(disturbance)
        self.gangs = Gangs()
        pods = ReplicasAnd(GangReplicasAnd(PodsOf(self.gangs), self.gangs))
        world = self.gangs.world = pods.world = WorldWithVolumes(self.line, namespace, pods)
        self.operator = OperatorProcesses(
            self.line, self.log, scenario.build(self.gangs), namespace
        )
        self.stage = Stage(RawApi(self.line, namespace), world, self.gangs)
        self._parts: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        name = self.stage.api.namespace
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await RawApi(self.line, "").create(NAMESPACES, body)
        runs = (self.stage.world.run(), self.operator.run())
        self._parts = [asyncio.create_task(run) for run in runs]

    async def during(self, act: Coroutine[Any, Any, None]) -> None:
        """Until `act` is over. Raises what it raises, or what ended the world or the operator."""
        acting = asyncio.create_task(act)
        try:
            await asyncio.wait({acting, *self._parts}, return_when=asyncio.FIRST_COMPLETED)
            for task in (acting, *self._parts):
                if task.done():
                    task.result()
        finally:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)

    async def deliver(self, up_to: int = 1_000_000) -> None:
        """The late writes that were sent up to this step of the story."""
        due = [request for step, request in self.log.late if step <= up_to]
        self.log.late = [(step, each) for step, each in self.log.late if step > up_to]
        for request in due:
            await self.line.request(request)

    async def close(self) -> None:
        for part in self._parts:
            part.cancel()
        await asyncio.gather(*self._parts, return_exceptions=True)
        await self.operator.clean_up()
        await self.line.close()
