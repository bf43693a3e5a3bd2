"""The operator for JaxRuntimes as app/kinds.py builds it, with kopf's events played."""

from gangs import Gangs
from jaxop.controllers.jaxjob import NodeFacts
from jaxop.controllers.jaxruntime import JaxRuntimeController
from jaxop.domain.runtime import VerificationSettings
from jaxop.kube.client import ApiClient
from jaxop.kube.loop import Loop, together
from jaxop.kube.resources import ACCELERATORCLASSES, JAXJOBS, JAXRUNTIMES, WARMUPS, Key
from kopf_feed import feed_as_kopf_does
from operator_processes import BuildOperator, OperatorParts
from virtual_time import virtual_loop

OWN_KINDS = frozenset({JAXRUNTIMES, ACCELERATORCLASSES, JAXJOBS, WARMUPS})


class RuntimeOperator:
    """An `operator_processes.OperatorParts`."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._nodes = NodeFacts(client, self._wake)
        settings = VerificationSettings("registry.test/jaxrun:1", namespace)
        controller = JaxRuntimeController(settings, nodes=self._nodes)
        now = virtual_loop().now
        self.loop = Loop(client, [controller], namespace=namespace, fed=OWN_KINDS, clock=now)

    async def run(self) -> None:
        kopf = [
            feed_as_kopf_does(self._client, resource, self._namespace, self.loop.feed)
            for resource in sorted(OWN_KINDS, key=str)
        ]
        await together(self.loop.run(), self._nodes.run(), *kopf)

    def _wake(self, key: Key) -> None:
        self.loop.wake(key)


def build_runtime_operator(_: Gangs) -> BuildOperator:
    def build(client: ApiClient, namespace: str) -> OperatorParts:
        return RuntimeOperator(client, namespace)

    return build
