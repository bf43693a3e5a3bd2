"""Kubernetes' own gang scheduling, with the real scheduler: off as it comes, and on."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from operator_process import OperatorProcess
from plain_api import CLASSES, Api, install_crds
from play import Object, Play, wait
from played_nodes import nodes

from e2e.cluster.lite import lite_cluster

GATES = "--feature-gates=GenericWorkload=true,GangScheduling=true"
SERVED = "--runtime-config=scheduling.k8s.io/v1alpha1=true"
KIND = "example.com/kind"
A_CLASS = {
    "apiVersion": "jaxop.dev/v1alpha1",
    "kind": "AcceleratorClass",
    "metadata": {"name": "cpu"},
    "spec": {"vendor": "CPU"},
}


@pytest.fixture(scope="module")
def gang_plane() -> Iterator[Path]:
    """JAXOP_GANG_PLANE_KUBECONFIG names one that runs already."""
    if running := os.environ.get("JAXOP_GANG_PLANE_KUBECONFIG"):
        yield Path(running)
        return
    with lite_cluster(
        controller_manager=True,
        scheduler=True,
        apiserver_flags=[GATES, SERVED],
        scheduler_flags=[GATES],
    ) as cluster:
        yield cluster.kubeconfig


@pytest.fixture(scope="module")
def gang_api(gang_plane: Path) -> Api:
    server = Api(gang_plane)
    install_crds(server)
    answer = server.request("POST", CLASSES, A_CLASS)
    assert answer.code in (201, 409), answer.faults
    return server


@pytest.fixture
def gang_play(gang_api: Api) -> Iterator[Play]:
    name = f"test-{secrets.token_hex(4)}"
    answer = gang_api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert answer.code == 201, answer.faults
    yield Play(gang_api, name)
    gang_api.request("DELETE", f"/api/v1/namespaces/{name}")


def a_gang(play: Play, kind: str, name: str = "digits", gang: str = "Workload") -> None:
    """Two slices of two hosts, each host as large as a node."""
    program = {
        "name": "jax",
        "image": "i:1",
        "command": ["a"],
        "resources": {"requests": {"cpu": "6"}},
    }
    play.jaxjob(
        name,
        accelerator={"class": "cpu", "hosts": 2, "slices": 2},
        template={"spec": {"nodeSelector": {KIND: kind}, "containers": [program]}},
        scheduling={"gang": gang},
    )


def placed(pods: list[Object]) -> list[Object]:
    return [pod for pod in pods if pod["spec"].get("nodeName")]


def is_judged(pod: Object) -> bool:
    """The scheduler has tried, and put it off. One of its slice may hold the last node meanwhile,
    without a word."""
    conditions: list[dict[str, Any]] = pod["status"].get("conditions") or []
    return any(c["type"] == "PodScheduled" and c["status"] == "False" for c in conditions)


def test_where_it_is_not_served_that_is_said(play: Play, operator: OperatorProcess) -> None:
    play.jaxjob(scheduling={"gang": "Workload"})
    status = play.wait_state("Pending", "InvalidSpec")
    assert status["message"] == (
        "spec.scheduling.gang: is Workload, but the API server does not serve "
        "scheduling.k8s.io/v1alpha1 Workload; enable that version and the feature gates "
        "GenericWorkload and GangScheduling in kube-apiserver and kube-scheduler and restart the "
        "operator, or remove the field"
    )
    assert play.names("jobs") == []


def test_a_slice_is_placed_whole_or_not_at_all(
    gang_plane: Path, gang_play: Play, tmp_path: Path, start: Callable[..., OperatorProcess]
) -> None:
    """Given three nodes for two slices of two hosts, then one slice gets two of them, and the
    other none until there are four."""
    play, kind = gang_play, f"kind-{secrets.token_hex(4)}"
    operator = start(gang_plane, play.namespace)
    operator.wait_leading(90.0)
    three = {f"{kind}-{i}": {KIND: kind} for i in range(3)}
    with nodes(play.api, three):
        a_gang(play, kind)
        pods = play.pods(4)
        refs = [pod["spec"]["workloadRef"] for pod in pods]
        assert refs[0] == {"name": "digits", "podGroup": "slice", "podGroupReplicaKey": "a0-s0"}
        assert refs[3]["podGroupReplicaKey"] == "a0-s1"

        def first_is_whole() -> list[Object] | None:
            pods = play.all("pods")
            there = placed(pods)
            rest = [pod for pod in pods if pod not in there]
            return there if len(there) == 2 and any(map(is_judged, rest)) else None

        there = wait("one slice is placed, and the other was tried", first_is_whole, 60.0)
        slices = {pod["metadata"]["labels"]["jaxop.dev/slice"] for pod in there}
        assert len(slices) == 1, "half of each would deadlock"
        play.wait_state("Scheduling", "Unschedulable")
        with nodes(play.api, {f"{kind}-3": {KIND: kind}}):
            wait("both are placed", lambda: len(placed(play.all("pods"))) == 4, 60.0)
        assert len(play.api.request("GET", WORKLOADS.format(play.namespace)).body["items"]) == 1
        play.delete("jaxjobs", "digits")
        wait(
            "the Workload goes with the JaxJob",
            lambda: play.api.request("GET", WORKLOADS.format(play.namespace)).body["items"] == [],
        )


WORKLOADS = "/apis/scheduling.k8s.io/v1alpha1/namespaces/{}/workloads"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., OperatorProcess]]:
    started: list[OperatorProcess] = []

    def one(plane: Path, namespace: str) -> OperatorProcess:
        started.append(OperatorProcess(plane, namespace, tmp_path, "gang"))
        return started[-1]

    yield one
    for each in started:
        each.kill()
