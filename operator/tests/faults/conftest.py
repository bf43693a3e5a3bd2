"""A real kube-apiserver and etcd for the session, with our CRDs; and what was run, at the end."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import yaml
from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import ApiError
from jaxop.kube.login import login
from jaxop.kube.resources import ACCELERATORCLASSES, Resource
from jaxop.kube.transport import KubernetesTransport

from e2e.cluster.lite import lite_cluster

ROOT = Path(__file__).parents[3]
CRDS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False
)
DEADLINE_SECONDS = 60.0

_said = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[str]:
    """JAXOP_APISERVER_KUBECONFIG names one that runs already, which saves its start."""
    if running := os.environ.get("JAXOP_APISERVER_KUBECONFIG"):
        asyncio.run(_install(running))
        yield running
        return
    with lite_cluster() as cluster:
        asyncio.run(_install(str(cluster.kubeconfig)))
        yield str(cluster.kubeconfig)


async def _install(kubeconfig: str) -> None:
    """Until all of them are served: a kind's CRD takes effect a while after it is written."""
    transport = KubernetesTransport(login(kubeconfig))
    client = ApiClient(transport)
    crds = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    cpu = yaml.safe_load((ROOT / "charts/jax-operator/catalogue/cpu.yaml").read_text())
    try:
        for crd in crds:
            await client.apply(CRDS, crd, manager="test")
        for crd in crds:
            kind = _kind_of(crd)
            await _served(lambda kind=kind: client.list_page(kind, None, limit=1))  # type: ignore[misc]
        await _served(lambda: client.apply(ACCELERATORCLASSES, cpu, manager="test"))
    finally:
        await transport.close()


def _kind_of(crd: Manifest) -> Resource:
    spec = crd["spec"]
    names, namespaced = spec["names"], spec["scope"] == "Namespaced"
    version = spec["versions"][0]["name"]
    return Resource(spec["group"], version, names["plural"], names["kind"], namespaced)


async def _served(ask: Callable[[], Awaitable[object]]) -> None:
    seen = ""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                try:
                    await ask()
                    return
                except ApiError as error:
                    seen = str(error)
                    await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"the CRDs are not served: {seen}") from None


@pytest.fixture
def say(request: pytest.FixtureRequest) -> list[str]:
    """Lines for the end of the run."""
    return request.config.stash.setdefault(_said, [])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One schedule that is played again is all that is wanted."""
    if os.environ.get("JAXOP_FAULTS_SCHEDULE"):
        items[:] = [item for item in items if item.path.name == "test_sweep.py"]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash.get(_said, []):
        terminalreporter.write_line(line)
