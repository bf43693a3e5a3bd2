"""A real API server with the CRDs of this repository."""

import os
import time
from pathlib import Path

import pytest
import yaml
from api import CRDS, Api

CRD_FILES = sorted((Path(__file__).parents[4] / "crds").glob("*.yaml"))
DEADLINE_SECONDS = 30


@pytest.fixture(scope="session")
def api() -> Api:
    server = Api(Path(os.environ["JAXOP_KUBECONFIG"]))
    for path in CRD_FILES:
        install(server, yaml.safe_load(path.read_text()))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kinds"}}
    assert server.request("POST", "/api/v1/namespaces", namespace).code in (201, 409)
    return server


def install(server: Api, crd: dict[str, object]) -> None:
    name = crd["metadata"]["name"]  # type: ignore[index]
    answer = server.request(
        "PATCH",
        f"{CRDS}/{name}?fieldManager=test&force=true",
        crd,
        content_type="application/apply-patch+yaml",
    )
    assert answer.code in (200, 201), answer.faults
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        conditions = server.request("GET", f"{CRDS}/{name}").body["status"].get("conditions", [])
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return
        time.sleep(0.1)
    raise AssertionError(f"{name} is not served after {DEADLINE_SECONDS} s: {conditions}")
