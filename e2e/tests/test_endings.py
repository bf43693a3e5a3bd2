"""How programs end, on real pods: one process goes wrong, all stop, and its cause is named.

The whole matrix is tested with the launcher alone (images/runtime/jaxrun/tests/real); here is what
reaches the user through kubelet, Job and operator.
"""

from dataclasses import dataclass
from datetime import datetime

import pytest

from e2e.tests.jaxjobs import a_jaxjob
from e2e.tests.namespace import Namespace, Seen, eventually

STOPPED_WITHIN_SECONDS = 20.0
"""The goal is one second; kubelet tells whole seconds, and JAX alone takes 94 to 304."""


@dataclass(frozen=True)
class Case:
    act: str
    exit_code: int
    cause: str
    says: str
    signal: int | None = None
    exception: str | None = None
    memory: str = "800Mi"


CASES = [
    Case("exception", 1, "ProgramError", "raised ValueError: bad batch", exception="ValueError"),
    Case("sys.exit(3)", 3, "ProgramError", "exited with code 3"),
    Case("os._exit(3)", 3, "ProgramError", "exited with code 3"),
    Case("SIGKILL", 137, "ProgramError", "SIGKILL", signal=9),
    Case("host-oom", 137, "HostOutOfMemory", "memory limit of 500 MiB", 9, memory="500Mi"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.act)
def test_one_process_ends_and_all_tell_its_cause(namespace: Namespace, case: Case) -> None:
    job = a_jaxjob().running("train.py", "--act", case.act).with_memory(case.memory)
    namespace.apply(job)
    status = namespace.wait_for("Failed")

    failure = status["failure"]
    assert failure["cause"] == status["reason"] == case.cause
    assert failure["process"] == 1
    assert failure["host"] == "job-a0-s0-1"
    assert failure["exitCode"] == case.exit_code
    assert failure.get("signal") == case.signal
    assert failure.get("exception") == case.exception
    assert "process 1 (job-a0-s0-1)" in failure["message"]
    assert case.says in failure["message"]
    assert status["message"] == f"{failure['message']} (spec.restartPolicy.maxRestarts is 0)"
    assert status["restarts"] == 0
    assert status["hosts"]["summary"] == "0/2"

    ends = eventually("both pods have ended", lambda: ends_of(namespace), STOPPED_WITHIN_SECONDS)
    assert {end["exitCode"] for end in ends} == {case.exit_code}
    took = max(map(finished_at, ends)) - datetime.fromisoformat(failure["time"])
    assert took.total_seconds() < STOPPED_WITHIN_SECONDS
    eventually("the Job makes no more pods", lambda: job_is_over(namespace), STOPPED_WITHIN_SECONDS)
    pods = namespace.pods()
    if len(pods) == 2:  # The Job controller may delete one of which it has not heard that it ended.
        assert f"process 1: {case.act}" in namespace.logs(pods[1])


def test_a_restart_that_is_not_in_place_is_a_new_attempt_with_new_pods(
    namespace: Namespace,
) -> None:
    job = a_jaxjob().running("train.py", "--act", "exception", "--attempts", "1", "--hold")
    namespace.apply(job.with_restart_policy(maxRestarts=1, inPlace=False))
    namespace.wait_for("Running")
    first = {pod["metadata"]["uid"] for pod in namespace.pods()}
    namespace.let_go()

    status = namespace.wait_for_attempt(1)
    assert status["restarts"] == 1
    assert status["failure"]["cause"] == "ProgramError"
    assert status["failure"]["process"] == 1
    namespace.wait_for("Running")
    pods = namespace.pods()
    assert [pod["metadata"]["labels"]["jaxop.dev/attempt"] for pod in pods] == ["1", "1"]
    assert first.isdisjoint(pod["metadata"]["uid"] for pod in pods)
    namespace.let_go()

    status = namespace.wait_for("Succeeded")
    assert (status["restarts"], status["attempt"]) == (1, 1)
    jobs = namespace.all_of("jobs")
    assert [job["metadata"]["name"] for job in jobs] == ["job-a1-s0"]
    assert namespace.events() == ["Running", "Restarting", "Running", "Succeeded"]


def test_when_no_restart_is_left_it_has_failed(namespace: Namespace) -> None:
    job = a_jaxjob().running("train.py", "--act", "sys.exit(3)", "--attempts", "9")
    namespace.apply(job.with_restarts(1))
    status = namespace.wait_for("Failed")
    assert (status["restarts"], status["attempt"]) == (1, 0)
    assert status["failure"]["exitCode"] == 3
    assert status["message"].endswith("(all 1 restarts of the last 86400 s are used)")


def job_is_over(namespace: Namespace) -> bool | str:
    """Failed by its controller, and where the exit code alone would make that go on, because the
    operator has ended it. The pods stay either way."""
    (job,) = namespace.all_of("jobs")
    failed = any(c["type"] == "Failed" for c in job["status"].get("conditions", ()))
    return failed or f"{job['status']}"


def ends_of(namespace: Namespace) -> list[Seen] | str:
    """How the program's container ended in each pod."""
    states = [pod["status"]["containerStatuses"][0]["state"] for pod in namespace.pods()]
    if all("terminated" in state for state in states):
        return [state["terminated"] for state in states]
    return f"{states}"


def finished_at(end: Seen) -> datetime:
    return datetime.fromisoformat(end["finishedAt"])
