"""Whose exit with 0 makes a job succeed, and when that is told."""

import json
from dataclasses import replace

from building import NOW, World, a_jaxjob, a_running_jaxjob, ended, seconds
from jaxop.api.plan import Plan
from jaxop.domain.jaxjob import decide
from plan_words import state

LATER = NOW + seconds(60)
LAST_WORDS = json.dumps({"version": 1, "scope": "Gang", "cause": None, "step": 330})


def with_process_zero_enough() -> World:
    """Three hosts that run."""
    world = a_running_jaxjob().with_hosts(3).spec(successPolicy="ProcessZero")
    return world.with_jobs().running_pods()


def test_all_processes_is_the_default() -> None:
    world = a_running_jaxjob().pod(0, phase="Succeeded", ready=False, ends=(ended(0),))
    plan = decide(world.snapshot(), LATER)
    assert plan.status is None or plan.status["state"] == "Running"


def test_process_zero_is_enough_where_asked_for() -> None:
    world = with_process_zero_enough().pod(0, phase="Succeeded", ends=(ended(0),))
    plan = decide(world.snapshot(), LATER)
    assert state(plan) == ("Succeeded", "ProcessZeroSucceeded")
    assert plan.status is not None
    assert plan.status["message"] == (
        "process 0 ended with exit code 0, and spec.successPolicy is ProcessZero"
    )
    assert plan.status["hosts"]["summary"] == "3/3"
    assert [event.reason for event in plan.events] == ["Succeeded"]


def test_also_a_moment_before_its_pod_says_so() -> None:
    world = with_process_zero_enough().pod(0, ends=(ended(0),))
    assert state(decide(world.snapshot(), LATER))[0] == "Succeeded"


def test_the_usual_end_is_that_all_jobs_complete() -> None:
    world = with_process_zero_enough().with_jobs(complete=True).with_pods("Succeeded")
    assert state(decide(world.snapshot(), LATER)) == ("Succeeded", "ProcessZeroSucceeded")


def test_another_pod_lost_after_process_zero_had_ended() -> None:
    world = with_process_zero_enough().pod(0, phase="Succeeded", ends=(ended(0),))
    world = world.pod(1, phase="Failed", ends=(ended(137),)).job(0, failed="PodFailurePolicy")
    plan = decide(world.snapshot(), LATER)
    assert state(plan)[0] == "Succeeded"
    assert plan.status is not None
    assert (plan.status["restarts"], "failure" in plan.status) == (0, False)


def test_another_process_that_ends_first_is_not_enough() -> None:
    world = with_process_zero_enough().pod(1, phase="Succeeded", ready=False, ends=(ended(0),))
    plan = decide(world.snapshot(), LATER)
    assert plan.status is None or plan.status["state"] == "Running"


def test_a_process_zero_that_fails_is_a_failure() -> None:
    world = with_process_zero_enough().pod(0, phase="Failed", ends=(ended(3),))
    world = world.job(0, failed="PodFailurePolicy")
    assert state(decide(world.snapshot(), LATER))[0] in ("Restarting", "Failed")


def test_what_still_runs_has_its_grace_and_is_then_stopped() -> None:
    world = with_process_zero_enough().pod(0, phase="Succeeded", ends=(ended(0),))
    world = world.with_checkpoint(graceSeconds=60)
    world = world.after(decide(world.snapshot(), NOW))
    soon = decide(world.snapshot(), NOW + seconds(1))
    assert (soon.end, soon.requeue_after) == ((), 74.0)
    (job,) = decide(world.snapshot(), NOW + seconds(75)).end
    assert job.name == "digits-a0-s0"


def test_their_last_words_are_waited_for() -> None:
    """Given the news of the Job came and those of its pods are late."""
    world = a_running_jaxjob().with_jobs(complete=True, complete_at=LATER)
    for waited in (0, 44):
        plan = decide(world.snapshot(), LATER + seconds(waited))
        assert plan == Plan(requeue_after=1.0)
    heard = world.with_pods("Succeeded", ends=(ended(0, LAST_WORDS),))
    plan = decide(heard.snapshot(), LATER)
    assert plan.status is not None
    assert (plan.status["state"], plan.status["step"]) == ("Succeeded", 330)


def test_but_not_for_ever() -> None:
    world = a_running_jaxjob().with_jobs(complete=True, complete_at=LATER)
    plan = decide(world.snapshot(), LATER + seconds(45))
    assert state(plan)[0] == "Succeeded"
    late = world.after(plan).with_pods("Succeeded", ends=(ended(0, LAST_WORDS),))
    told = decide(late.snapshot(), LATER + seconds(46)).status
    assert told is not None
    assert told["step"] == 330


def test_nor_those_of_pods_that_are_gone_or_go() -> None:
    world = a_running_jaxjob().with_jobs(complete=True, complete_at=LATER)
    for other in (replace(world, pods=()), world.with_pods("Running", gone_by=LATER)):
        assert state(decide(other.snapshot(), LATER))[0] == "Succeeded"


def test_a_job_of_one_process_says_it_as_ever() -> None:
    world = a_jaxjob().on("cpu", hosts=1).spec(successPolicy="ProcessZero")
    world = world.with_jobs(complete=True)
    assert state(decide(world.snapshot(), LATER)) == ("Succeeded", "AllProcessesSucceeded")
