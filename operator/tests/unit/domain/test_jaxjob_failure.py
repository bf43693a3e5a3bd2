"""Which evidence names the cause: the first real one, whatever came of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from building import NOW, World, a_running_jaxjob, ended, seconds
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.views import ContainerEnd

LATER = NOW + seconds(60)


def words(cause: str, **fields: Any) -> str:
    """What a launcher writes when it ends."""
    body = {"version": 1, "cause": cause, "message": f"it was {cause}", **fields}
    return json.dumps(body)


def failure(world: World) -> dict[str, Any]:
    plan = decide(world.snapshot(), LATER)
    assert plan.status is not None
    assert plan.status["state"] == "Restarting"
    found: dict[str, Any] = plan.status["failure"]
    return found


def failing(process: int = 1, *ends: ContainerEnd, **fields: Any) -> World:
    return a_running_jaxjob().pod(process, phase="Failed", ends=ends, **fields)


def test_the_launchers_word_is_taken_whole() -> None:
    said = words(
        "ProgramError",
        process=1,
        host="digits-a0-s0-1",
        exitCode=1,
        exception={"type": "ValueError", "message": "bad batch"},
        time=NOW.timestamp(),
    )
    assert failure(failing(1, ended(1, said))) == {
        "cause": "ProgramError",
        "process": 1,
        "host": "digits-a0-s0-1",
        "exitCode": 1,
        "exception": "ValueError",
        "message": "it was ProgramError",
        "time": "2026-11-21T12:00:00Z",
    }


def test_the_cause_wins_over_its_consequences() -> None:
    """Given process 1 ran out of memory and all others lost it, in whatever order they are read."""
    world = failing(0, ended(1, words("PeerLost", process=1, time=NOW.timestamp())))
    late = (NOW + seconds(5)).timestamp()
    said = words("DeviceOutOfMemory", process=1, time=late)
    world = world.pod(1, phase="Failed", ends=(ended(1, said),))
    assert failure(world)["cause"] == "DeviceOutOfMemory"


def test_of_several_real_causes_the_first_counts() -> None:
    first, second = NOW.timestamp(), (NOW + seconds(1)).timestamp()
    world = failing(0, ended(1, words("NumericalError", process=0, time=second)))
    said = words("CompileFailed", process=1, time=first)
    assert failure(world.pod(1, phase="Failed", ends=(ended(1, said),)))["cause"] == "CompileFailed"


@pytest.mark.parametrize(
    ("disruption", "cause"),
    [
        ("PreemptionByScheduler", "Preempted"),
        ("EvictionByEvictionAPI", "Preempted"),
        ("TerminationByKubelet", "Preempted"),
        ("DeletionByTaintManager", "NodeLost"),
        ("DeletionByPodGC", "NodeLost"),
    ],
)
def test_disruptions(disruption: str, cause: str) -> None:
    """Also where the launchers saw only that a peer was lost."""
    lost = ended(1, words("PeerLost", process=1))
    world = failing(1, lost, disruption=disruption, node="node-7").pod(
        0, phase="Failed", ends=(lost,)
    )
    found = failure(world)
    assert found["cause"] == cause
    assert (
        found["message"] == f"process 1 (digits-a0-s0-1) was removed on node node-7: {disruption}"
    )


def test_eviction() -> None:
    world = failing(1, reason="Evicted", message="The node was low on resource: memory.")
    assert failure(world) == {
        "cause": "Preempted",
        "process": 1,
        "host": "digits-a0-s0-1",
        "message": "process 1 (digits-a0-s0-1) was evicted on node node-1: "
        "The node was low on resource: memory.",
        "time": "2026-11-21T12:01:00Z",
    }


@pytest.mark.parametrize(
    ("end", "cause", "message", "exit_code", "signal"),
    [
        (
            ended(137, reason="OOMKilled"),
            "HostOutOfMemory",
            "process 1 (digits-a0-s0-1) was killed: it used more memory than its limit",
            137,
            9,
        ),
        (
            ended(137, words("ProgramError", process=1, signal=9), reason="OOMKilled"),
            "HostOutOfMemory",
            "it was ProgramError",
            None,
            9,
        ),
        (
            ended(139),
            "ProgramError",
            "process 1 (digits-a0-s0-1) was killed by signal 11",
            139,
            11,
        ),
        (
            ended(2, "Traceback...\n/jaxop/jaxrun: not found\n"),
            "ProgramError",
            "process 1 (digits-a0-s0-1) exited with 2: /jaxop/jaxrun: not found",
            2,
            None,
        ),
        (
            ended(1, "no space left on device", container="jaxrun-install"),
            "ProgramError",
            "container jaxrun-install of process 1 (digits-a0-s0-1) exited with 1: "
            "no space left on device",
            1,
            None,
        ),
    ],
)
def test_containers_without_a_launchers_word(
    end: ContainerEnd, cause: str, message: str, exit_code: int | None, signal: int | None
) -> None:
    found = failure(failing(1, end))
    assert (found["cause"], found["message"]) == (cause, message)
    assert (found.get("exitCode"), found.get("signal")) == (exit_code, signal)


def test_the_programs_end_matters_more_than_a_sidecars() -> None:
    sidecar = ended(137, container="logs")
    assert failure(failing(1, sidecar, ended(4)))["exitCode"] == 4


def test_a_sidecar_that_ended_well_is_no_cause() -> None:
    assert failure(failing(1, ended(0, container="logs"), ended(4)))["exitCode"] == 4


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("PodFailurePolicy", "PeerLost"),
        ("BackoffLimitExceeded", "PeerLost"),
        ("DeadlineExceeded", "Deadline"),
    ],
)
def test_a_job_that_failed_and_left_no_pods(reason: str, cause: str) -> None:
    world = a_running_jaxjob().job(0, failed=reason, failed_message="Job has failed")
    found = failure(world)
    assert found["cause"] == cause
    assert found["message"] == "Job digits-a0-s0 failed and its pods are gone: Job has failed"


def test_a_failed_jobs_pods_that_seem_to_run_are_waited_for() -> None:
    """Given the news of the Job came and those of its pods are late."""
    world = a_running_jaxjob().job(0, failed="PodFailurePolicy", failed_at=LATER)
    for waited in (0, 44):
        plan = decide(world.snapshot(), LATER + seconds(waited))
        assert (plan.status, plan.requeue_after) == (None, 1.0)
    told = world.pod(1, phase="Failed", ends=(ended(1, words("ProgramError", process=1)),))
    assert failure(told)["cause"] == "ProgramError"
    late = decide(world.snapshot(), LATER + seconds(45))
    assert late.status is not None
    assert late.status["failure"]["cause"] == "PeerLost"


def test_a_failed_job_whose_pods_are_gone_is_believed_soon() -> None:
    world = replace(a_running_jaxjob(), pods=())
    world = world.job(0, failed="PodFailurePolicy", failed_at=LATER)
    assert decide(world.snapshot(), LATER + seconds(2)).status is None
    assert decide(world.snapshot(), LATER + seconds(3)).status is not None


@pytest.mark.parametrize(
    "message",
    [
        *("", "{", "[]", '"x"', "{}", '{"cause": 7}', '{"cause": "Nonsense"}'),
        '{"cause": "ProgramError", "process": "x", "exitCode": true, "time": 1e300}',
        '{"cause": "ProgramError", "exception": [1], "process": -1, "signal": 1e9}',
        "[" * 5000,
    ],
)
def test_a_termination_message_can_be_anything(message: str) -> None:
    assert failure(failing(1, ended(3, message)))["cause"] == "ProgramError"
