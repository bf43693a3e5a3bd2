"""What is kept of a JaxService's children is all that is read of them, and little else."""

import copy
from typing import Any

import pytest
from jaxop.api.plan import Manifest
from jaxop.controllers.deployments import trim_deployment
from jaxop.controllers.jaxservice import JaxServiceController, ReplicaReports
from jaxop.controllers.jaxservice.trimming import trim_budget, trim_revision
from jaxop.controllers.node_facts import NodeFacts
from jaxop.controllers.trimming import trim_pod
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.domain.service.reading import read_deployment, read_replica_pod, read_revision
from jaxop.kube.resources import JAXSERVICES, Key
from jaxop.kube.store import ObjectStore

METADATA: dict[str, Any] = {
    "name": "minilm-0a1b2c",
    "namespace": "ml",
    "uid": "u",
    "resourceVersion": "7",
    "generation": 3,
    "creationTimestamp": "2026-11-21T12:00:00Z",
    "labels": {
        "app.kubernetes.io/managed-by": "jax-operator",
        "jaxop.dev/jaxservice": "minilm",
        "jaxop.dev/revision": "0a1b2c",
        "batch.kubernetes.io/job-completion-index": "0",
        "team": "search",
    },
    "annotations": {"jaxop.dev/spec-hash": "h", "deployment.kubernetes.io/revision": "1"},
    "ownerReferences": [
        {"apiVersion": "jaxop.dev/v1alpha1", "kind": "JaxService", "name": "minilm", "uid": "o"}
    ],
    "managedFields": [{"manager": "kube-controller-manager"}],
}
DEPLOYMENT: Manifest = {
    "metadata": METADATA,
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"jaxop.dev/revision": "0a1b2c"}},
        "template": {"spec": {"containers": [{"name": "jax", "image": "i:1"}]}},
    },
    "status": {
        "observedGeneration": 2,
        "replicas": 1,
        "readyReplicas": 1,
        "conditions": [
            {"type": "Available", "status": "False"},
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
        ],
    },
}
REVISION: Manifest = {
    "metadata": METADATA,
    "revision": 4,
    "data": {"spec": {"model": {"entry": "minilm.serving:model"}}},
}
POD: Manifest = {
    "metadata": METADATA,
    "spec": {"nodeName": "n", "containers": [{"name": "jax", "env": [{"name": "A"}] * 50}]},
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {
                "name": "jax",
                "image": "i:1",
                "restartCount": 3,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "m"}},
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "{}"}},
            }
        ],
    },
}


def test_trimmed_children_read_the_same() -> None:
    deployment = read_deployment(trim_deployment(copy.deepcopy(DEPLOYMENT)))
    assert deployment == read_deployment(DEPLOYMENT)
    assert deployment is not None
    assert (deployment.replicas, deployment.existing, deployment.settled) == (2, 1, False)
    assert deployment.refused == "exceeded quota"
    revision = read_revision(trim_revision(copy.deepcopy(REVISION)))
    assert revision == read_revision(REVISION)
    assert revision is not None
    assert revision.number == 4
    pod = read_replica_pod(trim_pod(copy.deepcopy(POD)))
    assert pod == read_replica_pod(POD)
    assert pod is not None
    assert pod.last_end is not None
    assert (pod.restarts, pod.last_end.exit_code) == (3, 1)


def test_of_one_that_runs_again_it_is_known_how_it_ended() -> None:
    running = copy.deepcopy(POD)
    running["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": "x"}}
    pod = read_replica_pod(trim_pod(copy.deepcopy(running)))
    assert pod == read_replica_pod(running)
    assert pod is not None
    assert pod.restarts == 3
    assert pod.last_end is not None


def test_pods_that_become_ready_do_not_wake_for_their_deployment_too() -> None:
    more = copy.deepcopy(DEPLOYMENT)
    more["status"] |= {"readyReplicas": 2, "availableReplicas": 2}
    assert trim_deployment(more) == trim_deployment(copy.deepcopy(DEPLOYMENT))


def test_of_a_keeper_s_deployment_little_is_kept() -> None:
    keepers = copy.deepcopy(DEPLOYMENT)
    del keepers["metadata"]["labels"]["jaxop.dev/jaxservice"]
    trimmed = trim_deployment(keepers)
    assert "spec" not in trimmed
    assert set(trimmed["status"]) == {"conditions"}


def test_what_the_core_needs_is_kept() -> None:
    for trim in (trim_deployment, trim_revision, trim_budget):
        metadata = trim({"metadata": copy.deepcopy(METADATA)})["metadata"]
        assert metadata["annotations"] == {"jaxop.dev/spec-hash": "h"}
        assert metadata["ownerReferences"][0]["uid"] == "o"
        assert metadata["labels"]["jaxop.dev/jaxservice"] == "minilm"
        assert "team" not in metadata["labels"]


@pytest.mark.parametrize("spec", [None, {}, {"accelerator": None, "compileCache": {}}])
def test_a_service_that_makes_no_sense_does_not_stop_its_store(spec: Any) -> None:
    reports = ReplicaReports(lambda _: None)
    nodes = NodeFacts(None, lambda _: None)  # type: ignore[arg-type]
    controller = JaxServiceController(OperatorSettings("r:1"), reports=reports, nodes=nodes)
    (watch,) = (each for each in controller.watches if each.resource is JAXSERVICES)
    obj = {"kind": "JaxService", "metadata": {**METADATA, "labels": None}, "spec": spec}
    store = ObjectStore(JAXSERVICES, trim=watch.trim, indexes=watch.indexes)
    assert store.put(copy.deepcopy(obj))
    stores = {JAXSERVICES: store}
    assert list(watch.keys_of(obj, stores)) == [Key("JaxService", "ml", METADATA["name"])]
