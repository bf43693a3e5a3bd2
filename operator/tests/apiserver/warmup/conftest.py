"""An API server and our controllers in this process; what runs in pods is played by status."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from jaxop.kube.client import ApiClient
from plain_api import Api, install_catalogue, install_crds
from warmup_operator import Operator, Played


@pytest.fixture(scope="session")
def kinds(kubeconfig: Path) -> None:
    server = Api(kubeconfig)
    install_crds(server)
    install_catalogue(server)


@pytest.fixture
def played(kinds: None, client: ApiClient, namespace: str) -> Played:
    return Played(client, namespace)


@pytest.fixture
async def operator(played: Played) -> AsyncIterator[Operator]:
    """Of Warmups alone: the test plays their JaxJobs."""
    async with Operator(played, with_jaxjobs=False) as running:
        yield running


@pytest.fixture
async def whole_operator(played: Played) -> AsyncIterator[Operator]:
    """Of JaxJobs and Warmups."""
    async with Operator(played, with_jaxjobs=True) as running:
        yield running
