"""JaxServices on real pods: ready with all buckets, replaced under load, rolled back, warm."""

import os
import subprocess
import sys
from pathlib import Path

from e2e.deploy import Deployment
from e2e.tests.compile_caches import a_compile_cache
from e2e.tests.compile_caches import wait_until_ready as wait_for_cache
from e2e.tests.jaxservices import (
    ALL_BUCKETS,
    REVISION,
    Client,
    a_service,
    is_ready,
    pods,
    status_of,
    told_of,
    wait_for,
    wait_for_ready,
    wait_until,
    weight_of,
)
from e2e.tests.launchers import ask
from e2e.tests.namespace import COMES_WITHIN_SECONDS, Namespace, Seen, eventually


def test_is_ready_when_all_buckets_are_executed_and_goes_with_all_it_has(
    namespace: Namespace,
) -> None:
    namespace.apply(a_service())
    status = wait_for_ready(namespace)
    assert status["ready"] == "1/1"
    assert status["buckets"]["summary"] == f"{ALL_BUCKETS}/{ALL_BUCKETS}"

    (pod,) = pods(namespace)
    assert weight_of(pod) == 2.0
    said = ask(pod)
    assert said["state"] == "Running"
    assert said["serving"]["bucketsReady"] == ALL_BUCKETS

    namespace.run("delete", "jaxservice", "times")

    def gone() -> bool | str:
        kinds = "deployments,services,poddisruptionbudgets,controllerrevisions,pods"
        left = namespace.run("get", kinds, "--output=name").split()
        return not left or ", ".join(left)

    eventually("all that the service had is gone", gone, COMES_WITHIN_SECONDS)


def test_a_program_that_dies_serves_again_in_the_same_pod(namespace: Namespace) -> None:
    namespace.apply(a_service())
    wait_for_ready(namespace)
    (pod,) = pods(namespace)
    namespace.kill_program(pod)

    def serves_again() -> bool | str:
        try:
            return (ask(pod)["epoch"] == 2 and weight_of(pod) == 2.0) or "the first epoch goes on"
        except OSError as error:
            return str(error)

    eventually("the launcher has started it again", serves_again, COMES_WITHIN_SECONDS)
    wait_for_ready(namespace)
    (same,) = pods(namespace)
    assert same["metadata"]["uid"] == pod["metadata"]["uid"]
    assert same["status"]["containerStatuses"][0]["restartCount"] == 0


def test_an_update_under_load_loses_no_request(namespace: Namespace) -> None:
    namespace.apply(a_service(replicas=2))
    first = wait_for_ready(namespace)
    client = Client(namespace).start()
    namespace.apply(a_service(replicas=2, weight=3))
    second = wait_for_ready(namespace)
    wait_until(namespace, "one revision is left", lambda s: len(s.get("revisions", ())) == 1)
    namespace.run("scale", "jaxservice", "times", "--replicas=1")
    wait_until(namespace, "has one replica", lambda s: s.get("ready") == "1/1")

    told = client.stop()
    assert told["failures"] == []
    assert set(told["answered"]) == {"2", "3"}
    assert first["currentRevision"] != second["currentRevision"]
    left = eventually("one pod is left", lambda: _only_pod(namespace), COMES_WITHIN_SECONDS)
    assert weight_of(left) == 3.0


def test_a_broken_revision_leaves_the_old_one_serving_and_is_rolled_back(
    namespace: Namespace, deployment: Deployment
) -> None:
    namespace.apply(a_service(replicas=2))
    first = wait_for_ready(namespace)
    client = Client(namespace).start()
    rollout = {"progressDeadlineSeconds": 20}
    namespace.apply(a_service("served:broken", replicas=2, rollout=rollout))
    status = wait_for(namespace, "RolloutStopped")
    assert "no weights at /models/times-v2" in status["message"], told_of(status)
    assert status["currentRevision"] == first["currentRevision"]
    assert _ready_of(namespace, first["currentRevision"]) == 2

    said = _jaxop(deployment, "rollback", "jaxservice", "times", f"--namespace={namespace.name}")
    assert first["currentRevision"] in said
    back = wait_for_ready(namespace)
    assert back["currentRevision"] == first["currentRevision"]
    told = client.stop()
    assert told["failures"] == []
    assert set(told["answered"]) == {"2"}


def test_recreate_shows_its_gap(namespace: Namespace) -> None:
    rollout = {"strategy": "Recreate"}
    namespace.apply(a_service(rollout=rollout))
    wait_for_ready(namespace)
    (old,) = pods(namespace)
    namespace.apply(a_service(rollout=rollout, weight=3))

    def unserved(status: Seen) -> bool:
        return bool((status.get("rollout") or {}).get("unservedSince"))

    status = wait_until(namespace, "serves nothing", unserved)
    assert status["state"] == "RollingOut"
    wait_for_ready(namespace)
    (new,) = pods(namespace)
    assert weight_of(new) == 3.0
    assert new["metadata"]["labels"][REVISION] != old["metadata"]["labels"][REVISION]
    assert new["metadata"]["creationTimestamp"] > old["metadata"]["creationTimestamp"]


def test_a_revision_is_warmed_before_its_first_pod_which_compiles_nothing(
    namespace: Namespace,
) -> None:
    namespace.apply(a_compile_cache())
    wait_for_cache(namespace)
    namespace.apply(a_service(compileCache={"name": "cache", "warmup": "Wait"}))
    wait_for(namespace, "WarmingUp")
    assert not namespace.all_of("deployments", "--selector=jaxop.dev/jaxservice=times")
    wait_for_ready(namespace)
    (pod,) = pods(namespace)
    cache = ask(pod)["cache"]
    assert cache["problem"] is None
    assert cache["hits"] == cache["requests"] >= ALL_BUCKETS


def test_a_replica_of_two_hosts_answers_as_one(namespace: Namespace) -> None:
    namespace.apply(a_service(accelerator={"class": "cpu", "hosts": 2}))
    wait_for_ready(namespace)
    found = pods(namespace)
    assert len(found) == 2
    endpoints = namespace.all_of("endpointslices", "--selector=kubernetes.io/service-name=times")
    addresses = [a for s in endpoints for e in s["endpoints"] or () for a in e["addresses"]]
    (first,) = [pod for pod in found if pod["status"]["podIP"] in addresses]
    assert is_ready(first)
    assert weight_of(first) == 2.0


def _only_pod(namespace: Namespace) -> Seen | str:
    found = pods(namespace)
    return found[0] if len(found) == 1 else f"{len(found)} pods"


def _ready_of(namespace: Namespace, revision: str) -> int:
    standing = {r["name"]: r for r in status_of(namespace)["revisions"]}
    return int(standing[revision]["ready"])


def _jaxop(deployment: Deployment, *arguments: str) -> str:
    jaxop = Path(sys.executable).with_name("jaxop")
    env = {**os.environ, "KUBECONFIG": str(deployment.cluster.kubeconfig)}
    done = subprocess.run([str(jaxop), *arguments], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_table_says_what_somebody_on_call_asks(namespace: Namespace) -> None:
    namespace.apply(a_service())
    wait_for_ready(namespace)
    head, row = namespace.run("get", "jaxservices").splitlines()
    columns = dict(zip(head.split(), row.split(), strict=False))
    assert columns["STATE"] == "Ready"
    assert columns["READY"] == "1/1"
    assert columns["BUCKETS"] == f"{ALL_BUCKETS}/{ALL_BUCKETS}"
