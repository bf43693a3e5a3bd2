"""A real kube-apiserver and etcd for the session; a fresh namespace for each test.

Where the rest of a control plane is wanted too, it is one of its own."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from jaxop.kube.client import ApiClient
from jaxop.kube.login import login
from jaxop.kube.resources import Resource
from jaxop.kube.transport import KubernetesTransport
from plain_api import Api, install_catalogue, install_crds

from e2e.cluster.lite import lite_cluster

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """JAXOP_APISERVER_KUBECONFIG names one that runs already, which saves its start."""
    if running := os.environ.get("JAXOP_APISERVER_KUBECONFIG"):
        yield Path(running)
        return
    with lite_cluster() as cluster:
        yield cluster.kubeconfig


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Path]:
    """With a controller-manager and a scheduler, but no node.

    JAXOP_CONTROL_PLANE_KUBECONFIG names one that runs already, which saves its start."""
    if running := os.environ.get("JAXOP_CONTROL_PLANE_KUBECONFIG"):
        yield Path(running)
        return
    with lite_cluster(controller_manager=True, scheduler=True) as cluster:
        yield cluster.kubeconfig


@pytest.fixture(scope="session")
def api(control_plane: Path) -> Api:
    """With our CRDs and the chart's catalogue of AcceleratorClasses."""
    server = Api(control_plane)
    install_crds(server)
    install_catalogue(server)
    return server


@pytest.fixture
async def transport(kubeconfig: Path) -> AsyncIterator[KubernetesTransport]:
    transport = KubernetesTransport(login(str(kubeconfig)))
    yield transport
    await transport.close()


@pytest.fixture
def client(transport: KubernetesTransport) -> ApiClient:
    return ApiClient(transport)


@pytest.fixture
async def namespace(client: ApiClient) -> AsyncIterator[str]:
    name = f"test-{secrets.token_hex(4)}"
    await client.create(
        NAMESPACES,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        manager="test",
    )
    yield name
    await asyncio.shield(client.delete(NAMESPACES, "", name))
