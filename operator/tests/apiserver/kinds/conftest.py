"""A real API server with the CRDs of this repository and a namespace to play in."""

from pathlib import Path

import pytest
from plain_api import Api, install_crds


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Api:
    server = Api(kubeconfig)
    install_crds(server)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kinds"}}
    assert server.request("POST", "/api/v1/namespaces", namespace).code in (201, 409)
    return server
