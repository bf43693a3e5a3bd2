"""The operator for JaxJobs, CompileCaches and Warmups together, as app/kinds.py builds it."""

from cache_operator import compile_caches, played_keepers
from gangs import Gangs
from jaxjob_operator import SETTINGS, jaxjobs
from jaxop.controllers.warmup import WarmupController
from jaxop.kube.client import ApiClient
from jaxop.kube.loop import Loop, together
from jaxop.kube.resources import ACCELERATORCLASSES, COMPILECACHES, JAXJOBS, WARMUPS, Key
from kopf_feed import feed_as_kopf_does
from operator_processes import BuildOperator, OperatorParts
from virtual_time import virtual_loop

OWN_KINDS = frozenset({JAXJOBS, COMPILECACHES, WARMUPS, ACCELERATORCLASSES})


class WarmupOperator:
    """An `operator_processes.OperatorParts`."""

    def __init__(self, client: ApiClient, namespace: str, gangs: Gangs) -> None:
        self._client = client
        self._namespace = namespace
        keepers = played_keepers(self._wake, gangs)
        jobs, caches = jaxjobs(client, self._wake, gangs), compile_caches(keepers)
        warmups = WarmupController(SETTINGS, keepers=keepers)
        self._beside = (*jobs.beside, *caches.beside)
        self.loop = Loop(
            client,
            [jobs.controller, caches.controller, warmups],
            namespace=namespace,
            fed=OWN_KINDS,
            clock=virtual_loop().now,
        )

    async def run(self) -> None:
        kopf = [
            feed_as_kopf_does(self._client, resource, self._namespace, self.loop.feed)
            for resource in sorted(OWN_KINDS, key=str)
        ]
        await together(self.loop.run(), *(run() for run in self._beside), *kopf)

    def _wake(self, key: Key) -> None:
        self.loop.wake(key)


def build_warmup_operator(gangs: Gangs) -> BuildOperator:
    def build(client: ApiClient, namespace: str) -> OperatorParts:
        return WarmupOperator(client, namespace, gangs)

    return build
