"""The leading operator is killed in the middle of each turn of a job's life, one after another.

Where exactly it dies is chance here; operator/tests/faults lets it die after each single write.
"""

import json
from collections.abc import Callable
from pathlib import Path

from e2e.deploy import Deployment
from e2e.tests import operator
from e2e.tests.children import children_ever_seen
from e2e.tests.jaxjobs import a_claim, a_jaxjob
from e2e.tests.namespace import COMES_WITHIN_SECONDS, Namespace, eventually, is_alive

TURNS_WITHIN_SECONDS = 90.0
"""With eight seconds for the standby to take over."""


def test_the_operator_dies_at_every_turn_and_nothing_is_lost_or_done_twice(
    namespace: Namespace, deployment: Deployment, tmp_path: Path
) -> None:
    def and_the_operator_dies(turn: Callable[[], object]) -> None:
        operator.all_replicas_are_ready(deployment.kubectl)
        leader = operator.leader(deployment.kubectl)
        assert leader is not None
        turn()
        operator.replace(deployment.kubectl, leader.pod)

    job = a_jaxjob().with_checkpoints().with_restarts(5).running("lasting.py")
    namespace.apply(a_claim())
    with children_ever_seen(namespace, tmp_path) as seen:
        and_the_operator_dies(lambda: create(namespace, job.manifest))
        namespace.wait_for("Running", seconds=TURNS_WITHIN_SECONDS)
        first, second = namespace.pods()

        and_the_operator_dies(lambda: namespace.kill_program(second))
        status = namespace.wait_for_epoch(2, seconds=TURNS_WITHIN_SECONDS)
        assert status["restarts"] == 1
        assert uids(namespace) == {pod["metadata"]["uid"] for pod in (first, second)}

        and_the_operator_dies(lambda: delete_by_force(namespace, second["metadata"]["name"]))
        status = namespace.wait_for_epoch(3, seconds=TURNS_WITHIN_SECONDS)
        assert (status["restarts"], status["attempt"]) == (2, 0)

        and_the_operator_dies(lambda: suspend(namespace, True))
        namespace.wait_for("Suspended", seconds=TURNS_WITHIN_SECONDS)
        and_the_operator_dies(lambda: suspend(namespace, False))
        status = namespace.wait_for("Running", seconds=TURNS_WITHIN_SECONDS)
        assert (status["restarts"], status["attempt"]) == (2, 1)

        and_the_operator_dies(namespace.let_go)
        status = namespace.wait_for("Succeeded", seconds=TURNS_WITHIN_SECONDS)
        assert (status["restarts"], status["attempt"]) == (2, 1)

        def caught_up() -> dict[str, set[str]] | str:
            told = seen()
            return told if "job-a1-s0" in told else f"the watches told of {sorted(told)}"

        made = eventually("the watches have caught up", caught_up, COMES_WITHIN_SECONDS)

    jobs = {name for name in made if name.endswith("-s0")}
    assert jobs == {"job-a0-s0", "job-a1-s0"}
    assert {name: len(ids) for name, ids in made.items() if len(ids) > 1} == {}
    # Two of each attempt, and the successor of the one that was deleted.
    assert len(made.keys() - jobs) == 5, sorted(made)
    told = namespace.events()
    assert [each for each in ("Suspended", "Resumed", "Succeeded") if told.count(each) > 1] == []

    and_the_operator_dies(lambda: namespace.run("delete", "jaxjob", "job", "--wait=false"))

    def gone() -> str | bool:
        return namespace.run("get", "jaxjobs,jobs,pods,services", "--output=name") or True

    eventually("all of the job is gone", gone, TURNS_WITHIN_SECONDS)
    operator.all_replicas_are_ready(deployment.kubectl)


def create(namespace: Namespace, manifest: dict[str, object]) -> None:
    """Returns in the middle of it: the Job is there, its pods are being made."""
    namespace.apply(manifest)

    def begun() -> str | bool:
        return bool(namespace.run("get", "jobs", "--output=name")) or "there is no Job"

    eventually("the Job is there", begun, COMES_WITHIN_SECONDS)


def delete_by_force(namespace: Namespace, pod: str) -> None:
    namespace.run("delete", "pod", pod, "--force", "--grace-period=0", "--wait=false")


def suspend(namespace: Namespace, value: bool) -> None:
    patch = json.dumps({"spec": {"suspend": value}})
    namespace.run("patch", "jaxjob", "job", "--type=merge", f"--patch={patch}")


def uids(namespace: Namespace) -> set[str]:
    return {pod["metadata"]["uid"] for pod in namespace.pods() if is_alive(pod)}
