"""A JaxJob's life, decision by decision: given a world, then this plan."""

import json
from dataclasses import replace
from datetime import timedelta

from building import NOW, World, a_cause, a_jaxjob, a_running_jaxjob, ended, seconds
from jaxop.api.plan import Plan
from jaxop.domain.jaxjob import decide, refused
from jaxop.domain.jaxjob.validation.stalled import Refused
from plan_words import deleted, ended_jobs, kinds, state, told

LATER = NOW + seconds(60)


def a_failing_jaxjob(restarts: int = 0, max_restarts: int = 3) -> World:
    world = a_running_jaxjob().with_max_restarts(max_restarts)
    world = world.status(restarts=restarts, attempt=restarts).with_jobs().running_pods()
    return world.pod(1, phase="Failed", ends=(ended(3),)).job(0, failed="BackoffLimitExceeded")


KILLED = json.dumps(
    {
        "version": 1,
        "scope": "Gang",
        "cause": "HostOutOfMemory",
        "message": "process 1 was killed",
        "process": 1,
        "exitCode": 137,
        "time": NOW.timestamp(),
    }
)
"""The last words of every launcher of a gang whose program was killed."""


class TestCreating:
    def test_one_job_for_each_slice_and_a_service(self) -> None:
        plan = decide(a_jaxjob().on("tpu-v5e", "4x4").with_slices(2).snapshot(), NOW)
        assert kinds(plan) == ["Service digits-gang", "Job digits-a0-s0", "Job digits-a0-s1"]
        assert state(plan) == ("Scheduling", "PodsStarting")
        assert plan.status is not None
        assert plan.status["accelerator"] == "tpu-v5e 4x4 x2"
        assert plan.status["hosts"] == {"wanted": 8, "ready": 0, "summary": "0/8"}
        assert told(plan) == []

    def test_children_that_exist_are_left_alone(self) -> None:
        world = a_jaxjob().with_slices(3)
        world = world.after(decide(world.snapshot(), NOW))
        lost = next(job for job in world.jobs if job.slice_index == 1)
        world = World(world.manifest, jobs=tuple(j for j in world.jobs if j != lost))
        assert kinds(decide(world.snapshot(), LATER)) == ["Service digits-gang", "Job digits-a0-s1"]

    def test_a_class_that_changes_later_does_not_disturb_what_was_created(self) -> None:
        world = a_running_jaxjob().without_classes()
        plan = decide(world.snapshot(), LATER)
        assert plan.status is None or plan.status["state"] == "Running"
        assert deleted(plan) == []

    def test_a_class_that_changes_its_hosts_is_for_jobs_to_come(self) -> None:
        """Given 2x4 was two hosts of four when the job was created, and is one of eight now."""
        world = a_jaxjob().on("tpu-v5e", "2x4", chipsPerHost=4).with_jobs().running_pods()
        world = world.on("tpu-v5e", "2x4").reporting("Running")
        plan = decide(world.snapshot(), LATER)
        assert plan.status is not None
        assert plan.status["hosts"]["summary"] == "2/2"

    def test_nothing_is_created_before_the_token_is_there(self) -> None:
        plan = decide(a_jaxjob().seeing(token_ready=False).snapshot(), NOW)
        assert plan == Plan()

    def test_a_token_that_cannot_be_created_is_said(self) -> None:
        world = a_jaxjob().seeing(token_ready=False, token_problem="the quota is used up")
        plan = decide(world.snapshot(), NOW)
        assert state(plan) == ("Pending", "Forbidden")
        assert plan.status is not None
        assert plan.status["message"] == "the quota is used up"

    def test_a_jaxjob_that_is_being_deleted_is_left_to_its_owner_references(self) -> None:
        world = a_running_jaxjob().metadata(deletionTimestamp="2026-11-21T12:00:00Z")
        assert decide(world.snapshot(), NOW) == Plan()


