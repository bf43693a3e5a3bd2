"""A JaxJob's life on a real API server, with the operator as a real process."""

import json
import time
from typing import get_args

from jaxop.api.v1alpha1.jaxjob_status import State
from operator_process import RUNTIME_IMAGE, OperatorProcess
from play import FakeLauncher, Play, wait


def test_a_jaxjob_becomes_jobs_a_service_and_the_namespaces_token(
    play: Play, operator: OperatorProcess
) -> None:
    created = play.jaxjob(accelerator={"class": "tpu-v5e", "topology": "4x4", "slices": 2})
    pods = play.pods(8)
    assert play.names("jobs") == ["digits-a0-s0", "digits-a0-s1"]
    assert play.names("services") == ["digits-gang"]
    token = play.get("secrets", "jaxop-gang-token")
    assert token is not None
    assert "ownerReferences" not in token["metadata"]
    for kind in ("jobs", "services"):
        for child in play.all(kind):
            (owner,) = child["metadata"]["ownerReferences"]
            assert (owner["uid"], owner["controller"]) == (created["metadata"]["uid"], True)
    spec = pods[0]["spec"]
    assert spec["initContainers"][0]["image"] == RUNTIME_IMAGE
    assert (spec["hostname"], spec["subdomain"]) == ("digits-a0-s0-0", "digits-gang")
    assert spec["containers"][0]["resources"]["requests"]["google.com/tpu"] == "4"
    play.wait_state("Scheduling")


def test_nothing_of_kopfs_or_ours_lands_on_the_users_object(
    play: Play, operator: OperatorProcess
) -> None:
    created = play.jaxjob()
    play.wait_state("Scheduling")
    seen = play.get("jaxjobs", "digits")
    assert seen is not None
    assert "annotations" not in seen["metadata"]
    assert "finalizers" not in seen["metadata"]
    assert "labels" not in seen["metadata"]
    assert seen["metadata"]["generation"] == 1
    assert seen["spec"] == created["spec"]
    managers = {
        (entry["manager"], entry.get("subresource", ""))
        for entry in seen["metadata"]["managedFields"]
    }
    assert {part for name, part in managers if "operator" in name} == {"status"}


