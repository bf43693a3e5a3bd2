"""The API server goes away and comes back, having forgotten its past."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import ApiError, Unreachable
from jaxop.kube.login import login
from jaxop.kube.loop import Loop
from jaxop.kube.resources import CONFIGMAPS
from jaxop.kube.transport import KubernetesTransport, Request
from waiting import until
from widget import CRDS, WIDGET_CRD, WIDGETS, WidgetController, a_widget
from wire import Wire

from e2e.cluster.lite import LiteCluster, lite_cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[LiteCluster]:
    """One of its own: the others would not like what happens here."""
    with lite_cluster() as cluster:
        yield cluster


async def ready(client: ApiClient, name: str, count: int) -> bool:
    status: Manifest = (await client.get(WIDGETS, "default", name)).get("status") or {}
    return status.get("ready") == count


async def test_compacted_and_restarted(cluster: LiteCluster) -> None:
    """Watches break, their versions are compacted away, objects vanish meanwhile."""
    transport = KubernetesTransport(login(str(cluster.kubeconfig)))
    client, wire = ApiClient(transport), Wire(transport)
    await client.create(CRDS, WIDGET_CRD, manager="test")

    async def served() -> bool:
        try:
            await client.list_page(WIDGETS)
        except ApiError:
            return False
        return True

    await until(served, "the Widget kind is served")
    loop = Loop(ApiClient(wire), [WidgetController()])
    running = asyncio.create_task(loop.run())
    for name in ("stays", "vanishes"):
        await client.create(WIDGETS, a_widget("default", name), manager="test")
        await until(lambda name=name: ready(client, name, 2), f"{name} is ready")  # type: ignore[misc]

    def no_watches(request: Request) -> Unreachable | None:
        return Unreachable("cut off") if request.query.get("watch") else None

    wire.meddle = no_watches
    wire.cut()
    await client.delete(WIDGETS, "default", "vanishes")
    for child in ("vanishes-0", "vanishes-1", "stays-0"):
        await client.delete(CONFIGMAPS, "default", child)
    await client.patch(WIDGETS, "default", "stays", {"spec": {"children": 3}}, manager="test")
    cluster.stop_apiserver()  # blocks: the server dies with the thread that started it
    cluster.start_apiserver()
    cluster.compact()
    lists = wire.lists()
    wire.meddle = lambda _: None
    await until(lambda: ready(client, "stays", 3), "the loop goes on", seconds=60)
    assert wire.lists() > lists, "it was told 410 and listed anew"
    assert loop.stores[WIDGETS].get("default", "vanishes") is None

    # The status may have counted a child that the children's store did not yet know to be gone.
    async def whole() -> bool:
        found = await client.list_page(CONFIGMAPS, "default", selector="test.jaxop.dev/widget")
        names = sorted(child["metadata"]["name"] for child in found.items)
        return names == ["stays-0", "stays-1", "stays-2"]

    await until(whole, "all children of the one that stays are there, and no other", seconds=60)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await transport.close()


async def test_a_server_that_hangs(cluster: LiteCluster) -> None:
    """It accepts connections and says nothing: requests end, and go on when it does."""
    transport = KubernetesTransport(login(str(cluster.kubeconfig)))
    await ApiClient(transport).list_page(CONFIGMAPS, limit=1)
    impatient = ApiClient(transport, timeout=1.0, attempts=1)
    cluster.pause_apiserver()
    try:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="Timeout"):
            await impatient.list_page(CONFIGMAPS, limit=1)
        assert time.monotonic() - began < 10.0
    finally:
        cluster.resume_apiserver()
    assert await ApiClient(transport).list_page(CONFIGMAPS, limit=1)
    await transport.close()
