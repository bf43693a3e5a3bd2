"""Parts of the cluster are out for a while: the training goes on, and its status is right after.

A gang needs nobody: in the middle of each outage one of its programs is killed as well, and it
starts again in place while nobody can hear of it.

Outages last 20 s here, so that the suite stays short; JAXOP_OUTAGE_SECONDS=60 plays whole minutes,
and that is how they were played when this was written.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from e2e.cluster import faults
from e2e.cluster import pods as pod_processes
from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from e2e.deploy import Deployment
from e2e.tests import launchers, operator
from e2e.tests.jaxjobs import a_jaxjob
from e2e.tests.namespace import Namespace, Seen, eventually

OUT_SECONDS = float(os.environ.get("JAXOP_OUTAGE_SECONDS", "20"))
STEPS_WITHIN_SECONDS = 15.0
"""A gang that lives reports twenty steps a second, and starts again in about five."""
RIGHT_WITHIN_SECONDS = 30.0
WHOLE_WITHIN_SECONDS = 300.0
NAME, ADDRESS = "new", "192.0.2.1"

Outage = Callable[[LocalCluster], AbstractContextManager[None]]
OUTAGES: dict[str, Outage] = {
    "kubelet": lambda cluster: faults.stopped(cluster, "cpu-kubelet"),
    "kube-apiserver": lambda cluster: faults.stopped(cluster, "kube-apiserver"),
    "etcd": lambda cluster: faults.paused(cluster, "etcd"),
}


@pytest.mark.parametrize("part", OUTAGES)
def test_the_training_goes_on_and_the_status_is_right_again(
    namespace: Namespace, deployment: Deployment, part: str
) -> None:
    cluster = deployment.cluster
    if not isinstance(cluster, LocalCluster):
        pytest.skip("only parts of the local cluster are stopped")
    operator.all_replicas_are_ready(deployment.kubectl)
    namespace.apply(a_jaxjob().with_restarts(3).running("lasting.py"))
    namespace.wait_for("Running")
    first, second = pods = namespace.pods()

    with OUTAGES[part](cluster):
        began = time.monotonic()
        while time.monotonic() < began + OUT_SECONDS / 2:
            goes_on(first, epoch=1)
        os.kill(pod_processes.program(second["metadata"]["uid"]).pid, signal.SIGKILL)
        while time.monotonic() < began + OUT_SECONDS:
            gang = goes_on(first, epoch=2)
    ended = time.monotonic()

    def right() -> Seen | str:
        try:
            status = namespace.status()
        except ClusterError as error:
            return str(error)
        seen = (status["state"], status["restarts"], status.get("epoch"))
        caught_up = seen == ("Running", 1, 2) and status["step"] >= gang["step"]
        return status if caught_up else f"{seen}, step {status.get('step')}"

    status = eventually("the status is right", right, RIGHT_WITHIN_SECONDS)
    print(f"{part} was out for {OUT_SECONDS:.0f} s; the status is right {since(ended)} after")
    assert status["attempt"] == 0
    assert status["failure"]["signal"] == signal.SIGKILL
    is_whole(namespace, deployment)
    assert [pod["metadata"]["uid"] for pod in namespace.pods()] == [
        pod["metadata"]["uid"] for pod in pods
    ]
    assert launchers.ask(first)["epoch"] == 2
    namespace.let_go()
    status = namespace.wait_for("Succeeded")
    assert (status["attempt"], status["restarts"]) == (0, 1)


def goes_on(pod: Seen, epoch: int) -> Seen:
    """Returns what the gang says once it has made another step in this epoch."""
    seen: list[tuple[int, int | None]] = []

    def another_step() -> Seen | str:
        try:
            status = launchers.ask(pod)
        except OSError as error:
            return f"the launcher of process 0 does not answer: {error}"
        assert status["epoch"] <= epoch, status
        if status["epoch"] == epoch and status["step"] is not None:
            seen.append((status["epoch"], status["step"]))
        return status if len(set(seen)) > 1 else f"{status['state']}, {seen[-1:]}"

    return eventually(f"another step in epoch {epoch}", another_step, STEPS_WITHIN_SECONDS)


def is_whole(namespace: Namespace, deployment: Deployment) -> None:
    """Waits for the rest of the cluster, so that the next test does not pay for this one."""

    def nodes_ready() -> str | bool:
        for node in namespace.kubectl.get("nodes")["items"]:
            ready = {each["type"]: each["status"] for each in node["status"]["conditions"]}
            if ready["Ready"] != "True":
                return f"node {node['metadata']['name']}: Ready is {ready['Ready']}"
        return True

    eventually("all nodes are Ready", nodes_ready, WHOLE_WITHIN_SECONDS)
    operator.all_replicas_are_ready(deployment.kubectl)
    namespace.apply(*a_new_name())
    (pod, *_) = namespace.pods()

    def is_told() -> str | bool:
        return ADDRESS in namespace.exec(pod, f"getent hosts {NAME} || true") or "not yet"

    eventually("DNS has new names", is_told, WHOLE_WITHIN_SECONDS)


def a_new_name() -> tuple[Seen, Seen]:
    """CoreDNS waits longer and longer to ask an API server again that was out; until then it has
    no names of pods that are made meanwhile."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME},
        "spec": {"clusterIP": "None"},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": NAME, "labels": {"kubernetes.io/service-name": NAME}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ADDRESS]}],
    }
    return service, endpoints


def since(moment: float) -> str:
    return f"{time.monotonic() - moment:.1f} s"
