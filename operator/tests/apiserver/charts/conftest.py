"""The charts as Helm renders them, and a real API server to try them on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_objects import CHARTS, NAMESPACE, Helm, Render, apply
from plain_api import Api, install_crds

from e2e.cluster import binaries
from e2e.cluster.lite import lite_cluster
from e2e.cluster.progress import Progress


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Runs helm; `check=False` for when it is to fail."""
    path = binaries.ensure(["helm"], Progress())["helm"]
    home = tmp_path_factory.mktemp("helm")

    def run(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(path), *words],
            capture_output=True,
            text=True,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        )
        assert done.returncode == 0 or not check, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def rendered(helm: Helm) -> Render:
    """The objects of the operator's chart, with the given `--set` words or value files."""

    def render(*words: str) -> list[dict[str, Any]]:
        chart = str(CHARTS / "jax-operator")
        out = helm("template", "jax-operator", chart, "--namespace", NAMESPACE, *words).stdout
        return [document for document in yaml.safe_load_all(out) if document]

    return render


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """An API server of their own: these tests start operators, and install and delete classes."""
    if running := os.environ.get("JAXOP_APISERVER_KUBECONFIG"):
        yield Path(running)
        return
    with lite_cluster() as cluster:
        yield cluster.kubeconfig


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Api:
    server = Api(kubeconfig)
    install_crds(server)
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    assert apply(server, namespace).code in (200, 201)
    return server
