"""A CompileCache's life on a real API server. Real are also the controllers of Deployments, volumes
and owners; kubelet and keeper are played."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from operator_process import RUNTIME_IMAGE, OperatorProcess
from plain_api import MERGE, Api
from play import Object, Play, wait
from played_keeper import FakeKeeper

PVS = "/api/v1/persistentvolumes"
A, B = "a" * 16, "b" * 16

Volume = Callable[..., str]


@pytest.fixture
def volume(play: Play) -> Iterator[Volume]:
    """Makes a volume for a claim of the namespace; the volume controller binds them."""
    made = []

    def make(claim: str, mode: str = "ReadWriteMany") -> str:
        name = f"{play.namespace}-{claim}"
        manifest = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": [mode],
                "hostPath": {"path": "/nowhere"},
                "claimRef": {"namespace": play.namespace, "name": claim},
                "persistentVolumeReclaimPolicy": "Retain",
            },
        }
        answer = play.api.request("POST", PVS, manifest)
        assert answer.code == 201, answer.faults
        made.append(name)
        return name

    yield make
    for name in made:
        lose(play.api, name)


def lose(api: Api, volume: str) -> None:
    """Also one that is protected because it is bound."""
    free = {"metadata": {"finalizers": None}}
    api.request("DELETE", f"{PVS}/{volume}")
    api.request("PATCH", f"{PVS}/{volume}", free, content_type=MERGE)


def a_cache(play: Play, **spec: Any) -> Object:
    return play.create(
        "compilecaches",
        {
            "apiVersion": "jaxop.dev/v1alpha1",
            "kind": "CompileCache",
            "metadata": {"name": "team"},
            "spec": {"storage": {"size": "1Gi"}, **spec},
        },
    )


def status(play: Play) -> Object:
    found: Object = (play.get("compilecaches", "team") or {}).get("status", {})
    return found


def until(play: Play, state: str, reason: str) -> Object:
    def check() -> Object:
        seen = status(play)
        assert (seen.get("state"), seen.get("reason")) == (state, reason), seen
        return seen

    found: Object = wait(f"the cache is {state} {reason}", check)
    return found


def keeper_pod(play: Play) -> Object:
    def check() -> Object | None:
        pods = [p for p in play.all("pods") if "jaxop.dev/keeper" in p["metadata"]["labels"]]
        return pods[0] if len(pods) == 1 else None

    found: Object = wait("the Deployment has made a pod", check)
    return found


def ready(play: Play, volume: Volume, keeper: FakeKeeper, **spec: Any) -> None:
    a_cache(play, **spec)
    volume("team-cache")
    play.run(keeper_pod(play), keeper.address)
    until(play, "Ready", "Ready")


def in_use(play: Play) -> list[str]:
    policy = play.get("configmaps", "team-keeper")
    assert policy is not None
    found: list[str] = json.loads(policy["data"]["policy.json"])["inUse"]
    return found


def a_reader(play: Play, digest: str) -> Object:
    labels = {
        "app.kubernetes.io/managed-by": "jax-operator",
        "jaxop.dev/compile-cache": "team",
        "jaxop.dev/cache-namespace": digest,
    }
    pod = {"schedulerName": "the-test", "containers": [{"name": "jax", "image": "a"}]}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reader", "labels": labels}}
    return play.create("pods", {**manifest, "spec": pod})


def passes(operator: OperatorProcess) -> float:
    """Over caches, that wrote nothing."""
    labels = 'controller="jax-operator-compilecache",result="unchanged"'
    return operator.metrics().get(f"jaxop_reconcile_seconds_count{{{labels}}}", 0.0)


def told(play: Play) -> list[str]:
    about = [e for e in play.all("events") if e["involvedObject"]["kind"] == "CompileCache"]
    about.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
    return [f"{event['type']} {event['reason']}: {event['message']}" for event in about]


def test_from_creation_to_ready(
    play: Play, operator: OperatorProcess, volume: Volume, keeper: FakeKeeper
) -> None:
    created = a_cache(play)
    assert until(play, "Pending", "ClaimPending")["usable"] is False
    volume("team-cache")
    pod = keeper_pod(play)
    (container,) = pod["spec"]["containers"]
    assert container["image"] == RUNTIME_IMAGE
    for kind, name in (
        ("persistentvolumeclaims", "team-cache"),
        ("configmaps", "team-keeper"),
        ("deployments", "team-keeper"),
    ):
        child = play.get(kind, name)
        assert child is not None
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (created["metadata"]["uid"], True)
        assert child["metadata"]["labels"]["jaxop.dev/compile-cache"] == "team"
    until(play, "Starting", "Unschedulable")
    keeper.says(entries=12, bytes=5 * 2**29, published=12)
    play.run(pod, keeper.address)
    seen = until(play, "Ready", "Ready")
    assert (seen["usable"], seen["entries"], seen["size"]) == (True, 12, "2.5Gi")
    assert seen["claimName"] == "team-cache"
    assert [c["type"] for c in seen["conditions"] if c["status"] == "True"] == ["Ready"]
    wait("that is told", lambda: [line.split(":")[0] for line in told(play)] == ["Normal Ready"])
    assert operator.metrics()['jaxop_compile_caches{state="Ready"}'] == 1
    assert operator.metrics()["jaxop_compile_cache_entries"] == 12


def test_a_second_pass_writes_nothing(
    play: Play, operator: OperatorProcess, volume: Volume, keeper: FakeKeeper
) -> None:
    ready(play, volume, keeper)
    wait("a pass that writes nothing", lambda: passes(operator))
    before, seen = operator.writes(), passes(operator)
    play.patch("compilecaches", "team", {"metadata": {"annotations": {"a": "b"}}})
    wait("another pass", lambda: passes(operator) > seen)
    assert operator.writes() == before


def test_the_keeper_is_told_what_is_in_use(
    play: Play, operator: OperatorProcess, volume: Volume, keeper: FakeKeeper
) -> None:
    ready(play, volume, keeper)
    assert in_use(play) == []
    reader = a_reader(play, B)
    wait("a pod's namespace", lambda: in_use(play) == [B])
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "soon",
            "labels": {**reader["metadata"]["labels"], "jaxop.dev/cache-namespace": A},
        },
        "spec": {
            "suspend": True,
            "template": {
                "spec": {"restartPolicy": "Never", "containers": [{"name": "jax", "image": "a"}]}
            },
        },
    }
    play.create("jobs", job)
    wait("a Job's, before it has pods", lambda: in_use(play) == [A, B])
    wait("a pass that writes nothing", lambda: passes(operator))
    before, seen = operator.writes(), passes(operator)
    play.delete("pods", "reader")
    wait("a pass that sees it gone", lambda: passes(operator) > seen)
    assert operator.writes() == before, "what is no longer used can wait"
    assert in_use(play) == [A, B]


def test_a_volume_that_is_lost(
    play: Play, operator: OperatorProcess, volume: Volume, keeper: FakeKeeper
) -> None:
    ready(play, volume, keeper)
    lose(play.api, f"{play.namespace}-team-cache")
    seen = until(play, "Pending", "ClaimLost")
    assert seen["usable"] is False
    assert [c["type"] for c in seen["conditions"] if c["status"] == "True"] == ["Stalled"]

    def replicas() -> bool:
        deployment = play.get("deployments", "team-keeper")
        return deployment is not None and deployment["spec"]["replicas"] == 0

    wait("the keeper lets the claim go", replicas)
    wait("its pod is gone", lambda: not _keeper_pods(play))
    play.delete("persistentvolumeclaims", "team-cache")
    until(play, "Pending", "ClaimPending")
    volume("team-cache")
    play.run(keeper_pod(play), keeper.address)
    assert until(play, "Ready", "Ready")["usable"] is True


def _keeper_pods(play: Play) -> list[Object]:
    return [p for p in play.all("pods") if "jaxop.dev/keeper" in p["metadata"]["labels"]]


def test_a_claim_of_the_users(
    play: Play, operator: OperatorProcess, volume: Volume, keeper: FakeKeeper
) -> None:
    a_cache(play, storage={"claimName": "shared"})
    until(play, "Pending", "ClaimNotFound")
    claim: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "shared"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    play.create("persistentvolumeclaims", claim)
    until(play, "Pending", "ClaimNotShareable")
    assert not _keeper_pods(play)
    play.delete("persistentvolumeclaims", "shared")
    until(play, "Pending", "ClaimNotFound")
    claim["spec"]["accessModes"] = ["ReadWriteMany"]
    play.create("persistentvolumeclaims", claim)
    volume("shared")
    play.run(keeper_pod(play), keeper.address)
    assert until(play, "Ready", "Ready")["claimName"] == "shared"
    assert play.names("persistentvolumeclaims") == ["shared"], "none is made beside it"


def test_a_name_that_is_taken(play: Play, operator: OperatorProcess) -> None:
    play.create("configmaps", {"metadata": {"name": "team-keeper"}, "data": {"mine": "1"}})
    a_cache(play)
    until(play, "Pending", "NameConflict")
    mine = play.get("configmaps", "team-keeper")
    assert mine is not None
    assert mine["data"] == {"mine": "1"}


def test_a_degraded_keeper_and_another_operator(
    play: Play,
    start_operator: Callable[[str], OperatorProcess],
    volume: Volume,
    keeper: FakeKeeper,
) -> None:
    first = start_operator("a")
    first.wait_leading()
    ready(play, volume, keeper)
    keeper.says(state="Degraded", problem="the volume is full")
    seen = until(play, "Degraded", "KeeperDegraded")
    assert seen["message"].startswith("the volume is full; until then nothing is published")
    assert seen["usable"] is True
    first.terminate()
    second = start_operator("b")
    second.wait_leading()
    heard = 'jaxop_compile_cache_reports_total{outcome="heard"}'
    second.wait("the keeper is heard", lambda: second.metrics().get(heard))
    assert status(play)["reason"] == "KeeperDegraded"
    assert second.writes() == {}
    keeper.says(state="Ready", problem=None)
    until(play, "Ready", "Ready")


def test_deleted_with_all_that_it_made(
    play: Play, operator: OperatorProcess, volume: Volume, keeper: FakeKeeper
) -> None:
    ready(play, volume, keeper)
    play.delete("compilecaches", "team")
    for kind in ("deployments", "persistentvolumeclaims", "pods"):
        wait(f"no {kind} are left", lambda k=kind: not play.names(k))  # type: ignore[misc]
    assert "team-keeper" not in play.names("configmaps")
