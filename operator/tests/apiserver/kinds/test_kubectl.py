"""What a user sees in the terminal, with the real kubectl."""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bad_manifests import a_jaxjob
from plain_api import CRD_FILES, Api

from e2e.cluster import binaries
from e2e.cluster.progress import Progress

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def kubectl(api: Api, tmp_path: Path) -> Iterator[Kubectl]:
    """Runs kubectl in a namespace of its own; `manifest` goes to its standard input."""
    program = str(binaries.ensure(["kubectl"], Progress())["kubectl"])
    namespace = f"kubectl-{secrets.token_hex(4)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    assert api.request("POST", "/api/v1/namespaces", body).code == 201

    def run(*words: str, manifest: object = None) -> subprocess.CompletedProcess[str]:
        login = ["--kubeconfig", str(api.kubeconfig), "--namespace", namespace]
        return subprocess.run(
            [program, *login, "--cache-dir", str(tmp_path), *words],
            input=None if manifest is None else json.dumps(manifest),
            capture_output=True,
            text=True,
        )

    yield run
    api.request("DELETE", f"/api/v1/namespaces/{namespace}")


def without_namespace() -> dict[str, Any]:
    manifest = a_jaxjob()
    del manifest["metadata"]["namespace"]
    return manifest


def test_applying_twice_changes_nothing(kubectl: Kubectl) -> None:
    first = kubectl("apply", "-f", "-", manifest=without_namespace())
    assert first.stdout == "jaxjob.jaxop.dev/digits created\n", first.stderr
    again = kubectl("apply", "-f", "-", manifest=without_namespace())
    assert again.stdout == "jaxjob.jaxop.dev/digits unchanged\n", again.stderr
    assert kubectl("get", "jj,ac", "-o", "name").stdout.startswith("jaxjob.jaxop.dev/digits\n")
    assert "jaxjob.jaxop.dev/digits" in kubectl("get", "all", "-o", "name").stdout
    table = kubectl("get", "jaxjobs").stdout.splitlines()
    assert table[0].split() == [
        "NAME", "STATE", "REASON", "ACCELERATOR", "HOSTS", "STEP", "RESTARTS", "AGE",
    ]  # fmt: skip


def test_a_misspelt_field_is_named(kubectl: Kubectl) -> None:
    manifest = without_namespace()
    manifest["spec"]["suspended"] = True
    done = kubectl("apply", "-f", "-", manifest=manifest)
    assert done.returncode == 1
    assert 'unknown field "spec.suspended"' in done.stderr


def test_all_faults_are_told_at_once(kubectl: Kubectl) -> None:
    manifest = without_namespace()
    manifest["spec"]["accelerator"] = {"class": "tpu-v5e", "topology": "4x4", "hosts": 4}
    manifest["spec"]["template"]["spec"]["containers"][0]["name"] = "main"
    done = kubectl("apply", "-f", "-", manifest=manifest)
    headline, *faults = done.stderr.splitlines()
    assert headline == 'The JaxJob "digits" is invalid: '
    # Their order is the API server's, and changes.
    assert sorted(faults) == [
        "* spec.accelerator.hosts: Forbidden: the number of hosts follows from the topology: "
        "remove hosts, or remove topology if this is not a TPU",
        '* spec.template.spec.containers: Required value: no container is named "jax" (the first '
        'is "main"): name the one that runs the program so',
    ]


def test_explain_tells_what_a_field_is_for(kubectl: Kubectl) -> None:
    said = " ".join(kubectl("explain", "jaxjob.spec.checkpoint.graceSeconds").stdout.split())
    assert "Seconds that the program has between SIGTERM and SIGKILL" in said


@pytest.mark.parametrize("crd", CRD_FILES, ids=lambda path: path.stem)
def test_crds_can_be_applied_from_the_client_side(kubectl: Kubectl, crd: Path) -> None:
    """Client-side apply keeps the whole manifest in an annotation, which has a limit."""
    done = kubectl("apply", "--dry-run=server", "-f", str(crd))
    assert done.returncode == 0, done.stderr
