"""What runs in the operator's process, and in which order it stops.

kopf owns signals and the end: on SIGTERM its cleanup stops the loop first, which lets passes under
way end and gives the Lease up, so that a standby goes on at once. If the loop ends by itself, that
is an error, and ends kopf.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any, cast

import kopf
from prometheus_client import REGISTRY, disable_created_metrics

from jaxop import __version__
from jaxop.app import kinds, own_kinds, probes
from jaxop.app.metrics import collectors
from jaxop.app.preflight import preflight, unreachable
from jaxop.app.settings import Settings
from jaxop.kube.client import ApiClient
from jaxop.kube.discovery import gangs_served, kueue_served
from jaxop.kube.errors import Unreachable
from jaxop.kube.leader import Elector
from jaxop.kube.login import login as login_with
from jaxop.kube.loop import Loop, together
from jaxop.kube.resources import Key, KueueResources
from jaxop.kube.transport import KubernetesTransport

log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises FatalError."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    log.info("jax-operator %s starts as %s", __version__, settings.identity)
    login = login_with(settings.kubeconfig or None, settings.context or None)
    namespace = settings.watch_namespace or None
    server = (await login()).host
    async with AsyncExitStack() as stack:
        transport = KubernetesTransport(login)
        stack.push_async_callback(transport.close)
        elector = None
        if settings.leader_election:
            elector = _elector(settings, lease_transport := KubernetesTransport(login))
            stack.push_async_callback(lease_transport.close)
        client = ApiClient(transport, fence=elector.check) if elector else ApiClient(transport)
        try:
            kueue = await kueue_served(transport, client, namespace)
            gangs = await gangs_served(transport)
        except Unreachable as error:
            raise unreachable(server, error) from error
        core = _Core(client, elector, settings, kueue, gangs)
        await preflight(client, server, core.loop.stores, namespace)
        for collector in collectors(core.loop.stores, core.leads):
            REGISTRY.register(collector)
            stack.callback(REGISTRY.unregister, collector)
        await stack.enter_async_context(probes.metrics(settings.metrics_port, REGISTRY))
        await stack.enter_async_context(
            probes.probes(settings.health_port, core.loop.synced, core.leads)
        )
        registry = own_kinds.registry(sorted(core.fed, key=str), core.loop.feed, login)
        await _until_stopped(core, registry, namespace, settings.identity)
    log.info("jax-operator ends")


class _Core:
    """The loop and what its controllers need beside it."""

    def __init__(
        self,
        client: ApiClient,
        elector: Elector | None,
        settings: Settings,
        kueue: KueueResources | None,
        gangs: bool,
    ) -> None:
        self._elector = elector
        around = kinds.Surroundings(client, settings, self._wake, self._is_ours, kueue, gangs)
        self._kinds = kinds.all_kinds(around)
        controllers = [kind.controller for kind in self._kinds]
        self.fed = own_kinds.among(controllers)
        self.loop = Loop(
            client,
            controllers,
            namespace=settings.watch_namespace or None,
            workers=settings.workers,
            fed=self.fed,
        )
        self._own = {c.resource.kind: c.resource for c in controllers}

    async def run(self) -> None:
        beside = [run() for kind in self._kinds for run in kind.beside]
        await together(self.loop.run(self._elector), *beside)

    def leads(self) -> bool:
        return self._elector.leading if self._elector else self.loop.synced.is_set()

    def _wake(self, key: Key) -> None:
        self.loop.wake(key)

    def _is_ours(self, key: Key) -> bool:
        there = self.loop.stores[self._own[key.kind]].get(key.namespace, key.name) is not None
        return there and self.leads()


def _elector(settings: Settings, transport: KubernetesTransport) -> Elector:
    """On connections of its own: a busy loop must not keep the Lease from being renewed."""
    return Elector(
        transport,
        namespace=settings.namespace,
        name=settings.lease_name,
        identity=settings.process_identity,
    )


async def _until_stopped(
    core: _Core, registry: kopf.OperatorRegistry, namespace: str | None, identity: str
) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(core.run(), name="core")
    running.add_done_callback(lambda _: stop.set())

    @kopf.on.cleanup(registry=registry)
    async def stop_the_core(**_: Any) -> None:
        running.cancel()
        await asyncio.wait({running})

    try:
        await kopf.operator(
            registry=registry,
            settings=own_kinds.settings(),
            # Else kopf asks for the user's name, which a container's numeric user does not have.
            identity=cast(Any, identity),
            standalone=True,
            clusterwide=namespace is None,
            namespaces=[namespace] if namespace else [],
            stop_flag=stop,
        )
    finally:
        running.cancel()
        await asyncio.wait({running})
    if not running.cancelled():
        running.result()
