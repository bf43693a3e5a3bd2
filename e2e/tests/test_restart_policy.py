"""What the restart policy makes of failures: when a job stops trying, and says so."""

from e2e.tests.jaxjobs import a_jaxjob
from e2e.tests.namespace import Namespace

NOT_WAITING = {"initialSeconds": 0, "maxSeconds": 0}
NOTICED_WITHIN_SECONDS = 60.0


def test_three_equal_failures_are_the_programs_fault(namespace: Namespace) -> None:
    """The second in a row tries new pods; the third ends it, though much of the budget is left."""
    job = a_jaxjob().with_restart_policy(maxRestarts=10, backoff=NOT_WAITING)
    namespace.apply(job.running("lasting.py", "--fail-at", "3"))
    status = namespace.wait_for("Failed")
    assert (status["restarts"], status["attempt"]) == (2, 1)
    assert status["reason"] == status["failure"]["cause"] == "ProgramError"
    assert (status["failure"]["exitCode"], status["failure"]["step"]) == (3, 3)
    assert "step 3" in status["message"]


def test_a_rule_for_an_exit_code_ends_the_job_at_once(namespace: Namespace) -> None:
    rules = [{"onExitCodes": [64], "action": "Fail"}]
    job = a_jaxjob().with_restart_policy(maxRestarts=10, rules=rules)
    namespace.apply(job.running("lasting.py", "--fail-at", "3", "--exit", "64"))
    status = namespace.wait_for("Failed")
    assert (status["restarts"], status["attempt"]) == (0, 0)
    assert status["failure"]["exitCode"] == 64
    assert "rule" in status["message"]


def test_other_devices_than_asked_for_are_told_before_anything_is_trained(
    namespace: Namespace,
) -> None:
    """The node only plays the part, as when its device plugin or driver is broken."""
    job = a_jaxjob().on("nvidia-h100", chipsPerHost=4, hosts=2).with_program(env=[])
    namespace.apply(job.running("lasting.py"))
    status = namespace.wait_for("Failed", seconds=NOTICED_WITHIN_SECONDS)
    assert status["reason"] == status["failure"]["cause"] == "DeviceMismatch"
    assert "where 4 cuda devices were expected" in status["message"]
    assert not [pod for pod in namespace.pods() if namespace.told(pod)]


def test_process_0_alone_decides_with_its_success_policy(namespace: Namespace) -> None:
    """Process 1 would go on for ever."""
    script = '[ "$JOB_COMPLETION_INDEX" = 0 ] || sleep 1000'
    job = a_jaxjob().with_command("sh", "-c", script).with_spec(successPolicy="ProcessZero")
    namespace.apply(job)
    status = namespace.wait_for("Succeeded")
    assert status["restarts"] == 0
