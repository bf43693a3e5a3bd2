"""Stopping well: suspended, resumed, and at the end of its time, decision by decision."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from building import NOW, World, a_jaxjob, a_running_jaxjob, ended, seconds
from jaxop.api.v1alpha1.jaxjob_status import RestartLedger
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.views import NodeView
from plan_words import deleted, kinds, state, told

LATER = NOW + seconds(60)
GRACE = seconds(65)


def training(**spec: Any) -> World:
    """Runs, and reports steps and checkpoints; the operator has written what it knows."""
    world = a_running_jaxjob().with_checkpoint().spec(**spec)
    world = world.reporting("Running", step=120, checkpoint_step=100)
    return world.after(decide(world.snapshot(), NOW))


def told_to_stop(world: World, now: datetime) -> World:
    """Its Jobs are gone, its pods have SIGTERM."""
    return replace(world, jobs=(), pods=tuple(replace(p, gone_by=now + GRACE) for p in world.pods))


def without_pods(world: World) -> World:
    return replace(world, pods=())


def stopping(world: World, now: datetime) -> World:
    """The passes until the pods have been told to stop."""
    for _ in range(2):
        world = world.after(decide(world.snapshot(), now))
    return told_to_stop(world, now)


class TestSuspending:
    def test_created_suspended(self) -> None:
        plan = decide(a_jaxjob().suspended().snapshot(), NOW)
        assert plan.apply == ()
        assert state(plan) == ("Suspended", "Suspended")
        assert plan.status is not None
        assert "startTime" not in plan.status
        assert "activeSince" not in plan.status

    def test_the_status_says_so_before_anything_is_deleted(self) -> None:
        world = training().suspended()
        first = decide(world.snapshot(), LATER)
        assert (first.delete, first.apply) == ((), ())
        assert state(first) == ("Checkpointing", "Suspending")
        assert first.status is not None
        assert first.status["message"] == (
            "the job is being suspended; its program has up to 60 s to save a checkpoint: "
            "step 120, last checkpoint 100"
        )
        assert (first.status["attempt"], first.status["restarts"]) == (0, 0)
        assert first.status["hosts"]["summary"] == "2/2"
        conditions = {c["type"]: c["status"] for c in first.status["conditions"]}
        assert conditions == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
        then = decide(world.after(first).snapshot(), LATER)
        assert deleted(then) == ["Job ml/digits-a0-s0"]
        assert then.status is None

    def test_suspended_only_when_the_pods_are_over(self) -> None:
        world = stopping(training().suspended(), LATER)
        waiting = decide(world.snapshot(), LATER)
        assert (waiting.status, waiting.delete) == (None, ())
        assert waiting.requeue_after == 70.0, "when a pod that hangs is not waited for any more"
        saved = '{"version":1,"cause":"Preempted","scope":"Pod","step":125,"checkpointStep":125}'
        world = world.pod(0, phase="Failed", ends=(ended(143, saved),))
        assert state(decide(world.snapshot(), LATER)) == ("Checkpointing", "Suspending")
        world = world.pod(1, phase="Failed", ends=(ended(143, saved),))
        plan = decide(world.snapshot(), LATER)
        assert state(plan) == ("Suspended", "Suspended")
        assert told(plan) == ["Normal Suspended"]
        assert plan.status is not None
        assert (plan.status["step"], plan.status["checkpointStep"]) == (125, 125)
        assert (plan.status["attempt"], plan.status["restarts"]) == (1, 0)
        assert plan.status["hosts"]["summary"] == "0/2"
        assert decide(world.after(plan).snapshot(), LATER).status is None

    def test_pods_on_a_dead_node_are_not_waited_for(self) -> None:
        world = stopping(training().suspended(), LATER)
        hung = decide(world.snapshot(), LATER + GRACE + seconds(5))
        assert state(hung) == ("Suspended", "Suspended")
        dead = world.with_nodes(NodeView("node-1", ready=False))
        assert state(decide(dead.snapshot(), LATER)) == ("Suspended", "Suspended")

    def test_resumed(self) -> None:
        world = without_pods(stopping(training().suspended(), LATER))
        world = world.after(decide(world.snapshot(), LATER)).suspended(False)
        plan = decide(world.snapshot(), LATER)
        assert kinds(plan) == ["Service digits-gang", "Job digits-a1-s0"]
        assert state(plan)[0] == "Scheduling"
        assert told(plan) == ["Normal Resumed"]

    def test_resumed_while_it_still_stops(self) -> None:
        """Given its Jobs are gone already, then that is no failure, and it waits for its pods."""
        world = stopping(training().suspended(), LATER).suspended(False)
        held = decide(world.snapshot(), LATER)
        assert (held.status, held.apply) == (None, ()), "old pods may yet write a checkpoint"
        plan = decide(without_pods(world).snapshot(), LATER)
        assert state(plan) == ("Scheduling", "PodsStarting")
        assert told(plan) == ["Normal Resumed"]
        assert plan.status is not None
        assert (plan.status["attempt"], plan.status["restarts"]) == (1, 0)
        after = without_pods(world).after(plan)
        assert kinds(decide(after.snapshot(), LATER)) == ["Service digits-gang", "Job digits-a1-s0"]

    def test_suspended_resumed_and_suspended_quickly(self) -> None:
        world = stopping(training().suspended(), LATER).suspended(False)
        world = world.after(decide(world.snapshot(), LATER)).suspended(True)
        assert decide(world.snapshot(), LATER).status is None
        plan = decide(without_pods(world).snapshot(), LATER)
        assert state(plan) == ("Suspended", "Suspended")
        assert plan.status is not None
        assert (plan.status["attempt"], plan.status["restarts"]) == (1, 0)

    def test_before_its_pods_exist(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).suspended()
        plan = decide(world.snapshot(), NOW)
        assert state(plan) == ("Suspended", "Suspended")
        world = world.after(plan)
        assert deleted(decide(world.snapshot(), NOW)) == ["Job ml/digits-a0-s0"]
        late = replace(world, jobs=(), pods=a_jaxjob().with_pods().pods)
        assert decide(late.snapshot(), NOW).status is None, "a pod made a moment later"
        resumed = late.suspended(False)
        assert decide(resumed.snapshot(), NOW).apply == (), "is waited for"

    def test_while_its_pods_wait_for_a_node(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).with_pods().suspended()
        plan = decide(world.snapshot(), NOW)
        assert plan.status is not None
        assert plan.status["message"] == "the job is being suspended; its pods are being deleted"

    def test_while_it_restarts(self) -> None:
        """Given the failed attempt's pods still stop, then they are waited for, and the attempt
        that never began is used later."""
        world = training(restartPolicy={"inPlace": False})
        world = world.pod(1, phase="Failed", ends=(ended(3),)).job(0, failed="BackoffLimitExceeded")
        world = world.after(decide(world.snapshot(), LATER)).suspended()
        assert world.attempt == 1
        plan = decide(world.snapshot(), LATER)
        assert state(plan) == ("Checkpointing", "Suspending")
        world = without_pods(stopping(world.after(plan), LATER))
        plan = decide(world.snapshot(), LATER)
        assert state(plan) == ("Suspended", "Suspended")
        assert plan.status is not None
        assert plan.status["restarts"] == 1

    def test_while_it_waits_to_restart(self) -> None:
        world = a_jaxjob().status(state="Restarting", reason="ProgramError", attempt=2, restarts=2)
        plan = decide(world.suspended().snapshot(), LATER)
        assert state(plan) == ("Suspended", "Suspended")
        assert plan.status is not None
        assert (plan.status["attempt"], plan.status["restarts"]) == (2, 2)

    def test_a_program_that_has_ended_well_has_succeeded(self) -> None:
        world = training().with_jobs(complete=True).with_pods("Succeeded").suspended()
        assert state(decide(world.snapshot(), LATER))[0] == "Succeeded"

    def test_a_finished_job_is_not_suspended(self) -> None:
        world = a_running_jaxjob().with_jobs(complete=True)
        world = world.after(decide(world.snapshot(), NOW)).suspended()
        assert decide(world.snapshot(), LATER).status is None

    def test_a_failure_while_it_stops_is_none(self) -> None:
        world = stopping(training().suspended(), LATER)
        world = world.pod(1, phase="Failed", ends=(ended(137),)).pod(0, phase="Failed")
        plan = decide(world.snapshot(), LATER)
        assert state(plan) == ("Suspended", "Suspended")
        assert plan.status is not None
        assert "failure" not in plan.status

    def test_a_template_changed_while_suspended_is_the_next_attempts(self) -> None:
        world = without_pods(stopping(training().suspended(), LATER))
        world = world.after(decide(world.snapshot(), LATER)).program(image="team/digits:2")
        plan = decide(world.suspended(False).snapshot(), LATER)
        (program,) = plan.apply[1]["spec"]["template"]["spec"]["containers"]
        assert program["image"] == "team/digits:2"

    def test_a_template_made_wrong_while_it_stops(self) -> None:
        world = training().suspended().spec(template={"spec": "x"})
        plan = decide(world.snapshot(), LATER)
        assert plan.status is not None
        assert plan.status["message"].startswith(
            "the job is being suspended; its program has up to 60 s to save a checkpoint"
        )
        world = without_pods(stopping(world, LATER))
        world = world.after(decide(world.snapshot(), LATER))
        assert state(decide(world.suspended(False).snapshot(), LATER)) == ("Pending", "InvalidSpec")


class TestTheDeadline:
    def test_is_looked_at_when_it_passes_and_not_before(self) -> None:
        world = training(activeDeadlineSeconds=3600)
        assert decide(world.snapshot(), NOW + seconds(600)).requeue_after == 3000.0

    def test_the_program_may_save_and_then_the_job_has_failed(self) -> None:
        world = training(activeDeadlineSeconds=3600)
        late = NOW + seconds(3600)
        plan = decide(world.snapshot(), late)
        assert plan.delete == ()
        assert state(plan) == ("Checkpointing", "Deadline")
        assert plan.status is not None
        assert plan.status["message"] == (
            "the job has run for spec.activeDeadlineSeconds, 3600 s; its program has up to 60 s to "
            "save a checkpoint: step 120, last checkpoint 100"
        )
        world = world.after(plan)
        assert deleted(decide(world.snapshot(), late)) == ["Job ml/digits-a0-s0"]
        world = told_to_stop(world, late).reporting("Stopping", step=121, checkpoint_step=121)
        over = world.pod(0, phase="Failed", ends=(ended(143),))
        over = over.pod(1, phase="Failed", ends=(ended(137),))
        plan = decide(over.snapshot(), late + seconds(7))
        assert state(plan) == ("Failed", "Deadline")
        assert told(plan) == ["Warning Failed"]
        assert plan.status is not None
        failure = plan.status["failure"]
        assert failure["cause"] == "Deadline"
        assert failure["message"] == (
            "ran for 3607 s, spec.activeDeadlineSeconds (3600): step 121, last checkpoint 121"
        )
        assert (failure["step"], failure["lostSteps"]) == (121, 0)
        assert "exitCode" not in failure
        assert plan.status["completionTime"] == "2026-11-21T13:00:07Z"
        assert plan.status["activeSeconds"] == 3607.0
        assert "activeSince" not in plan.status

    def test_counts_all_attempts_and_not_what_was_suspended(self) -> None:
        world = training(activeDeadlineSeconds=3600).suspended()
        at = NOW + seconds(1000)
        world = without_pods(stopping(world, at))
        world = world.after(decide(world.snapshot(), at))
        assert world.manifest["status"]["activeSeconds"] == 1000.0
        later = NOW + seconds(90_000)
        assert decide(world.snapshot(), later).requeue_after is None
        world = world.suspended(False)
        world = world.after(decide(world.snapshot(), later))
        assert decide(world.snapshot(), later + seconds(100)).requeue_after == 2500.0
        running = world.with_jobs().running_pods().reporting("Running")
        plan = decide(running.snapshot(), later + seconds(2600))
        assert state(plan) == ("Checkpointing", "Deadline")

    def test_a_job_without_pods_fails_at_once(self) -> None:
        world = a_jaxjob().spec(activeDeadlineSeconds=10)
        world = world.after(decide(world.snapshot(), NOW))
        plan = decide(world.snapshot(), NOW + seconds(10))
        assert state(plan) == ("Failed", "Deadline")
        assert deleted(plan) == ["Job ml/digits-a0-s0"]
        assert plan.status is not None
        assert plan.status["message"] == "ran for 10 s, spec.activeDeadlineSeconds"

    def test_lowered_below_what_has_passed(self) -> None:
        world = training().spec(activeDeadlineSeconds=5)
        assert state(decide(world.snapshot(), LATER)) == ("Checkpointing", "Deadline")

    def test_raised_before_it_passes(self) -> None:
        world = training(activeDeadlineSeconds=3600).spec(activeDeadlineSeconds=7200)
        assert decide(world.snapshot(), NOW + seconds(3600)).status is None

    @pytest.mark.parametrize("more", [{"activeDeadlineSeconds": 7200}, {}])
    def test_raised_or_removed_while_it_stops_for_it(self, more: dict[str, int]) -> None:
        """Given its pods were told to stop already, then it goes on in new ones."""
        late = NOW + seconds(3600)
        world = stopping(training(activeDeadlineSeconds=3600), late)
        del world.manifest["spec"]["activeDeadlineSeconds"]
        world = without_pods(world.spec(**more))
        plan = decide(world.snapshot(), late)
        assert state(plan) == ("Scheduling", "PodsStarting")
        assert plan.status is not None
        assert (plan.status["attempt"], plan.status["restarts"]) == (1, 0)

    def test_success_at_the_last_moment_counts(self) -> None:
        world = training(activeDeadlineSeconds=3600).with_jobs(complete=True)
        plan = decide(world.with_pods("Succeeded").snapshot(), NOW + seconds(3601))
        assert state(plan)[0] == "Succeeded"

    def test_suspending_wins_and_resuming_after_it_fails(self) -> None:
        world = stopping(training(activeDeadlineSeconds=30).suspended(), LATER)
        world = without_pods(world)
        world = world.after(decide(world.snapshot(), LATER))
        assert world.manifest["status"]["state"] == "Suspended"
        plan = decide(world.suspended(False).snapshot(), LATER)
        assert state(plan) == ("Failed", "Deadline")
        assert plan.apply == ()

    def test_a_job_that_cannot_start_has_time(self) -> None:
        world = a_jaxjob().on("tpu-v5e", "3x4").spec(activeDeadlineSeconds=10)
        world = world.after(decide(world.snapshot(), NOW))
        assert decide(world.snapshot(), LATER).requeue_after is None
        assert world.manifest["status"]["state"] == "Pending"
        assert "activeSince" not in world.manifest["status"]


class TestRestartsCountedByTheGang:
    """Stopping is no restart, but what the gang had counted before it is kept."""

    def test_those_before_are_taken_over_and_those_of_the_stop_are_not(self) -> None:
        before = RestartLedger(restarts=2, charges=(1, 2))
        world = training().reporting("Running", ledger=before).suspended()
        plan = decide(world.snapshot(), LATER)
        assert plan.status is not None
        assert (plan.status["restarts"], plan.status["restartLedger"]["restarts"]) == (2, 2)
        world = told_to_stop(world.after(plan), LATER)
        world = world.reporting("Restarting", ledger=before.replace(restarts=3))
        world = world.after(decide(world.snapshot(), LATER))
        plan = decide(without_pods(world).snapshot(), LATER)
        assert state(plan) == ("Suspended", "Suspended")
        assert plan.status is not None
        assert (plan.status["restarts"], plan.status["restartLedger"]["restarts"]) == (2, 2)
