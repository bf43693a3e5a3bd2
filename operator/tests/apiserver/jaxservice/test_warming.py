"""A revision whose programs are compiled before its first pod starts. Only the controller for
JaxServices runs here, in this process: the test plays the CompileCache and the Warmup."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from jaxop.controllers.jaxservice import JaxServiceController, ReplicaReports
from jaxop.controllers.node_facts import NodeFacts
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.kube.client import ApiClient
from jaxop.kube.loop import Loop, together
from jaxop.kube.resources import Key
from play import Object, wait
from played_kubelet import PlayedKubelet
from service_play import BETTER, MODEL, ServicePlay

SETTINGS = OperatorSettings(runtime_image="registry.test/jaxop-runtime:1")
CACHE = {"name": "team-cache", "warmup": "Wait"}


class Alone:
    """The loop with one controller. `wake` is that of its parts."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self.reports = ReplicaReports(self._wake)
        self.nodes = NodeFacts(client, self._wake)
        controller = JaxServiceController(SETTINGS, reports=self.reports, nodes=self.nodes)
        self._loop = Loop(client, [controller], namespace=namespace)

    async def run(self) -> None:
        await together(self._loop.run(), self.reports.run(), self.nodes.run())

    def _wake(self, key: Key) -> None:
        self._loop.wake(key)


@pytest.fixture
async def alone(client: ApiClient, play: ServicePlay) -> AsyncIterator[None]:
    task = asyncio.create_task(Alone(client, play.namespace).run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def a_usable_cache(play: ServicePlay) -> None:
    cache = {"apiVersion": "jaxop.dev/v1alpha1", "kind": "CompileCache"}
    named = {"metadata": {"name": "team-cache"}, "spec": {"storage": {"claimName": "nfs"}}}
    play.create("compilecaches", {**cache, **named})
    status = {"state": "Ready", "usable": True, "claimName": "nfs"}
    play.patch("compilecaches", "team-cache", {"status": status}, "status")


def the_warmup(play: ServicePlay, known: frozenset[str] = frozenset()) -> Object:
    """The one that is not `known`."""

    def check() -> Object | None:
        made = [w for w in play.all("warmups") if w["metadata"]["name"] not in known]
        return made[0] if made else None

    found: Object = wait("a Warmup is made", check)
    return found


def is_warm(play: ServicePlay, warmup: Object) -> None:
    status = {"state": "Ready", "reason": "Verified", "message": "12/12 hits"}
    play.patch("warmups", warmup["metadata"]["name"], {"status": status}, "status")


async def test_no_pod_before_the_programs_are_compiled(
    play: ServicePlay, alone: None, kubelet: PlayedKubelet
) -> None:
    await asyncio.to_thread(_first_revision, play)
    await asyncio.to_thread(_next_revision, play)


def _first_revision(play: ServicePlay) -> None:
    a_usable_cache(play)
    play.service(compileCache=CACHE)
    warmup = the_warmup(play)
    play.wait_state("WarmingUp", readyReplicas=0)
    (server,) = warmup["spec"]["template"]["spec"]["containers"]
    assert server["command"][-1] == MODEL
    assert play.names("pods") == []
    is_warm(play, warmup)
    play.wait_state("Ready", readyReplicas=2)


def _next_revision(play: ServicePlay) -> None:
    """The old one serves meanwhile."""
    before = frozenset(play.names("warmups"))
    play.serve(BETTER)
    warmup = the_warmup(play, before)
    play.wait_state("WarmingUp", readyReplicas=2)
    assert play.models() == [MODEL, MODEL]
    is_warm(play, warmup)
    play.wait_state("Ready", readyReplicas=2, updatedReplicas=2)
    assert play.models() == [BETTER, BETTER]
