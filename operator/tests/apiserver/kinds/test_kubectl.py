"""What a user sees in the terminal, with the real kubectl."""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bad_manifests import a_compile_cache, a_jax_runtime, a_jaxjob, a_warmup
from plain_api import CRD_FILES, MERGE, PATHS, Api

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


@pytest.mark.parametrize(
    ("manifest", "short", "status", "columns", "row"),
    [
        (
            a_compile_cache(),
            "cc",
            {"state": "Ready", "entries": 12, "size": "1.5Gi", "namespaceCount": 2},
            "NAME STATE REASON ENTRIES SIZE NAMESPACES WRITERS AGE",
            ["team-cache", "Ready", "12", "1.5Gi", "2", "Warmups"],
        ),
        (
            a_warmup(),
            "wu",
            {
                "state": "Ready",
                "reason": "Verified",
                "entries": 12,
                "verification": {
                    "requests": 12,
                    "hits": 12,
                    "summary": "12/12",
                    "compileSeconds": 0.5,
                },
            },
            "NAME STATE REASON CACHE ENTRIES HITS AGE",
            ["digits", "Ready", "Verified", "team-cache", "12", "12/12"],
        ),
        (
            a_jax_runtime(jax="0.12", python="3.13"),
            "jrt",
            {"state": "Verified"},
            "NAME STATE JAX PYTHON AGE",
            ["jax-0.12-cpu", "Verified", "0.12", "3.13"],
        ),
    ],
    ids=["CompileCache", "Warmup", "JaxRuntime"],
)
def test_what_an_on_call_person_sees_of_the_other_kinds(
    api: Api,
    kubectl: Kubectl,
    manifest: dict[str, Any],
    short: str,
    status: dict[str, Any],
    columns: str,
    row: list[str],
) -> None:
    path = PATHS[manifest["kind"]]
    with api.created(path, manifest) as created:
        target = f"{path}/{created['metadata']['name']}/status"
        answer = api.request("PATCH", target, {"status": status}, content_type=MERGE)
        assert answer.code == 200, answer.faults
        header, line = kubectl("get", short, "--namespace", "kinds").stdout.splitlines()
        assert header.split() == columns.split()
        assert line.split()[:-1] == row
        kind = manifest["kind"].lower()
        assert kind in kubectl("get", "jax", "-o", "name", "--namespace", "kinds").stdout


@pytest.mark.parametrize("crd", CRD_FILES, ids=lambda path: path.stem)
def test_crds_can_be_applied_from_the_client_side(kubectl: Kubectl, crd: Path) -> None:
    """Client-side apply keeps the whole manifest in an annotation, which has a limit."""
    done = kubectl("apply", "--dry-run=server", "-f", str(crd))
    assert done.returncode == 0, done.stderr
