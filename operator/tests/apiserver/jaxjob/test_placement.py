"""Where a real scheduler puts the pods: slices whole, apart from each other, by priority."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from operator_process import OperatorProcess
from plain_api import CLASSES, Api
from play import Object, Play, wait
from played_nodes import nodes

POOL = "example.com/pool"
KIND = "example.com/kind"
CHIP = "example.com/chip"
PROGRAM = {"name": "jax", "image": "i:1", "command": ["a"]}


@pytest.fixture
def pools(api: Api) -> Iterator[str]:
    """Pools a and b of two nodes each, one slice of 2x4 on each; gives their AcceleratorClass."""
    name = f"played-{secrets.token_hex(4)}"
    spec = {
        "vendor": "Google",
        "resource": CHIP,
        "nodeSelector": {KIND: name},
        "sliceLabel": POOL,
        "topologies": [{"topology": "2x4", "chipsPerHost": 4}],
    }
    manifest = {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "AcceleratorClass",
        "metadata": {"name": name},
        "spec": spec,
    }
    of = {f"{name}-{pool}{i}": {KIND: name, POOL: pool} for pool in "ab" for i in range(2)}
    answer = api.request("POST", CLASSES, manifest)
    assert answer.code == 201, answer.faults
    try:
        # Chips for more than one slice, so that room alone does not keep slices apart.
        with nodes(api, of, **{CHIP: "16"}):
            yield name
    finally:
        api.request("DELETE", f"{CLASSES}/{name}")


def a_job(play: Play, name: str, pools: str, slices: int = 1, **spec: Any) -> None:
    play.jaxjob(
        name,
        accelerator={"class": pools, "topology": "2x4", "slices": slices},
        template={"spec": {"containers": [PROGRAM]}},
        **spec,
    )


def placed(play: Play, jaxjob: str, count: int, attempt: int = 0) -> dict[str, list[str]]:
    """Slice -> pools of its pods, once all of that attempt have a node."""

    def check() -> dict[str, list[str]] | None:
        found: dict[str, list[str]] = {}
        for pod in play.all("pods"):
            labels, node = pod["metadata"]["labels"], pod["spec"].get("nodeName")
            wanted = (jaxjob, str(attempt))
            if (labels["jaxop.dev/jaxjob"], labels["jaxop.dev/attempt"]) == wanted and node:
                found.setdefault(labels["jaxop.dev/slice"], []).append(node[-2])
        return found if sum(map(len, found.values())) == count else None

    found: dict[str, list[str]] = wait(f"{count} pods of {jaxjob} have a node", check)
    return found


def test_slices_are_whole_and_apart_and_a_third_waits(
    play: Play, operator: OperatorProcess, pools: str
) -> None:
    a_job(play, "two", pools, slices=2)
    where = placed(play, "two", 4)
    assert sorted(where.values()) == [["a", "a"], ["b", "b"]]
    a_job(play, "third", pools)
    said = (
        "2 of 2 pods cannot be scheduled: each needs example.com/chip: 4 on a node with "
        f"example.com/kind={pools}; 4 of "
    )
    why = (
        "nodes match, but each slice needs a example.com/pool of its own, and none of the 2 is "
        "free of other JaxJobs; wait, or add one"
    )

    def message_is_whole() -> bool:
        message = str(play.status("third").get("message"))
        assert message.startswith(said), message
        assert message.endswith(why), message
        return True

    wait("the third says why it waits", message_is_whole)
    for pod in play.all("pods"):
        if pod["metadata"]["labels"]["jaxop.dev/jaxjob"] == "two":
            play.end(pod)
    play.wait_state("Succeeded", name="two")
    (alone,) = placed(play, "third", 2).values()
    assert alone in (["a", "a"], ["b", "b"]), "pods that have ended take no place"


def test_a_successor_joins_its_slice(play: Play, operator: OperatorProcess, pools: str) -> None:
    a_job(play, "digits", pools)
    (where,) = placed(play, "digits", 2).values()
    first, second = play.pods(2)
    play.run(first)
    play.run(second)
    play.delete("pods", second["metadata"]["name"])
    play.wait_terminating(second)
    play.end(second, 143)
    play.let_go(second)

    def successor() -> Object | None:
        alive = [
            pod
            for pod in play.all("pods")
            if pod["metadata"]["uid"] not in (first["metadata"]["uid"], second["metadata"]["uid"])
        ]
        return alive[0] if alive and alive[0]["spec"].get("nodeName") else None

    again: Object = wait("there is a successor, on a node", successor)
    assert again["spec"]["nodeName"][-2] == where[0]


def test_a_new_attempt_does_not_wait_for_its_own_old_pods(
    play: Play, operator: OperatorProcess, pools: str
) -> None:
    """Given pods of the old attempt that will not go away, on both pools."""
    a_job(play, "digits", pools, slices=2, restartPolicy={"inPlace": False})
    before = placed(play, "digits", 4)
    pods = play.pods(4)
    for pod in pods:
        play.run(pod)
    play.end(pods[0], 1)
    wait(
        "the others are told to stop",
        lambda: all(
            "deletionTimestamp" in pod["metadata"]
            for pod in play.all("pods")
            if pod["metadata"]["labels"]["jaxop.dev/attempt"] == "0"
        ),
    )
    after = placed(play, "digits", 4, attempt=1)
    assert after == before, "each slice at its own old place"
    for pod in pods:
        play.let_go(pod)
