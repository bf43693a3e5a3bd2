"""A machine is gone, with kubelet and pods: its host comes up elsewhere, and the job goes on."""

import time

import pytest

from e2e.cluster import faults
from e2e.cluster.local import LocalCluster
from e2e.deploy import Deployment
from e2e.tests.jaxjobs import a_jaxjob
from e2e.tests.namespace import INDEX, Namespace, Seen, eventually, is_alive

NOTICED_WITHIN_SECONDS = 150.0
"""A silent node is called NotReady after 50 s, and the job runs again about 5 s later;
Kubernetes alone would wait five minutes more."""
BACK_WITHIN_SECONDS = 90.0
NODES = ("tpu", "gpu")


def test_a_host_of_a_lost_node_comes_up_elsewhere(
    namespace: Namespace, deployment: Deployment
) -> None:
    """On the nodes that play accelerators, which this job tolerates: they can be spared."""
    cluster = deployment.cluster
    if not isinstance(cluster, LocalCluster):
        pytest.skip("only nodes of the local cluster can be stopped")
    namespace.apply(a_jaxjob().with_restarts(0).running("lasting.py").with_pod(**on_two_nodes()))
    namespace.wait_for("Running")
    first, second = alive(namespace)
    home, lost = (pod["spec"]["nodeName"] for pod in (first, second))
    assert home != lost

    with faults.node_lost(cluster, lost):
        began = time.monotonic()
        status = namespace.wait_for_epoch(2, seconds=NOTICED_WITHIN_SECONDS)
        print(f"running again {time.monotonic() - began:.1f} s after node {lost} was lost")
        assert (status["attempt"], status["restarts"]) == (0, 1)
        assert status["failure"]["cause"] == "NodeLost"
        assert status["restartLedger"].get("charges", []) == []
        stayed, successor = alive(namespace)
        assert stayed["metadata"]["uid"] == first["metadata"]["uid"]
        assert successor["spec"]["nodeName"] == home

    def gone_and_back() -> str | bool:
        pods = [pod["metadata"]["name"] for pod in namespace.pods() if not is_alive(pod)]
        node = namespace.kubectl.get("node", lost)
        ready = {each["type"]: each["status"] for each in node["status"]["conditions"]}["Ready"]
        return (not pods and ready == "True") or f"node {lost}: Ready is {ready}; left: {pods}"

    eventually("the node is back, without its pod", gone_and_back, BACK_WITHIN_SECONDS)
    status = namespace.status()
    assert (status["state"], status["epoch"], status["restarts"]) == ("Running", 2, 1)
    namespace.let_go()
    namespace.wait_for("Succeeded")


def on_two_nodes() -> Seen:
    """Fields of a pod: any of the two nodes, and another than its peer's if that can be."""
    among = {"key": "kubernetes.io/hostname", "operator": "In", "values": list(NODES)}
    term = {
        "labelSelector": {"matchLabels": {"jaxop.dev/jaxjob": "job"}},
        "topologyKey": "kubernetes.io/hostname",
    }
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [among]}]
            }
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 100, "podAffinityTerm": term}
            ]
        },
    }
    taints = ("google.com/tpu", "nvidia.com/gpu")
    tolerations = [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in taints]
    return {"affinity": affinity, "tolerations": tolerations}


def alive(namespace: Namespace) -> list[Seen]:
    pods = [pod for pod in namespace.pods() if is_alive(pod)]
    return sorted(pods, key=lambda pod: str(pod["metadata"]["labels"][INDEX]))