class TestStalled:
    def test_field_fault_and_remedy(self) -> None:
        plan = decide(a_jaxjob().on("tpu-v5e", "3x4").snapshot(), NOW)
        assert plan.apply == ()
        assert state(plan) == ("Pending", "InvalidSpec")
        assert plan.status is not None
        assert plan.status["message"] == (
            "spec.accelerator.topology: topology 3x4 is not offered by tpu-v5e; nearest: 2x4, 4x4"
        )
        stalled = {c["type"]: c for c in plan.status["conditions"]}["Stalled"]
        assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")
        assert told(plan) == ["Warning InvalidSpec"]

    def test_said_once(self) -> None:
        world = a_jaxjob().on("tpu-v5e", "3x4")
        world = world.after(decide(world.snapshot(), NOW))
        assert decide(world.snapshot(), LATER) == Plan()

    def test_goes_on_when_the_class_appears(self) -> None:
        world = a_jaxjob().without_classes("cpu")
        stalled = decide(world.snapshot(), NOW)
        assert state(stalled) == ("Pending", "InvalidSpec")
        world = world.after(stalled)
        world = World(world.manifest)
        assert state(decide(world.snapshot(), LATER)) == ("Scheduling", "PodsStarting")

    def test_refused_children(self) -> None:
        taken = Refused("NameConflict", "Service ml/digits-gang exists and is not ours")
        world = a_jaxjob()
        plan = refused(world.snapshot(), [taken, taken], NOW)
        assert state(plan) == ("Pending", "NameConflict")
        assert told(plan) == ["Warning NameConflict"]
        again = refused(world.after(plan).snapshot(), [taken], LATER)
        assert again.status is None
        assert again.events == ()


class TestRunning:
    def test_forward_to_running(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).running_pods()
        for gang, expected in [
            ("Joining", ("WaitingForPeers", "PeersMissing")),
            ("Starting", ("Compiling", "Initialising")),
            ("Compiling", ("Compiling", "Compiling")),
            ("Running", ("Running", "ProgramRunning")),
        ]:
            world = world.reporting(gang, missing=(1,) if gang == "Joining" else ())
            plan = decide(world.snapshot(), LATER)
            assert state(plan) == expected
            world = world.after(plan)
        assert told(plan) == ["Normal Running"]
        assert world.manifest["status"]["message"] == "all 2 processes run"

    def test_a_gang_that_stops_stays_what_it_was(self) -> None:
        world = a_running_jaxjob()
        world = world.after(decide(world.snapshot(), NOW))
        for gang in ("Stopping", "Succeeded", "Failed"):
            assert decide(world.reporting(gang).snapshot(), LATER).status is None

    def test_an_operator_that_starts_anew_has_no_report_yet(self) -> None:
        world = a_running_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).seeing(report=None)
        assert decide(world.snapshot(), LATER).status is None

    def test_without_a_launcher_that_reports_ready_pods_must_do(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).running_pods()
        world = world.seeing(silent_since=NOW)
        waiting = decide(world.snapshot(), NOW + seconds(4))
        assert waiting.requeue_after == 6.0
        assert state(waiting) == ("Scheduling", "PodsStarting")
        world = world.after(waiting)
        plan = decide(world.snapshot(), NOW + seconds(11))
        assert state(plan) == ("Running", "PodsReady")
        assert told(plan) == []

    def test_success_is_every_slice(self) -> None:
        world = a_running_jaxjob().with_slices(2)
        world = world.with_jobs().running_pods().job(0, complete=True)
        assert state(decide(world.snapshot(), LATER))[0] == "Running"
        world = world.job(1, complete=True).with_pods("Succeeded")
        plan = decide(world.snapshot(), LATER)
        assert state(plan) == ("Succeeded", "AllProcessesSucceeded")
        assert plan.status is not None
        assert plan.status["completionTime"] == "2026-11-21T12:01:00Z"
        assert plan.status["hosts"]["summary"] == "4/4"
        assert told(plan) == ["Normal Succeeded"]
        assert decide(world.after(plan).snapshot(), LATER + timedelta(days=1)) == Plan()


