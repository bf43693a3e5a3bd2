"""A program or a pod dies: the others stay, and all go on from the last checkpoint in seconds."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from e2e.cluster import pods as pod_processes
from e2e.cluster.local import LocalCluster
from e2e.deploy import Deployment
from e2e.tests.jaxjobs import JaxJobBuilder, a_claim, a_jaxjob
from e2e.tests.namespace import (
    COMES_WITHIN_SECONDS,
    INDEX,
    Namespace,
    Seen,
    eventually,
    is_alive,
)

SAVED_EVERY = 20
HOSTS = 3


def a_lasting_job(*args: str) -> JaxJobBuilder:
    job = a_jaxjob().on("cpu", hosts=HOSTS).with_checkpoints().with_restart_policy(maxRestarts=2)
    return job.running("lasting.py", "--save-every", str(SAVED_EVERY), *args)


def kill_launcher(_namespace: Namespace, pod: Seen) -> None:
    """Nobody in the container can: it is the first process there."""
    os.kill(pod_processes.launcher(pod["metadata"]["uid"]).pid, signal.SIGKILL)


def force_delete(namespace: Namespace, pod: Seen) -> None:
    name = pod["metadata"]["name"]
    namespace.run("delete", "pod", name, "--force", "--grace-period=0", "--wait=false")


def delete(namespace: Namespace, pod: Seen) -> None:
    namespace.run("delete", "pod", pod["metadata"]["name"], "--wait=false")


@dataclass(frozen=True)
class Death:
    name: str
    of: int
    by: Callable[[Namespace, Seen], None]
    replaced: bool
    """Whether its pod gets a successor."""


DEATHS = [
    Death("a program is killed", 1, Namespace.kill_program, replaced=False),
    Death("a launcher is killed", 2, kill_launcher, replaced=True),
    Death("a pod is deleted by force", 1, force_delete, replaced=True),
    Death("pod 0 is deleted", 0, delete, replaced=True),
]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.name.replace(" ", "-"))
def test_the_others_stay_and_all_go_on_from_the_checkpoint(
    namespace: Namespace, deployment: Deployment, death: Death
) -> None:
    if death.by is kill_launcher and not isinstance(deployment.cluster, LocalCluster):
        pytest.skip("the processes of its pods are not on this machine")
    namespace.apply(a_claim(), a_lasting_job())
    saved = namespace.wait_until("has saved", lambda s: s.get("checkpointStep", 0) > 0)
    before = alive(namespace)
    death.by(namespace, before[death.of])

    status = namespace.wait_for_epoch(2)
    assert (status["attempt"], status["restarts"]) == (0, 1)
    after = alive(namespace)
    assert [index for index, pod in enumerate(after) if uid_of(pod) != uid_of(before[index])] == (
        [death.of] if death.replaced else []
    )
    for pod in after:
        began = began_in(2, namespace, pod)
        assert began["attempt"] == 0
        assert began["began"] >= saved["checkpointStep"]

    namespace.let_go()
    status = namespace.wait_for("Succeeded")
    assert (status["attempt"], status["restarts"]) == (0, 1)
    assert [job["metadata"]["name"] for job in namespace.all_of("jobs")] == ["job-a0-s0"]
    assert "Restarting" in namespace.events()


def test_an_evicted_host_saves_first_and_the_job_goes_on_from_that_step(
    namespace: Namespace,
) -> None:
    namespace.apply(a_claim(), a_lasting_job("--save-seconds", "3"))
    namespace.wait_for("Running")
    before = alive(namespace)
    namespace.evict(before[1])

    status = namespace.wait_for_epoch(2)
    states = [entry["state"] for entry in status["timeline"]]
    assert states[states.index("Running") :][:3] == ["Running", "Checkpointing", "Restarting"]
    assert (status["attempt"], status["restarts"]) == (0, 1)
    assert status["failure"]["cause"] == "Preempted"
    assert status["restartLedger"].get("charges", []) == []
    after = alive(namespace)
    began = began_in(2, namespace, after[0])
    (stopped,) = [told["stopped"] for told in namespace.told(after[0]) if "stopped" in told]
    assert began["began"] == stopped
    assert uid_of(after[0]) == uid_of(before[0])
    assert uid_of(after[1]) != uid_of(before[1])
    namespace.let_go()
    namespace.wait_for("Succeeded")


def alive(namespace: Namespace) -> list[Seen]:
    """The pods of the job that are not over, by index: one of each."""
    pods = [pod for pod in namespace.pods() if is_alive(pod)]
    pods.sort(key=index_of)
    assert [index_of(pod) for pod in pods] == list(range(HOSTS))
    return pods


def began_in(epoch: int, namespace: Namespace, pod: Seen) -> Seen:
    """What its program said when it began; that may take a moment longer than the epoch's start."""

    def said() -> Seen | str:
        told = namespace.told(pod)
        began = [each for each in told if "began" in each and each["epoch"] == epoch]
        return began[0] if began else f"{told}"

    name = pod["metadata"]["name"]
    return eventually(f"the program of {name} begins epoch {epoch}", said, COMES_WITHIN_SECONDS)


def index_of(pod: Seen) -> int:
    return int(pod["metadata"]["labels"][INDEX])


def uid_of(pod: Seen) -> str:
    return str(pod["metadata"]["uid"])
