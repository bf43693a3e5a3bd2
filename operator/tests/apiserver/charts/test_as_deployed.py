"""The operator process as the chart's Deployment starts it, with the rights of its ServiceAccount.

No kubelet here: the container's command and environment are run as a child process of the test,
logged in with a token of the ServiceAccount.
"""

import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_objects import NAMESPACE, Render, apply, url
from plain_api import Api

RELEASE_KINDS = {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"} | {
    "AcceleratorClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
DEADLINE_SECONDS = 60
STOP_SECONDS = 20


@dataclass(frozen=True)
class Operator:
    """The running process and where its words go."""

    process: subprocess.Popen[bytes]
    log: Path

    def words(self) -> str:
        return self.log.read_text()


@pytest.fixture(params=["all namespaces", "one namespace"])
def where(request: pytest.FixtureRequest, api: Api) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A namespace for jobs, and the values of a release that looks after it."""
    namespace = f"deployed-{secrets.token_hex(4)}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    assert apply(api, manifest).code == 201
    one = request.param == "one namespace"
    yield namespace, ("--set", f"watchNamespace={namespace}") if one else ()
    api.request("DELETE", f"/api/v1/namespaces/{namespace}")


@pytest.fixture
def operator(
    api: Api,
    rendered: Render,
    where: tuple[str, tuple[str, ...]],
    kubeconfig: Path,
    tmp_path: Path,
) -> Iterator[Operator]:
    documents = rendered(*where[1])
    release = [document for document in documents if document["kind"] in RELEASE_KINDS]
    for document in release:
        answer = apply(api, document)
        assert answer.code in (200, 201), answer.faults
    (deployment,) = (d for d in documents if d["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    login = kubeconfig_of(api, pod["serviceAccountName"], kubeconfig, tmp_path)
    (container,) = pod["containers"]
    # Ports of a shared machine: free ones, written to the log.
    flags = ["--metrics-port=0", "--health-port=0", f"--kubeconfig={login}", "--log-format=text"]
    log = tmp_path / "operator.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *container["command"][1:], *flags],
            env=environment(container) | {"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Operator(process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for document in release:
            api.request("DELETE", url(document))


def environment(container: dict[str, Any]) -> dict[str, str]:
    fields = {"metadata.name": "jax-operator-0", "metadata.namespace": NAMESPACE}
    return {
        each["name"]: each["value"]
        if "value" in each
        else fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in container["env"]
    }


def kubeconfig_of(api: Api, account: str, admins: Path, directory: Path) -> Path:
    """A kubeconfig that is the service account and nobody else."""
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600},
    }
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token"
    answer = api.request("POST", path, request)
    assert answer.code == 201, answer.faults
    config = yaml.safe_load(admins.read_text())
    config["users"][0]["user"] = {"token": answer.body["status"]["token"]}
    target = directory / "kubeconfig"
    target.write_text(yaml.safe_dump(config))
    return target


def until(what: str, holds: Callable[[], object], operator: Operator) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (seen := holds()):
        assert operator.process.poll() is None, f"the operator ended:\n{operator.words()}"
        assert time.monotonic() < deadline, f"{what}: not so. It says:\n{operator.words()}"
        time.sleep(0.2)
    return seen


def test_its_rights_are_all_it_needs_to_run_a_job(
    api: Api, operator: Operator, where: tuple[str, tuple[str, ...]]
) -> None:
    namespace, _ = where
    job = {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "JaxJob",
        "metadata": {"name": "digits", "namespace": namespace},
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 2},
            "template": {
                "spec": {"containers": [{"name": "jax", "image": "a", "command": ["python"]}]}
            },
        },
    }
    assert apply(api, job).code == 201
    ours = f"{url(job)}"

    def status() -> dict[str, Any]:
        found: dict[str, Any] = api.request("GET", ours).body.get("status", {})
        return found

    until("the job has a state", lambda: status().get("state"), operator)
    batch, core = f"/apis/batch/v1/namespaces/{namespace}", f"/api/v1/namespaces/{namespace}"
    child = f"{batch}/jobs/digits-a0-s0"
    until("the child Job is there", lambda: api.request("GET", child).code == 200, operator)
    assert api.request("GET", f"{core}/services/digits-gang").code == 200
    assert api.request("GET", f"{core}/secrets/jaxop-gang-token").code == 200

    suspend = {"spec": {"suspend": True}}
    api.request("PATCH", ours, suspend, content_type="application/merge-patch+json")
    until("the job is suspended", lambda: status().get("state") == "Suspended", operator)
    until("its child is deleted", lambda: deleted(api, child), operator)
    events = f"{core}/events"
    until("its story is told", lambda: api.request("GET", events).body["items"], operator)
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/jax-operator"
    assert api.request("GET", lease).body["spec"]["holderIdentity"].startswith("jax-operator-0")
    assert 'User "system:serviceaccount' not in operator.words(), "something is refused by RBAC"


def test_its_rights_are_all_it_needs_to_keep_a_cache(
    api: Api, operator: Operator, where: tuple[str, tuple[str, ...]]
) -> None:
    namespace, _ = where
    cache = {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "CompileCache",
        "metadata": {"name": "team", "namespace": namespace},
        "spec": {"storage": {"size": "1Gi"}},
    }
    assert apply(api, cache).code == 201

    def state() -> str:
        found: str = api.request("GET", url(cache)).body.get("status", {}).get("state", "")
        return found

    until("the cache has a state", lambda: state() == "Pending", operator)
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    for child in (
        f"{core}/persistentvolumeclaims/team-cache",
        f"{core}/configmaps/team-keeper",
        f"{apps}/deployments/team-keeper",
    ):
        until(f"{child} is there", lambda c=child: api.request("GET", c).code == 200, operator)
    more = {"spec": {"retention": {"maxSize": "512Mi"}}}
    api.request("PATCH", url(cache), more, content_type="application/merge-patch+json")

    def told() -> bool:
        policy = api.request("GET", f"{core}/configmaps/team-keeper").body
        return '"maxBytes": 536870912' in policy["data"]["policy.json"]

    until("the keeper is told of another limit", told, operator)
    assert 'User "system:serviceaccount' not in operator.words(), "something is refused by RBAC"


def deleted(api: Api, path: str) -> bool:
    answer = api.request("GET", path)
    return answer.code == 404 or "deletionTimestamp" in answer.body["metadata"]


def test_its_probes_answer_where_the_chart_looks(
    operator: Operator, rendered: Render
) -> None:  # fmt: skip
    (deployment,) = (d for d in rendered() if d["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    until("it says where its probes are", lambda: "probes at port" in operator.words(), operator)
    said = operator.words().split("probes at ", 1)[1].splitlines()[0]
    ports = re.findall(r"port (\d+)", said)  # one for each address family
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        urls = [f"http://127.0.0.1:{port}{path}" for port in ports]
        until(f"{probe} passes", lambda urls=urls: any(map(answers, urls)), operator)  # type: ignore[misc]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