def test_from_creation_to_success_in_few_writes(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    play.jaxjob()
    first, second = play.pods(2)
    play.run(first, launcher.address)
    status = play.wait_state("WaitingForPeers", "PeersMissing")
    assert status["message"] == (
        "waiting for process 1 (digits-a0-s0-1: Pending); 1 of 2 have joined"
    )
    play.run(second)
    now = time.time()
    launcher.says("Starting", {"allJoined": now, "spawned": now}, missing=[], joined=2)
    play.wait_state("Compiling")
    times = {"initialised": now + 0.1, "firstCompile": now + 0.2, "firstStep": now + 0.3}
    launcher.says("Running", times, step=1)
    status = play.wait_state("Running", "ProgramRunning")
    assert status["hosts"] == {"wanted": 2, "ready": 2, "summary": "2/2"}
    assert status["step"] == 1
    assert set(status["startup"]) == {
        *("scheduleSeconds", "joinSeconds", "initialiseSeconds"),
        *("compileSeconds", "firstStepSeconds"),
    }
    play.end(first)
    play.end(second)
    status = play.wait_state("Succeeded")
    assert [entry["state"] for entry in status["timeline"]] == [
        *("Scheduling", "WaitingForPeers", "Compiling", "Running", "Succeeded")
    ]
    wait("both events are there", lambda: len(play.events()) == 2)
    running, succeeded = play.events()
    assert running.startswith("Normal Running: all 2 processes run; started in ")
    assert succeeded == "Normal Succeeded: all 2 processes ended with exit code 0"
    writes = operator.writes()
    assert writes.pop(("patch", "JaxJob")) <= 6
    assert writes == {
        ("create", "Secret"): 1,
        ("create", "Service"): 1,
        ("create", "Job"): 1,
        ("create", "Event"): 2,
    }


def test_a_second_pass_writes_nothing(play: Play, operator: OperatorProcess) -> None:
    play.jaxjob()
    play.pods(2)
    play.wait_state("Scheduling", "PodsStarting")
    before, passes = operator.writes(), _passes(operator)
    play.patch("jaxjobs", "digits", {"metadata": {"labels": {"touched": "yes"}}})
    operator.wait("another pass", lambda: _passes(operator) > passes)
    play.patch("services", "digits-gang", {"metadata": {"labels": {"touched": "yes"}}})
    assert operator.writes() == before


def test_a_restarted_operator_finds_everything_as_it_left_it(
    play: Play, operator: OperatorProcess, start_operator: object, launcher: FakeLauncher
) -> None:
    play.jaxjob()
    first, second = play.pods(2)
    play.run(first, launcher.address)
    play.run(second)
    launcher.says("Running", missing=[], joined=2, step=5)
    before = play.wait_state("Running")
    assert operator.terminate() == 0
    again: OperatorProcess = start_operator("b")  # type: ignore[operator]
    again.wait_leading()
    asked = launcher.asked
    again.wait("it asks the gang again", lambda: launcher.asked > asked)
    again.wait("it has looked", lambda: _passes(again) >= 2)
    assert again.writes() == {}
    assert play.status() == before


def test_a_failed_process_restarts_the_whole_gang(
    play: Play, operator: OperatorProcess, launcher: FakeLauncher
) -> None:
    play.jaxjob(accelerator={"class": "cpu", "hosts": 1, "slices": 2})
    first, second = play.pods(2)
    play.run(first, launcher.address)
    play.run(second)
    launcher.says("Running", missing=[], joined=2)
    play.wait_state("Running")
    said = {"version": 1, "cause": "ProgramError", "process": 1, "host": "digits-a0-s1-0"}
    exception = {"type": "ValueError", "message": "bad batch"}
    message = "process 1 (digits-a0-s1-0) raised ValueError: bad batch"
    play.end(second, 1, json.dumps({**said, "exception": exception, "message": message}))
    status = play.wait_state("Restarting", "ProgramError")
    assert (status["restarts"], status["attempt"]) == (1, 1)
    assert status["message"] == f"restart 1 with new pods, attempt 1: {message}"
    assert status["failure"]["exception"] == "ValueError"
    wait(
        "only the new attempt's Jobs are there",
        lambda: play.names("jobs") == ["digits-a1-s0", "digits-a1-s1"],
    )
    play.pods(2, attempt=1)
    wait("the old pods are collected", lambda: len(play.names("pods")) == 2)
    told = f"Warning Restarting: restart 1 with new pods, attempt 1: {message}"
    assert play.events()[-1] == told


def test_when_the_restarts_are_used_the_job_has_failed(
    play: Play, operator: OperatorProcess
) -> None:
    play.jaxjob(restartPolicy={"maxRestarts": 1})
    for attempt in range(2):
        first, second = play.pods(2, attempt)
        play.run(first)
        play.run(second)
        said = {"version": 1, "cause": "ProgramError", "process": 1, "time": time.time()}
        play.end(second, 3, json.dumps({**said, "message": "process 1 exited with code 3"}))
    status = play.wait_state("Failed", "ProgramError")
    assert status["restarts"] == 1
    assert status["message"] == (
        "process 1 exited with code 3 (all 1 restarts of the last 86400 s are used)"
    )
    assert play.names("jobs") == ["digits-a1-s0"], "kept, with its pods and their logs"


def test_deleting_it_leaves_nothing_but_the_token(play: Play, operator: OperatorProcess) -> None:
    play.jaxjob()
    play.pods(2)
    play.delete("jaxjobs", "digits")
    for kind in ("jobs", "pods", "services"):
        wait(f"the {kind} are collected", lambda kind=kind: play.names(kind) == [])
    assert play.names("secrets") == ["jaxop-gang-token"]
    assert not [entry for entry in operator.log if entry["level"] == "error"]


def test_suspended_it_has_no_pods_and_resumed_it_has_new_ones(
    play: Play, operator: OperatorProcess
) -> None:
    play.jaxjob(suspend=True)
    play.wait_state("Suspended")
    assert play.names("jobs") == []
    play.patch("jaxjobs", "digits", {"spec": {"suspend": False}})
    play.pods(2)
    play.patch("jaxjobs", "digits", {"spec": {"suspend": True}})
    play.wait_state("Suspended")
    wait("its pods are gone", lambda: play.names("pods") == [])
    play.patch("jaxjobs", "digits", {"spec": {"suspend": False}})
    play.pods(2, attempt=1)
    assert play.status()["restarts"] == 0


def test_metrics_have_all_states_and_bounded_labels(play: Play, operator: OperatorProcess) -> None:
    play.jaxjob()
    play.wait_state("Scheduling")
    metrics = operator.metrics()
    states = {name: value for name, value in metrics.items() if name.startswith("jaxop_jaxjobs{")}
    assert set(states) == {f'jaxop_jaxjobs{{state="{state}"}}' for state in get_args(State)}
    assert states['jaxop_jaxjobs{state="Scheduling"}'] == 1
    assert metrics["jaxop_leader"] == 1
    assert not [name for name in metrics if play.namespace in name or "digits" in name]


def _passes(operator: OperatorProcess) -> float:
    return sum(
        value
        for name, value in operator.metrics().items()
        if name.startswith("jaxop_reconcile_seconds_count")
    )
