"""A cluster with a controller-manager and a scheduler, but no node: the tests play the kubelet."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from jaxop.kube.login import login
from jaxop.kube.transport import KubernetesTransport
from plain_api import Api

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from runtime_play import RuntimePlay
from wire import Wire


@pytest.fixture
async def play(api: Api, control_plane: Path) -> AsyncIterator[RuntimePlay]:
    """A namespace of the test's own, which takes restricted pods only, and JaxRuntimes."""
    transport = KubernetesTransport(login(str(control_plane)))
    play = RuntimePlay(Wire(transport))
    await play.begin()
    yield play
    await play.end()
    await transport.close()
