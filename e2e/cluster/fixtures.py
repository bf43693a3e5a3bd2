"""Fixtures for tests against a real API server: `from e2e.cluster.fixtures import apiserver`."""

from collections.abc import Iterator

import pytest

from e2e.cluster.lite import LiteCluster, lite_cluster


@pytest.fixture(scope="session")
def apiserver() -> Iterator[LiteCluster]:
    """One API server for all tests of the session; each test uses a namespace of its own."""
    with lite_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def apiserver_with_controllers() -> Iterator[LiteCluster]:
    """With kube-controller-manager: Jobs make pods, owners' deletion is carried through."""
    with lite_cluster(controller_manager=True) as cluster:
        yield cluster
