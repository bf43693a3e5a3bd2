"""Stopping well, against a real API server: pods that take their time to end."""

import json
import time
from typing import Any

from operator_process import OperatorProcess
from play import FakeLauncher, Object, Play, wait

SAVED = {"version": 1, "scope": "Pod", "cause": "Preempted", "process": 0, "message": "stopped"}


def running(play: Play, launcher: FakeLauncher, **spec: Any) -> list[Object]:
    """Two pods on nodes, whose gang trains and has saved step 100."""
    play.jaxjob(checkpoint={"volumeClaim": "ckpt", "graceSeconds": 600}, **spec)
    pods = play.pods(2)
    for pod in pods:
        play.bind(pod)
    play.run(pods[0], launcher.address)
    play.run(pods[1])
    now = time.time()
    times = {"allJoined": now, "spawned": now, "initialised": now, "firstStep": now}
    launcher.says("Running", times, missing=[], joined=2, step=120, checkpointStep=100)
    play.wait_state("Running", "ProgramRunning")
    return pods


def stop(play: Play, pod: Object, step: int = 125) -> None:
    """What launcher and kubelet do on SIGTERM."""
    play.end(pod, 143, json.dumps({**SAVED, "step": step, "checkpointStep": step}))


def test_a_suspended_job_saves_and_then_is_suspended(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    pods = running(play, launcher)
    play.patch("jaxjobs", "digits", {"spec": {"suspend": True}})
    status = play.wait_state("Checkpointing", "Suspending")
    assert status["message"] == (
        "the job is being suspended; its program has up to 600 s to save a checkpoint: "
        "step 120, last checkpoint 100"
    )
    assert status["hosts"]["summary"] == "2/2"
    play.wait_terminating(*pods)
    wait("its Job is gone", lambda: play.names("jobs") == [])
    stop(play, pods[0])
    stop(play, pods[1])
    status = play.wait_state("Suspended")
    assert (status["step"], status["checkpointStep"]) == (125, 125)
    assert (status["attempt"], status["restarts"]) == (1, 0)
    assert status["activeSeconds"] > 0
    assert [entry["state"] for entry in status["timeline"]][-2:] == ["Checkpointing", "Suspended"]
    for pod in pods:
        play.let_go(pod)
    wait("its pods are gone", lambda: play.names("pods") == [])
    wait("it is told", lambda: play.events()[-1].startswith("Normal Suspended: "))


def test_resumed_while_its_pods_still_stop(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    pods = running(play, launcher)
    play.patch("jaxjobs", "digits", {"spec": {"suspend": True}})
    play.wait_state("Checkpointing", "Suspending")
    play.wait_terminating(*pods)
    play.patch("jaxjobs", "digits", {"spec": {"suspend": False}})
    generation = play.get("jaxjobs", "digits")["metadata"]["generation"]  # type: ignore[index]
    wait(
        "that is seen",
        lambda: play.status().get("observedGeneration") == generation,
    )
    status = play.status()
    assert (status["state"], status["attempt"]) == ("Checkpointing", 0), "not beside the old pods"
    for pod in pods:
        stop(play, pod)
    play.pods(2, attempt=1)
    status = play.wait_state("Scheduling")
    assert (status["attempt"], status["restarts"]) == (1, 0)
    for pod in pods:
        play.let_go(pod)


def test_a_template_changed_together_with_unsuspending(
    play: Play, operator: OperatorProcess
) -> None:
    play.jaxjob()
    play.pods(2)
    play.patch("jaxjobs", "digits", {"spec": {"suspend": True}})
    play.wait_state("Suspended")
    pod = {"schedulerName": "the-test"}
    program = {"name": "jax", "image": "team/digits:2", "command": ["python"]}
    changed = {"spec": {**pod, "containers": [program]}}
    play.patch("jaxjobs", "digits", {"spec": {"suspend": False, "template": changed}})
    images = {pod["spec"]["containers"][0]["image"] for pod in play.pods(2, attempt=1)}
    assert images == {"team/digits:2"}
    refused = play.api.request(
        "PATCH",
        play.path("jaxjobs", "digits"),
        {"spec": {"template": {"spec": {"priority": 1}}}},
        content_type="application/merge-patch+json",
    )
    assert refused.faults == [
        "spec.template: Forbidden: can change only while the job is suspended: set spec.suspend to "
        "true first"
    ]


def test_suspended_and_deleted(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    pods = running(play, launcher)
    play.patch("jaxjobs", "digits", {"spec": {"suspend": True}})
    play.wait_state("Checkpointing", "Suspending")
    play.delete("jaxjobs", "digits")
    play.wait_terminating(*pods)
    for pod in pods:
        play.let_go(pod)
    for kind in ("jaxjobs", "jobs", "pods", "services"):
        wait(f"the {kind} are collected", lambda kind=kind: play.names(kind) == [])
    assert not [entry for entry in operator.log if entry["level"] == "error"]


def test_an_operator_that_dies_while_the_job_stops(
    play: Play, operator: OperatorProcess, start_operator: Any, launcher: FakeLauncher
) -> None:
    pods = running(play, launcher)
    play.patch("jaxjobs", "digits", {"spec": {"suspend": True}})
    play.wait_terminating(*pods)
    operator.kill()
    for pod in pods:
        stop(play, pod)
        play.let_go(pod)
    again: OperatorProcess = start_operator("b")
    again.wait_leading()
    status = play.wait_state("Suspended")
    assert (status["attempt"], status["restarts"]) == (1, 0)


def test_at_its_deadline_it_saves_and_then_has_failed(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    pods = running(play, launcher)
    play.patch("jaxjobs", "digits", {"spec": {"activeDeadlineSeconds": 1}})
    status = play.wait_state("Checkpointing", "Deadline")
    assert status["message"] == (
        "the job has run for spec.activeDeadlineSeconds, 1 s; its program has up to 600 s to save "
        "a checkpoint: step 120, last checkpoint 100"
    )
    play.wait_terminating(*pods)
    play.end(pods[0], 143)
    play.end(pods[1], 137)
    status = play.wait_state("Failed", "Deadline")
    assert (status["failure"]["cause"], status["restarts"]) == ("Deadline", 0)
    assert "spec.activeDeadlineSeconds" in status["message"]
    for pod in pods:
        play.let_go(pod)


def test_after_its_time_to_live_all_of_it_is_gone(play: Play, operator: OperatorProcess) -> None:
    play.jaxjob(ttlSecondsAfterFinished=86400)
    for pod in play.pods(2):
        play.end(pod)
    play.wait_state("Succeeded")
    play.patch("jaxjobs", "digits", {"spec": {"ttlSecondsAfterFinished": 0}})
    for kind in ("jaxjobs", "jobs", "pods", "services"):
        wait(f"the {kind} are gone", lambda kind=kind: play.names(kind) == [])
    assert not [entry for entry in operator.log if entry["level"] == "error"]


def test_a_job_of_another_controller_is_left_alone(play: Play, operator: OperatorProcess) -> None:
    play.jaxjob("theirs", managedBy="kueue.x-k8s.io/multikueue")
    play.jaxjob("ours")
    play.wait_state("Scheduling", name="ours")
    assert play.names("jobs") == ["ours-a0-s0"]
    found = play.get("jaxjobs", "theirs")
    assert found is not None
    assert "status" not in found
    for spec in ({"suspend": True}, {"ttlSecondsAfterFinished": 0}):
        play.patch("jaxjobs", "theirs", {"spec": spec})
    play.patch("jaxjobs", "ours", {"spec": {"suspend": True}})
    play.wait_state("Suspended", name="ours")
    found = play.get("jaxjobs", "theirs")
    assert found is not None
    assert "status" not in found
