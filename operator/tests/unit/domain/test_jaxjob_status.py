"""What the status says beside the state: conditions, times, and when it is worth a write."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from building import NOW, World, a_cause, a_jaxjob, a_running_jaxjob, ended, seconds
from jaxop.api.plan import Plan
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.pods.gang import by_process
from jaxop.domain.jaxjob.views import GangTimes


def at(count: float) -> datetime:
    return NOW + seconds(count)


def conditions(status: dict[str, Any]) -> dict[str, str]:
    return {c["type"]: c["status"] for c in status["conditions"]}


def status_of(world: World, now: datetime = NOW) -> dict[str, Any]:
    plan = decide(world.snapshot(), now)
    assert plan.status is not None
    return plan.status


class TestConditions:
    @pytest.mark.parametrize(
        ("world", "state", "expected"),
        [
            (
                a_jaxjob(),
                "Scheduling",
                {"Ready": "False", "Reconciling": "True", "Stalled": "False"},
            ),
            (
                a_jaxjob().on("cpux"),
                "Pending",
                {"Ready": "False", "Reconciling": "False", "Stalled": "True"},
            ),
            (
                a_running_jaxjob(),
                "Running",
                {"Ready": "True", "Reconciling": "False", "Stalled": "False"},
            ),
            (
                a_running_jaxjob().job(0, failed="x"),
                "Restarting",
                {"Ready": "False", "Reconciling": "True", "Stalled": "False"},
            ),
            (a_jaxjob().suspended(), "Suspended", {"Reconciling": "False", "Stalled": "False"}),
            (
                a_running_jaxjob().with_jobs(complete=True),
                "Succeeded",
                {"Ready": "True", "Reconciling": "False", "Stalled": "False", "Succeeded": "True"},
            ),
            (
                a_running_jaxjob().with_max_restarts(0).job(0, failed="x"),
                "Failed",
                {"Ready": "False", "Reconciling": "False", "Stalled": "True", "Failed": "True"},
            ),
        ],
    )
    def test_of_each_state(self, world: World, state: str, expected: dict[str, str]) -> None:
        status = status_of(world)
        assert status["state"] == state
        assert conditions(status) == expected
        assert kstatus(status) == {
            "Pending": "Failed",
            "Failed": "Failed",
            "Running": "Current",
            "Succeeded": "Current",
            "Suspended": "Current",
        }.get(state, "InProgress")

    def test_times_move_only_with_the_status(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).running_pods().reporting("Running")
        changed = status_of(world, at(60))
        times = {c["type"]: c["lastTransitionTime"] for c in changed["conditions"]}
        assert times == {
            "Ready": "2026-11-21T12:01:00Z",
            "Reconciling": "2026-11-21T12:01:00Z",
            "Stalled": "2026-11-21T12:00:00Z",
        }

    def test_a_new_generation_is_observed(self) -> None:
        world = a_running_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).metadata(generation=7)
        status = status_of(world.seen_at(NOW), NOW)
        assert status["observedGeneration"] == 7
        assert {c["observedGeneration"] for c in status["conditions"]} == {7}


class TestTimeline:
    def test_stations_that_passed_between_two_writes_are_filled_in(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).running_pods()
        times = GangTimes(
            launcher_started=at(3), all_joined=at(4.5), initialised=at(6), first_step=at(9)
        )
        status = status_of(world.reporting("Running", times=times), at(12))
        assert [(e["state"], e["time"][-10:-1]) for e in status["timeline"]] == [
            ("Scheduling", "00.000000"),
            ("WaitingForPeers", "03.000000"),
            ("Compiling", "04.500000"),
            ("Running", "09.000000"),
        ]

    def test_never_goes_backwards(self) -> None:
        """Given a host whose clock is wrong."""
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).running_pods()
        times = GangTimes(launcher_started=at(-100), all_joined=at(1e6), first_step=at(2))
        timeline = status_of(world.reporting("Running", times=times), at(12))["timeline"]
        moments = [entry["time"] for entry in timeline]
        assert moments == sorted(moments)
        assert moments[-1] == "2026-11-21T12:00:12.000000Z"

    def test_is_cut_to_the_last_32(self) -> None:
        world = a_running_jaxjob().with_max_restarts(100)
        for attempt in range(40):
            world = world.with_jobs(failed="BackoffLimitExceeded")
            world = world.after(decide(world.snapshot(), at(attempt)))
            world = world.after(decide(world.snapshot(), at(attempt)))
        timeline = world.manifest["status"]["timeline"]
        assert len(timeline) == 32
        assert timeline[-1]["attempt"] == 40

    def test_a_problem_and_its_end_are_entries(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).with_pods(unschedulable="0/1 nodes")
        world = world.after(decide(world.snapshot(), at(10))).with_pods(node="n")
        timeline = status_of(world, at(20))["timeline"]
        assert [e["reason"] for e in timeline] == ["PodsStarting", "Unschedulable", "PodsStarting"]


class TestStartup:
    def started(self, compile_seconds: float = 0.0, **times: datetime) -> World:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).running_pods()
        stations = GangTimes(**times)
        return world.reporting("Running", times=stations, compile_seconds=compile_seconds)

    def test_parts_run_from_station_to_station(self) -> None:
        world = self.started(
            10.5,
            launcher_started=at(4),
            all_joined=at(4.25),
            initialised=at(7),
            first_compile=at(7.2),
            first_step=at(18),
        )
        assert status_of(world, at(20))["startup"] == {
            "scheduleSeconds": 4.0,
            "joinSeconds": 0.25,
            "initialiseSeconds": 2.75,
            "compileSeconds": 10.5,
            "firstStepSeconds": 0.5,
        }

    def test_a_program_without_jax_has_fewer(self) -> None:
        world = self.started(launcher_started=at(4), all_joined=at(5), first_step=at(6))
        assert status_of(world, at(20))["startup"] == {
            "scheduleSeconds": 4.0,
            "joinSeconds": 1.0,
            "compileSeconds": 0.0,
            "firstStepSeconds": 1.0,
        }

    def test_a_program_that_reports_no_steps_still_tells_what_compiling_took(self) -> None:
        times = {"launcher_started": at(4), "all_joined": at(5), "first_compile": at(6)}
        world = self.started(3.5, **times)
        plan = decide(world.snapshot(), at(20))
        assert plan.status is not None
        assert plan.status["startup"]["compileSeconds"] == 3.5
        assert plan.status["timeline"][-1]["time"] == "2026-11-21T12:00:20.000000Z"
        later = world.after(plan)
        later = later.reporting("Running", times=GangTimes(**times), compile_seconds=99.0)
        assert decide(later.seen_at(NOW).snapshot(), at(1e5)).status is None

    def test_while_it_compiles_nothing_is_written(self) -> None:
        world = self.started(3.5, launcher_started=at(4)).reporting("Compiling")
        world = world.after(decide(world.snapshot(), at(20)))
        world = world.reporting("Compiling", compile_seconds=9.0)
        assert decide(world.snapshot(), at(30)).status is None

    def test_is_told_in_the_event(self) -> None:
        world = self.started(launcher_started=at(4), all_joined=at(5), first_step=at(6))
        (event,) = decide(world.snapshot(), at(20)).events
        assert event.message == (
            "all 2 processes run; started in 6.0 s "
            "(schedule 4.0, join 1.0, compile 0.0, first step 1.0)"
        )

    def test_once_the_first_step_is_in_nothing_moves(self) -> None:
        times = {"launcher_started": at(4), "all_joined": at(5), "first_step": at(9)}
        world = self.started(1.0, **times)
        world = world.after(decide(world.snapshot(), at(20)))
        world = world.reporting("Running", times=GangTimes(**times), compile_seconds=3.0)
        assert decide(world.snapshot(), at(1000)).status is None

    def test_the_time_of_a_fault_in_the_spec_is_not_counted(self) -> None:
        world = a_jaxjob().without_classes()
        world = world.after(decide(world.snapshot(), NOW))
        world = World(world.manifest)
        world = world.after(decide(world.snapshot(), at(100))).running_pods()
        world = world.reporting("Joining", times=GangTimes(launcher_started=at(103)), missing=(1,))
        assert status_of(world, at(110))["startup"] == {"scheduleSeconds": 3.0}

    def never_heard(self, **words: Any) -> World:
        """Both processes have ended well, and nobody asked them before."""
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).running_pods()
        times = {
            "launcherStarted": at(4).timestamp(),
            "allJoined": at(5).timestamp(),
            "initialised": at(7).timestamp(),
            "firstStep": at(9).timestamp(),
        }
        body = {"version": 1, "scope": "Gang", "epoch": 1, "compileSeconds": 1.5, "times": times}
        message = json.dumps({**body, **words})
        return self.all_succeeded(world.with_jobs(complete=True), message)

    def all_succeeded(self, world: World, message: str) -> World:
        end = ended(0, message, finished_at=at(20))
        for number in (0, 1):
            world = world.pod(number, phase="Succeeded", ready=False, ends=(end,))
        return world

    def test_is_read_from_last_words_where_the_gang_was_never_heard(self) -> None:
        status = status_of(self.never_heard(), at(21))
        assert status["state"] == "Succeeded"
        assert status["startup"] == {
            "scheduleSeconds": 4.0,
            "joinSeconds": 1.0,
            "initialiseSeconds": 2.0,
            "compileSeconds": 1.5,
            "firstStepSeconds": 0.5,
        }

    @pytest.mark.parametrize(
        "words", [{"epoch": 2}, {"times": None}, {"times": {"firstStep": None}}]
    )
    def test_but_not_where_they_tell_of_a_restart_or_of_no_first_step(
        self, words: dict[str, Any]
    ) -> None:
        assert "startup" not in status_of(self.never_heard(**words), at(21))

    def test_last_words_that_come_after_the_end_are_told_then(self) -> None:
        world = self.never_heard()
        silent = self.all_succeeded(world, "")
        silent = silent.after(decide(silent.snapshot(), at(21)))
        assert "startup" not in silent.manifest["status"]
        told = replace(silent, pods=world.pods)
        assert status_of(told, at(22))["startup"]["firstStepSeconds"] == 0.5

    def test_starts_anew_with_each_attempt(self) -> None:
        world = self.started(launcher_started=at(4), all_joined=at(5), first_step=at(6))
        world = world.after(decide(world.snapshot(), at(20)))
        world = world.pod(0, phase="Failed", ends=(ended(1, finished_at=at(30)),))
        world = world.after(decide(world.snapshot(), at(30)))
        assert "startup" not in world.manifest["status"]
        world = world.after(decide(world.snapshot(), at(30))).running_pods()
        world = world.reporting("Joining", times=GangTimes(launcher_started=at(33)), missing=(1,))
        assert status_of(world, at(40))["startup"] == {"scheduleSeconds": 3.0}


class TestWrites:
    def running(self) -> World:
        world = a_running_jaxjob().reporting("Running", step=10)
        return world.after(decide(world.snapshot(), NOW)).seen_at(NOW)

    def test_a_step_is_written_every_ten_seconds(self) -> None:
        world = self.running().reporting("Running", step=20)
        early = decide(world.snapshot(), at(4))
        assert (early.status, early.requeue_after) == (None, 6.0)
        assert status_of(world, at(10))["step"] == 20

    def test_more_rarely_where_many_jobs_run(self) -> None:
        world = self.running().reporting("Running", step=20).seeing(step_interval_seconds=50.0)
        assert decide(world.snapshot(), at(10)).requeue_after == 40.0

    def test_hosts_becoming_ready_are_written_every_two_seconds(self) -> None:
        world = self.running().pod(1, ready=False)
        early = decide(world.snapshot(), at(0.5))
        assert (early.status, early.requeue_after) == (None, 1.5)
        assert status_of(world, at(2))["hosts"]["summary"] == "1/2"

    def test_that_it_runs_is_written_at_once(self) -> None:
        world = a_running_jaxjob().status(state="WaitingForPeers", reason="PeersMissing")
        assert decide(world.seen_at(NOW).snapshot(), at(0.1)).status is not None

    def test_hosts_that_come_back_after_a_restart_wait_for_each_other_too(self) -> None:
        world = a_running_jaxjob().job(0, failed="x")
        world = world.after(decide(world.snapshot(), NOW)).seen_at(NOW)
        world = replace(world, pods=())
        world = world.after(decide(world.snapshot(), at(1)))
        world = world.running_pods().pod(1, phase="Pending", ready=False)
        assert status_of(world.seen_at(NOW), at(3))["state"] == "Restarting"
        assert decide(world.seen_at(at(3)).snapshot(), at(3.5)).status is None

    @pytest.mark.parametrize(
        "world",
        [
            a_running_jaxjob().with_jobs(complete=True),
            a_running_jaxjob().job(0, failed="x"),
            a_running_jaxjob().suspended(),
            a_jaxjob().on("cpux"),
        ],
    )
    def test_an_end_a_restart_and_a_fault_are_written_at_once(self, world: World) -> None:
        assert decide(world.seen_at(NOW).snapshot(), at(0.1)).status is not None

    def test_pods_becoming_ready_wait_for_the_others(self) -> None:
        """Given the first is ready long after the last write, then its gang may yet start."""
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW)).with_pods("Running").seen_at(NOW)
        world = world.pod(0, ready=True, ready_at=at(50))
        held = decide(world.snapshot(), at(50.5))
        assert (held.status, held.requeue_after) == (None, 1.5)
        assert status_of(world, at(52))["hosts"]["ready"] == 1
        running = world.pod(1, ready=True, ready_at=at(51)).reporting("Running")
        assert status_of(running, at(51.5))["state"] == "Running"

    def test_while_pods_start_nothing_is_written(self) -> None:
        world = a_jaxjob()
        world = world.after(decide(world.snapshot(), NOW))
        for later in (
            world,
            world.with_pods(),
            world.with_pods(node="n"),
            world.with_pods("Running"),
        ):
            assert decide(later.snapshot(), at(30)).status is None

    def test_a_clock_that_was_set_back_holds_nothing_up(self) -> None:
        world = self.running().pod(1, ready=False)
        assert decide(world.snapshot(), at(-3600)).status is not None


@pytest.mark.parametrize("exit_code", [0, 1])
def test_the_last_step_is_what_the_launchers_left_behind(exit_code: int) -> None:
    cause = "ProgramError" if exit_code else None
    message = json.dumps({"version": 1, "cause": cause, "process": 0, "message": "", "step": 19})
    world = a_running_jaxjob().reporting("Running", step=10).with_max_restarts(0)
    phase = "Failed" if exit_code else "Succeeded"
    world = world.with_pods(phase, ends=(ended(exit_code, message),))
    if not exit_code:
        world = world.with_jobs(complete=True)
    assert (status_of(world, at(1))["state"], status_of(world, at(1))["step"]) == (phase, 19)


@pytest.mark.parametrize("message", ["", "Killed", '{"step": "19"}', '{"step": ', "[19]"])
def test_without_a_word_on_the_step_the_report_stands(message: str) -> None:
    world = a_running_jaxjob().reporting("Running", step=10).with_jobs(complete=True)
    world = world.with_pods("Succeeded", ends=(ended(0, message),))
    assert status_of(world, at(1))["step"] == 10


def test_the_step_survives_a_restart_until_the_next_report() -> None:
    world = a_running_jaxjob().reporting("Running", step=10)
    world = world.after(decide(world.snapshot(), NOW)).job(0, failed="x")
    world = world.reporting("Failed", step=10, cause=a_cause())
    assert status_of(world, at(1))["step"] == 10


def test_a_finished_job_still_observes_its_generation() -> None:
    world = a_running_jaxjob().with_jobs(complete=True)
    world = world.after(decide(world.snapshot(), NOW)).metadata(generation=2)
    plan = decide(world.snapshot(), at(1))
    assert plan.status is not None
    assert plan.status["observedGeneration"] == 2
    assert {c["observedGeneration"] for c in plan.status["conditions"]} == {2}
    assert plan.status["state"] == "Succeeded"
    assert plan.events == ()
    assert decide(world.after(plan).snapshot(), at(2)) == Plan()


def test_a_pod_that_was_replaced_counts_by_its_successor() -> None:
    world = a_running_jaxjob()
    before = replace(world.pods[1], name="old", phase="Unknown", ready=False, gone_by=NOW)
    world = replace(world, pods=(*world.pods, before))
    assert status_of(world)["hosts"]["summary"] == "2/2"


@pytest.mark.parametrize(("exit_code", "summary"), [(0, "2/2"), (1, "0/2")])
def test_a_host_whose_program_has_just_succeeded_stays_counted(
    exit_code: int, summary: str
) -> None:
    world = a_running_jaxjob().reporting("Running", step=10)
    world = world.with_pods("Running", ready=False, ends=(ended(exit_code, ""),))
    assert status_of(world, at(5))["hosts"]["summary"] == summary


def test_all_hosts_of_a_job_that_is_complete_have_done_their_part() -> None:
    """Given the news of its pods are late."""
    world = a_running_jaxjob().pod(1, phase="Pending", ready=False).with_jobs(complete=True)
    assert status_of(world)["hosts"]["summary"] == "2/2"


def test_a_finished_job_is_left_alone_for_ever() -> None:
    world = a_running_jaxjob().with_jobs(complete=True)
    world = world.after(decide(world.snapshot(), NOW))
    gone = World(world.manifest)
    assert decide(gone.snapshot(), NOW + timedelta(days=30)).apply == ()


def kstatus(status: dict[str, Any]) -> str:
    """The rules of sigs.k8s.io/cli-utils kstatus for a kind that it does not know."""
    holds = conditions(status)
    if holds.get("Stalled") == "True":
        return "Failed"
    if holds.get("Reconciling") == "True" or holds.get("Ready", "True") != "True":
        return "InProgress"
    return "Current"


def test_of_two_pods_of_one_process_the_living_one_counts() -> None:
    world = a_running_jaxjob()
    dead = replace(world.pods[1], name="dead", phase="Failed", created_at=at(9))
    for pods in ((dead, world.pods[1]), (world.pods[1], dead)):
        assert by_process(pods, world.layout)[1] == world.pods[1]
