"""An operator with the controllers of one story, as app/kinds.py puts them together; kopf's events
are played."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gangs import Gangs
from jaxop.app.kinds import Kind
from jaxop.kube.client import ApiClient
from jaxop.kube.loop import Loop, together
from jaxop.kube.resources import Key, Resource
from kopf_feed import feed_as_kopf_does
from operator_processes import BuildOperator, OperatorParts
from virtual_time import virtual_loop


@dataclass(frozen=True)
class Around:
    """What the kinds of one operator are made with."""

    client: ApiClient
    wake: Callable[[Key], None]
    namespace: str
    gangs: Gangs


MakeKinds = Callable[[Around], Sequence[Kind]]


class OneOperator:
    """An `operator_processes.OperatorParts`."""

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        gangs: Gangs,
        own_kinds: frozenset[Resource],
        make: MakeKinds,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._own_kinds = own_kinds
        kinds = make(Around(client, self._wake, namespace, gangs))
        self._beside = [run for kind in kinds for run in kind.beside]
        controllers = [kind.controller for kind in kinds]
        now = virtual_loop().now
        self.loop = Loop(client, controllers, namespace=namespace, fed=own_kinds, clock=now)

    async def run(self) -> None:
        kopf = [
            feed_as_kopf_does(self._client, resource, self._namespace, self.loop.feed)
            for resource in sorted(self._own_kinds, key=str)
        ]
        await together(self.loop.run(), *(run() for run in self._beside), *kopf)

    def _wake(self, key: Key) -> None:
        self.loop.wake(key)


def built_with(own_kinds: frozenset[Resource], make: MakeKinds) -> Callable[[Gangs], BuildOperator]:
    """What a story asks for its operators."""

    def build_operator(gangs: Gangs) -> BuildOperator:
        def build(client: ApiClient, namespace: str) -> OperatorParts:
            return OneOperator(client, namespace, gangs, own_kinds, make)

        return build

    return build_operator
