"""How the Job of a gang ends that is not to start again."""

import json
from typing import Any

import pytest
from operator_process import OperatorProcess
from play import Object, Play, wait

JOB = "digits-a0-s0"
WORDS = {"version": 1, "scope": "Gang", "process": 1, "step": 17, "message": "bad batch"}
BAD_BATCH = json.dumps({**WORDS, "cause": "ProgramError", "exitCode": 3})
OUT_OF_MEMORY = json.dumps({**WORDS, "cause": "HostOutOfMemory", "exitCode": 137})


@pytest.fixture
def gang(play: Play, operator: OperatorProcess) -> list[Object]:
    """Two pods that run, of a job whose first failure is its end."""
    play.jaxjob(restartPolicy={"maxRestarts": 0})
    pods = play.pods(2)
    for pod in pods:
        play.bind(pod)
        play.run(pod)
    return pods


def test_a_pod_that_does_not_end_is_stopped(play: Play, gang: list[Object]) -> None:
    hung, other = gang
    play.end(other, 3, BAD_BATCH)
    play.wait_state("Failed")
    play.wait_terminating(hung)
    play.end(hung, 137)
    play.let_go(hung)
    why_failed(play)
    assert exit_code(play, other) == 3


def test_out_of_memory_it_makes_no_more_pods_and_keeps_those_whose_logs_tell_why(
    play: Play, gang: list[Object]
) -> None:
    """Given their exit code is also that of a lost pod, so that alone the Job would go on."""
    for pod in gang:
        play.end(pod, 137, OUT_OF_MEMORY)
    play.wait_state("Failed", "HostOutOfMemory")
    assert why_failed(play) == "BackoffLimitExceeded"
    assert [exit_code(play, pod) for pod in gang] == [137, 137]
    assert len(play.all("pods")) == 2
    play.delete("pods", gang[0]["metadata"]["name"])
    wait("the pod is gone", lambda: play.get("pods", gang[0]["metadata"]["name"]) is None)


def found(play: Play, pod: Object) -> Object:
    live = play.get("pods", pod["metadata"]["name"])
    assert live is not None, f"{pod['metadata']['name']} is gone"
    return live


def exit_code(play: Play, pod: Object) -> Any:
    (container,) = found(play, pod)["status"]["containerStatuses"]
    return container["state"]["terminated"]["exitCode"]


def why_failed(play: Play) -> str:
    """Of the Job, once it has."""

    def check() -> str | None:
        job = play.get("jobs", JOB) or {}
        conditions = job.get("status", {}).get("conditions", [])
        return next((c["reason"] for c in conditions if c["type"] == "Failed"), None)

    return str(wait("the Job has failed", check))
