"""A cluster with a controller-manager and a scheduler, but no node: the tests play the kubelet."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from jaxop.kube.login import login
from jaxop.kube.transport import KubernetesTransport
from plain_api import Api, install_catalogue, install_crds

from e2e.cluster.lite import lite_cluster

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from runtime_play import RuntimePlay
from wire import Wire


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Path]:
    """JAXOP_CONTROL_PLANE_KUBECONFIG names one that runs already, which saves its start."""
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
async def play(api: Api, control_plane: Path) -> AsyncIterator[RuntimePlay]:
    """A namespace of the test's own, which takes restricted pods only, and JaxRuntimes."""
    transport = KubernetesTransport(login(str(control_plane)))
    play = RuntimePlay(Wire(transport))
    await play.begin()
    yield play
    await play.end()
    await transport.close()
