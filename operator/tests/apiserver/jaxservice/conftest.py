"""A cluster with a controller-manager, so that Deployments and garbage collection are real; the
operator as a real process; kubelets, and what runs in pods, played."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from jaxop.kube.client import ApiClient
from jaxop.kube.login import login
from jaxop.kube.transport import KubernetesTransport
from operator_process import OperatorProcess
from plain_api import Api
from played_kubelet import PlayedKubelet
from service_play import ServicePlay


@pytest.fixture
def play(api: Api) -> Iterator[ServicePlay]:
    """A namespace of the test's own."""
    name = f"test-{secrets.token_hex(4)}"
    answer = api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert answer.code == 201, answer.faults
    yield ServicePlay(api, name)
    api.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def operator(control_plane: Path, play: ServicePlay, tmp_path: Path) -> Iterator[OperatorProcess]:
    """One that leads."""
    process = OperatorProcess(control_plane, play.namespace, tmp_path)
    process.wait_leading()
    yield process
    process.kill()


@pytest.fixture
def kubelet(play: ServicePlay) -> Iterator[PlayedKubelet]:
    played = PlayedKubelet(play.api, play.namespace)
    yield played
    played.close()


@pytest.fixture
async def client(control_plane: Path) -> AsyncIterator[ApiClient]:
    """What the command line has."""
    transport = KubernetesTransport(login(str(control_plane)))
    yield ApiClient(transport)
    await transport.close()