class TestRestarting:
    def test_the_status_is_written_before_anything_is_done(self) -> None:
        plan = decide(a_failing_jaxjob().snapshot(), LATER)
        assert (plan.apply, plan.delete) == ((), ())
        assert plan.requeue_after == 0.0
        assert state(plan) == ("Restarting", "ProgramError")
        assert plan.status is not None
        assert (plan.status["restarts"], plan.status["attempt"]) == (1, 1)
        assert plan.status["failure"]["exitCode"] == 3
        assert plan.status["failure"]["process"] == 1
        assert told(plan) == ["Warning Restarting"]

    def test_then_stale_children_go_and_new_ones_come(self) -> None:
        world = a_failing_jaxjob()
        world = world.after(decide(world.snapshot(), LATER))
        plan = decide(world.snapshot(), LATER)
        assert deleted(plan) == ["Job ml/digits-a0-s0"]
        assert kinds(plan) == ["Service digits-gang", "Job digits-a1-s0"]
        assert plan.status is None, "Restarting already says it"
        assert plan.events == ()

    def test_the_new_attempt_is_told_its_number(self) -> None:
        world = a_failing_jaxjob()
        world = world.after(decide(world.snapshot(), LATER))
        job = decide(world.snapshot(), LATER).apply[1]
        env = {e["name"]: e.get("value") for e in _program(job)["env"]}
        assert env["JAXRUN_ATTEMPT"] == "1"
        assert env["JAXRUN_GANG_ADDRESS"] == "digits-a1-s0-0.digits-gang.ml.svc"

    def test_a_crash_between_any_two_writes_is_harmless(self) -> None:
        """Given only some writes of each plan happened, then the end is the same."""
        world = a_failing_jaxjob()
        bumped = decide(world.snapshot(), LATER)
        for applied in (0, 1):
            for gone in (0, 1):
                after_bump = world.after(bumped)
                plan = decide(after_bump.snapshot(), LATER)
                part = Plan(apply=plan.apply[: 1 + applied], delete=plan.delete[:gone])
                again = after_bump.after(part)
                final = again.after(decide(again.snapshot(), LATER))
                assert [job.name for job in final.jobs] == ["digits-a1-s0"]
                assert final.manifest["status"]["restarts"] == 1

    def test_all_slices_restart_together(self) -> None:
        world = a_running_jaxjob().with_slices(2)
        world = world.with_jobs().running_pods().pod(3, phase="Failed", ends=(ended(1),))
        world = world.after(decide(world.snapshot(), LATER))
        plan = decide(world.snapshot(), LATER)
        assert deleted(plan) == ["Job ml/digits-a0-s0", "Job ml/digits-a0-s1"]
        assert kinds(plan)[1:] == ["Job digits-a1-s0", "Job digits-a1-s1"]

    def test_the_last_attempt_fails_for_good(self) -> None:
        minute_ago = int(NOW.timestamp() - 60) * 1000
        ledger = {"restarts": 2, "charges": [minute_ago, minute_ago + 1]}
        world = a_failing_jaxjob(restarts=2, max_restarts=2).status(restartLedger=ledger)
        plan = decide(world.snapshot(), LATER)
        assert state(plan) == ("Failed", "ProgramError")
        assert plan.status is not None
        assert plan.status["restarts"] == 2
        assert plan.status["message"].endswith("(all 2 restarts of the last 86400 s are used)")
        assert told(plan) == ["Warning Failed"]
        conditions = {c["type"]: c["status"] for c in plan.status["conditions"]}
        assert conditions == {
            "Ready": "False",
            "Reconciling": "False",
            "Stalled": "True",
            "Failed": "True",
        }

    def test_what_still_runs_of_a_failed_job_is_stopped_after_a_while(self) -> None:
        world = a_running_jaxjob().with_max_restarts(0).with_slices(2)
        world = world.with_jobs().running_pods().job(1, failed="BackoffLimitExceeded")
        world = world.pod(2, phase="Failed", ends=(ended(1),))
        world = world.after(decide(world.snapshot(), NOW))
        soon = decide(world.snapshot(), NOW + seconds(1))
        assert (soon.end, soon.requeue_after) == ((), 9.0)
        later = decide(world.snapshot(), NOW + seconds(10))
        assert (ended_jobs(later), deleted(later)) == (["Job ml/digits-a0-s0"], [])

    def test_a_failed_job_makes_no_more_pods_and_keeps_those_that_ended(self) -> None:
        world = a_running_jaxjob().with_max_restarts(0)
        world = world.with_pods("Failed", ends=(ended(137, KILLED),))
        world = world.after(decide(world.snapshot(), NOW))
        plan = decide(world.snapshot(), NOW + seconds(3))
        assert (ended_jobs(plan), deleted(plan)) == (["Job ml/digits-a0-s0"], [])
        world = world.job(0, suspended=True)
        assert decide(world.snapshot(), NOW + seconds(99)) == Plan()

    def test_a_restart_just_before_the_end_is_counted(self) -> None:
        """Given the operator has not asked the gang between the restart and the end."""
        ledger = {"restarts": 1, "charges": [1000], "last": None}
        said = json.dumps({"version": 1, "scope": "Gang", "cause": None, "ledger": ledger})
        world = a_running_jaxjob().with_jobs(complete=True)
        soon = world.after(decide(world.snapshot(), NOW))
        for before in (world, soon):
            told = before.with_pods("Succeeded", ends=(ended(0, said),))
            plan = decide(told.snapshot(), NOW + seconds(1))
            assert plan.status is not None
            assert (plan.status["state"], plan.status["restarts"]) == ("Succeeded", 1)
            assert plan.status["restartLedger"]["charges"] == [1000]
            assert decide(told.after(plan).snapshot(), NOW + seconds(2)) == Plan()

    def test_one_in_a_queue_is_deleted_or_its_queue_would_start_it_again(self) -> None:
        world = a_running_jaxjob().with_max_restarts(0)
        world = world.metadata(labels={"kueue.x-k8s.io/queue-name": "team"})
        world = world.with_pods("Failed", ends=(ended(137, KILLED),))
        world = world.after(decide(world.snapshot(), NOW))
        plan = decide(world.snapshot(), NOW + seconds(3))
        assert (ended_jobs(plan), deleted(plan)) == ([], ["Job ml/digits-a0-s0"])

    def test_a_job_that_somebody_deletes_is_a_failure(self) -> None:
        world = a_running_jaxjob().job(0, terminating=True)
        plan = decide(world.snapshot(), LATER)
        assert state(plan) == ("Restarting", "PeerLost")

    def test_a_job_that_is_gone_is_a_failure_once_that_is_no_matter_of_late_news(self) -> None:
        gone = replace(World(a_running_jaxjob().manifest).snapshot(), jobs_missing_since=NOW)
        soon = decide(gone, NOW + seconds(5))
        assert (soon.status, soon.requeue_after, soon.apply) == (None, 1.0, ())
        assert state(decide(gone, NOW + seconds(6))) == ("Restarting", "PeerLost")

    def test_a_consequence_waits_for_the_cause(self) -> None:
        """Given one pod that only lost its peer, and the peer has not ended yet."""
        lost = '{"version":1,"cause":"PeerLost","process":1,"message":"process 1 is gone"}'
        world = a_running_jaxjob().pod(0, phase="Failed", ends=(ended(1, lost),))
        soon = decide(world.snapshot(), NOW + seconds(1))
        assert (soon.status, soon.requeue_after) == (None, 1.0)
        cause = '{"version":1,"cause":"NumericalError","process":1,"message":"loss is nan"}'
        both = world.pod(1, phase="Failed", ends=(ended(1, cause),))
        assert state(decide(both.snapshot(), NOW + seconds(1))) == ("Restarting", "NumericalError")
        assert state(decide(world.snapshot(), NOW + seconds(4))) == ("Restarting", "PeerLost")


def test_a_cause_from_the_report_counts_when_pods_have_failed() -> None:
    world = a_failing_jaxjob().reporting("Failed", cause=a_cause("DeviceOutOfMemory"))
    world = world.pod(1, ends=())
    assert state(decide(world.snapshot(), LATER)) == ("Restarting", "DeviceOutOfMemory")


def _program(job: dict[str, object]) -> dict[str, list[dict[str, str]]]:
    spec: dict[str, list[dict[str, list[dict[str, str]]]]]
    spec = job["spec"]["template"]["spec"]  # type: ignore[index]
    return spec["containers"][0]
