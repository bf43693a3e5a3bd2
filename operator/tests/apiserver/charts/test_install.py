"""Helm installs both charts into a real API server, upgrades them and takes them away again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from chart_objects import CHARTS, Helm
from plain_api import CLASSES, CRDS, Api

NAMESPACE = "installed"


@pytest.fixture
def install(helm: Helm, api: Api, kubeconfig: Path) -> Iterator[Helm]:
    """Runs helm against the API server; what it installed is gone afterwards."""

    def run(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        target = ("--kubeconfig", str(kubeconfig), "--namespace", NAMESPACE)
        return helm(*words, *target, check=check)

    yield run
    for release in ("jax-operator", "jax-operator-crds"):
        run("uninstall", release, "--ignore-not-found")


def test_both_charts_in_order(install: Helm, api: Api) -> None:
    crds, operator = str(CHARTS / "jax-operator-crds"), str(CHARTS / "jax-operator")
    # Other tests have put the CRDs there, without Helm's mark on them.
    install("install", "jax-operator-crds", crds, "--create-namespace", "--take-ownership")
    said = install("install", "jax-operator", operator, "--take-ownership").stdout
    assert "kubectl get jaxjob hello --watch" in said
    assert api.request("GET", f"{CLASSES}/tpu-v5e").code == 200
    deployments = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
    before = api.request("GET", f"{deployments}/jax-operator").body["metadata"]
    install("upgrade", "jax-operator", operator)
    after = api.request("GET", f"{deployments}/jax-operator").body["metadata"]
    assert after["generation"] == before["generation"], "an upgrade to the same restarts pods"
    said = install("upgrade", "jax-operator", operator, "--set", "replicas=1").stdout
    assert "One replica: while its node is down" in said
    install("uninstall", "jax-operator")
    assert api.request("GET", f"{CLASSES}/tpu-v5e").code == 404
    install("uninstall", "jax-operator-crds")
    assert api.request("GET", f"{CRDS}/jaxjobs.jaxop.dev").code == 200, "CRDs went, and all jobs"
