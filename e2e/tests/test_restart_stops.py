"""Jobs that are stopped from outside save first, and say so; what follows depends on why."""

import json

from e2e.tests.jaxjobs import JaxJobBuilder, a_claim, a_jaxjob
from e2e.tests.namespace import COMES_WITHIN_SECONDS, Namespace, eventually

GONE_WITHIN_SECONDS = 60.0
SAVES_FOR_SECONDS = 4


def a_job_that_saves_slowly() -> JaxJobBuilder:
    job = a_jaxjob().with_checkpoints()
    return job.running("lasting.py", "--save-seconds", str(SAVES_FOR_SECONDS))


def test_a_suspended_job_saves_and_goes_on_from_that_step(namespace: Namespace) -> None:
    namespace.apply(a_claim(), a_job_that_saves_slowly())
    namespace.wait_for("Running")
    suspend(namespace, True)
    namespace.wait_for("Checkpointing")
    status = namespace.wait_for("Suspended")
    saved = status["checkpointStep"]

    def no_pods() -> str | bool:
        return namespace.run("get", "jobs,pods", "--output=name") or True

    eventually("a suspended job has no pods", no_pods, GONE_WITHIN_SECONDS)
    suspend(namespace, False)
    status = namespace.wait_for("Running")
    assert status["restarts"] == 0

    def began() -> list[int] | str:
        told = namespace.told(namespace.pods()[0])
        return [each["began"] for each in told] or "its program has said nothing"

    assert eventually("the program begins", began, COMES_WITHIN_SECONDS) == [saved]
    namespace.let_go()
    namespace.wait_for("Succeeded")


def test_a_job_over_its_deadline_saves_and_has_failed(namespace: Namespace) -> None:
    job = a_job_that_saves_slowly().with_restart_policy(maxRestarts=5)
    namespace.apply(a_claim(), job.with_spec(activeDeadlineSeconds=15))
    namespace.wait_for("Checkpointing")
    status = namespace.wait_for("Failed")
    assert status["reason"] == status["failure"]["cause"] == "Deadline"
    assert status["restarts"] == 0
    assert status["checkpointStep"] > 0


def test_a_job_that_has_ended_goes_by_itself_if_it_is_told_to(namespace: Namespace) -> None:
    namespace.apply(a_jaxjob().with_spec(ttlSecondsAfterFinished=1))

    def gone() -> str | bool:
        return namespace.run("get", "jaxjobs,jobs,pods", "--output=name") or True

    eventually("the job has run and is gone", gone, GONE_WITHIN_SECONDS)


def suspend(namespace: Namespace, value: bool) -> None:
    patch = json.dumps({"spec": {"suspend": value}})
    namespace.run("patch", "jaxjob", "job", "--type=merge", f"--patch={patch}")
