import re
import secrets
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from e2e.cluster.progress import Progress
from e2e.deploy import Deployment, deploy
from e2e.tests import operator
from e2e.tests.namespace import Namespace, eventually

MARK = "jaxop.dev/e2e"
GONE_WITHIN_SECONDS = 120.0
_NAMESPACE = pytest.StashKey[Namespace]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """The operator of this checkout; afterwards the cluster is as clean as it was."""
    deployment = deploy(["digits"], Progress(), nodes=("cpu", "tpu", "gpu"))
    yield deployment

    def gone() -> str | bool:
        return deployment.kubectl.run("get", "namespaces", f"--selector={MARK}", "-oname") or True

    eventually("the namespaces of all tests are gone", gone, GONE_WITHIN_SECONDS)
    # Empties the volumes whose claims have gone, and offers them again.
    deployment.cluster.up(Progress(quiet=True))


@pytest.fixture
def namespace(deployment: Deployment, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """Of this test alone. That it has gone is waited for when all tests are over."""
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    name = f"e2e-{slug[:36].strip('-')}-{secrets.token_hex(2)}"
    namespace = Namespace(name, deployment.kubectl)
    namespace.create({MARK: "test"})
    request.node.stash[_NAMESPACE] = namespace
    yield namespace
    namespace.delete()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test tells what its namespace looked like before that is deleted, and what the
    operator did meanwhile."""
    report = yield
    if report.when == "call" and report.failed and _NAMESPACE in item.stash:
        namespace = item.stash[_NAMESPACE]
        report.sections.append(("namespace", namespace.story()))
        report.sections.append(("operator", operator.story(namespace.kubectl)))
    return report
