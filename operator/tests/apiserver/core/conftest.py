import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import AlreadyExists, ApiError
from jaxop.kube.login import login
from jaxop.kube.loop import Loop
from jaxop.kube.transport import KubernetesTransport
from waiting import until
from widget import CRDS, WIDGET_CRD, WIDGETS, Running, WidgetController
from wire import Wire


@pytest.fixture(scope="session")
def widget_kind(kubeconfig: Path) -> None:
    async def install() -> None:
        transport = KubernetesTransport(login(str(kubeconfig)))
        client = ApiClient(transport)

        async def served() -> bool:
            try:
                await client.list_page(WIDGETS)
            except ApiError:
                return False
            return True

        with suppress(AlreadyExists):
            await client.create(CRDS, WIDGET_CRD, manager="test")
        await until(served, "the Widget kind is served")
        await transport.close()

    asyncio.run(install())


@pytest.fixture
def wire(transport: KubernetesTransport) -> Wire:
    """Between the loop under test and the API server; `client` goes around it."""
    return Wire(transport)


@pytest.fixture
def running(widget_kind: None, wire: Wire, namespace: str) -> Running:
    @asynccontextmanager
    async def run(controller: WidgetController, **options: Any) -> AsyncIterator[Loop]:
        loop = Loop(ApiClient(wire), [controller], namespace=namespace, **options)
        task = asyncio.create_task(loop.run())
        try:
            await until(lambda: loop.synced.is_set() or task.done(), "the loop is synced")
            if task.done():
                task.result()
            yield loop
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return run
