"""status.goodput: what a job's time was spent on, whatever of it the operator saw."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from building import NOW, World, a_cause, a_jaxjob, a_running_jaxjob, ended, seconds
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxop.api.plan import Plan
from jaxop.api.v1alpha1.jaxjob_status import Goodput, GoodputBase, JaxJobStatus
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.reading.launcher_reading import read_goodput
from jaxop.domain.jaxjob.telling.goodput import PARTS, account, total
from jaxop.domain.jaxjob.views import GangTimes


def at(count: float) -> datetime:
    return NOW + seconds(count)


def told(started: float, **parts: float) -> dict[str, Any]:
    """Fields of a report of a gang whose launcher 0 started so many seconds after NOW."""
    goodput = Goodput().replace(**{f"{name}_seconds": value for name, value in parts.items()})
    return {"times": GangTimes(launcher_started=at(started)), "goodput": goodput}


def words(scope: str = "Gang", cause: str | None = "ProgramError", **parts: float) -> str:
    goodput = {f"{name}Seconds": value for name, value in parts.items()}
    body = {"version": 1, "scope": scope, "cause": cause, "process": 0, "message": "x"}
    return json.dumps({**body, "goodput": goodput})


def step(world: World, count: float) -> World:
    return world.after(decide(world.snapshot(), at(count)))


def accounted(world: World, state: Any, now: float, attempt: int = 0) -> World:
    """As if that state had been decided on and written."""
    known = account(world.snapshot(), state, attempt, None, at(now))
    status = world.jaxjob.status.replace(
        goodput=known.goodput, goodput_base=known.base, state=state, attempt=attempt
    )
    return world.after(Plan(status=status.to_manifest()))


def parts(world: World) -> dict[str, float]:
    goodput = world.jaxjob.status.goodput
    assert goodput is not None
    names = {part: part.removesuffix("_seconds") for part in PARTS}
    return {name: getattr(goodput, part) for part, name in names.items() if getattr(goodput, part)}


def a_counted_jaxjob(started: float = 4.0, **gang: float) -> World:
    """Created at NOW; its gang has told."""
    world = step(a_jaxjob(), 0).running_pods()
    gang = gang or {"scheduling": 1.0, "compile": 5.0, "productive": 90.0}
    world = world.reporting("Running", **told(started, **gang))
    return step(world, started + sum(gang.values()))


def failing(world: World, when: float, **gang: float) -> World:
    """The whole gang ends with an error, and its launchers say what they know."""
    end = ended(1, words(**gang), finished_at=at(when))
    world = world.with_pods("Failed", ends=(end,)).with_jobs(failed="BackoffLimitExceeded")
    return world.spec(restartPolicy={"maxRestarts": 3, "inPlace": False})


class TestOneAttempt:
    def test_scheduling_is_what_passed_before_the_first_launcher_too(self) -> None:
        world = a_counted_jaxjob(4.0, scheduling=1.0, compile=5.0, productive=90.0)
        assert parts(world) == {"scheduling": 5.0, "compile": 5.0, "productive": 90.0}
        assert world.jaxjob.status.goodput is not None
        assert world.jaxjob.status.goodput.percent == "90.0"

    def test_until_there_is_a_step_there_is_no_percentage(self) -> None:
        world = a_counted_jaxjob(4.0, scheduling=1.0, compile=5.0)
        assert parts(world) == {"scheduling": 5.0, "compile": 5.0}
        assert world.jaxjob.status.goodput is not None
        assert world.jaxjob.status.goodput.percent is None

    def test_wasted_alone_is_zero_percent(self) -> None:
        world = a_counted_jaxjob(4.0, scheduling=6.0, wasted=90.0)
        assert world.jaxjob.status.goodput is not None
        assert world.jaxjob.status.goodput.percent == "0.0"

    def test_a_job_without_a_gang_has_none(self) -> None:
        world = step(a_jaxjob(), 0)
        assert world.jaxjob.status.goodput is None
        assert world.jaxjob.status.goodput_base == GoodputBase(waiting_since=NOW)

    def test_the_last_words_are_newer_than_the_last_report(self) -> None:
        world = a_counted_jaxjob().with_jobs(complete=True)
        end = ended(0, words(cause=None, scheduling=1.0, compile=5.0, productive=93.5))
        world = step(world.with_pods("Succeeded", ends=(replace(end, finished_at=at(104)),)), 105)
        assert parts(world) == {"scheduling": 5.0, "compile": 5.0, "productive": 93.5}
        assert world.jaxjob.status.goodput_base is None

    def test_words_alone_do_where_the_launcher_could_never_be_asked(self) -> None:
        world = step(a_jaxjob(), 0).with_jobs(complete=True)
        end = ended(0, words(cause=None, compile=10.0, productive=80.0), finished_at=at(100))
        world = step(world.with_pods("Succeeded", ends=(end,)), 101)
        assert parts(world) == {"scheduling": 10.0, "compile": 10.0, "productive": 80.0}

    @pytest.mark.parametrize(
        "older", [{"scheduling": 1.0, "productive": 50.0}, {}], ids=["old", "none"]
    )
    def test_nothing_goes_backwards_when_a_report_is_old_or_lost(
        self, older: dict[str, float]
    ) -> None:
        world = a_counted_jaxjob()
        before = parts(world)
        late = world.reporting("Running", step=7, **told(4.0, **older))
        assert parts(step(late, 500)) == before
        assert parts(step(world.seeing(report=None).pod(0, ready=False), 500)) == before

    def test_productive_seconds_may_turn_out_wasted(self) -> None:
        world = a_counted_jaxjob(4.0, scheduling=1.0, productive=90.0)
        gang = told(4.0, scheduling=1.0, productive=70.0, wasted=20.0, recovery=1.5)
        world = step(world.reporting("Running", epoch=2, **gang), 200)
        assert parts(world)["productive"] == 70.0
        assert parts(world)["wasted"] == 20.0

    def test_a_clock_that_is_wrong_takes_nothing_away(self) -> None:
        world = a_counted_jaxjob(-60.0, scheduling=1.0, productive=90.0)
        assert parts(world) == {"scheduling": 1.0, "productive": 90.0}


class TestAttempts:
    def test_a_new_attempt_adds_to_the_old_ones(self) -> None:
        world = step(failing(a_counted_jaxjob(), 110, scheduling=1.0, productive=105.0), 112)
        assert world.jaxjob.status.state == "Restarting"
        sure = {"scheduling": 5.0, "productive": 105.0}
        assert {k: parts(world)[k] for k in sure} == sure
        world = step(world, 113).running_pods()
        gang = told(130.0, scheduling=2.0, initialisation=1.0, productive=40.0)
        world = step(world.reporting("Running", **gang), 175)
        assert {k: parts(world)[k] for k in sure} == {"scheduling": 5.0, "productive": 145.0}
        assert parts(world)["initialisation"] == 1.0

    def test_from_the_failure_until_all_have_joined_again_is_recovery(self) -> None:
        world = step(failing(a_counted_jaxjob(), 110, scheduling=1.0, productive=105.0), 110)
        world = step(world, 111).running_pods()
        world = step(world.reporting("Running", **told(130.0, scheduling=2.0)), 133)
        assert parts(world)["recovery"] == pytest.approx(22.0)
        assert total(world.jaxjob.status.goodput) == pytest.approx(132.0)

    def test_what_nobody_told_before_the_failure_is_other(self) -> None:
        """Given a gang that vanished without a word, ten seconds after its last report."""
        world = a_counted_jaxjob().with_max_restarts(3)
        world = world.with_pods("Failed", ends=()).with_jobs(failed="BackoffLimitExceeded")
        world = step(world.spec(restartPolicy={"inPlace": False}), 110)
        assert world.jaxjob.status.state == "Restarting"
        assert parts(world)["other"] == pytest.approx(10.0)
        assert total(world.jaxjob.status.goodput) == pytest.approx(110.0)

    def test_deciding_again_changes_nothing(self) -> None:
        world = failing(a_counted_jaxjob(), 110, scheduling=1.0, productive=105.0)
        for later in (112, 113, 114, 200):
            world = step(world, later)
        assert decide(world.snapshot(), at(201)).status is None
        assert total(world.jaxjob.status.goodput) == pytest.approx(110.0, abs=3)

    def test_a_failed_job_has_counted_until_its_failure(self) -> None:
        world = failing(a_counted_jaxjob(), 110, scheduling=1.0, productive=105.0)
        world = step(world.spec(restartPolicy={"maxRestarts": 0, "inPlace": False}), 112)
        assert world.jaxjob.status.state == "Failed"
        assert world.jaxjob.status.goodput_base is None
        again = decide(world.metadata(generation=2).snapshot(), at(500))
        assert again.status is not None
        assert JaxJobStatus.model_validate(again.status).goodput == world.jaxjob.status.goodput

    def test_a_gang_whose_clock_is_ahead_does_not_hold_the_next_one_up(self) -> None:
        """Given a node that is 200 s ahead of the operator."""
        world = failing(a_counted_jaxjob(204.0), 310, scheduling=1.0, productive=105.0)
        world = step(world, 112)
        base = world.jaxjob.status.goodput_base
        assert base is not None
        assert base.waiting_since == at(112)


class TestPauses:
    @pytest.mark.parametrize("pause", ["Suspended", "Queued"])
    def test_suspended_and_queued_time_counts_for_nothing(self, pause: str) -> None:
        world = a_counted_jaxjob()
        world = accounted(world, pause, 102, attempt=1)
        assert total(world.jaxjob.status.goodput) == pytest.approx(102.0)
        world = accounted(world, pause, 5000, attempt=1)
        world = accounted(world, "Scheduling", 9000, attempt=1)
        assert total(world.jaxjob.status.goodput) == pytest.approx(102.0)
        world = world.reporting("Running", **told(9003.0, scheduling=1.0, productive=10.0))
        world = accounted(world, "Running", 9020, attempt=1)
        assert total(world.jaxjob.status.goodput) == pytest.approx(116.0)
        assert parts(world)["scheduling"] == pytest.approx(9.0), "not a failure: no recovery"
        assert "recovery" not in parts(world)

    def test_a_gang_that_ended_before_the_pause_does_not_count_again(self) -> None:
        """Given Kueue, which stops and starts the one Job of one attempt."""
        world = accounted(a_counted_jaxjob(), "Queued", 102)
        world = accounted(accounted(world, "Scheduling", 500), "Scheduling", 501)
        assert total(world.jaxjob.status.goodput) == pytest.approx(102.0)
        world = world.reporting("Running", **told(505.0, productive=10.0))
        assert total(accounted(world, "Running", 515).jaxjob.status.goodput) == pytest.approx(117.0)

    def test_a_job_that_was_queued_first_has_scheduled_only_since(self) -> None:
        world = accounted(a_jaxjob(), "Queued", 0)
        world = accounted(world, "Queued", 600)
        world = accounted(world, "Scheduling", 1000).running_pods()
        world = world.reporting("Running", **told(1004.0, productive=10.0))
        assert parts(accounted(world, "Running", 1014)) == {
            "scheduling": 4.0,
            "productive": 10.0,
        }

    def test_a_job_that_cannot_start_has_not_begun(self) -> None:
        world = step(a_jaxjob().on("cpux"), 0)
        assert world.jaxjob.status.state == "Pending"
        assert world.jaxjob.status.goodput_base is None

    def test_time_before_the_first_launcher_counts_when_it_is_suspended(self) -> None:
        world = accounted(step(a_jaxjob(), 0), "Suspended", 30, attempt=1)
        assert parts(world) == {"scheduling": 30.0}


class TestLauncherZeroIsReplaced:
    """In the same attempt: its pod was lost."""

    def test_the_others_handed_the_account_on(self) -> None:
        world = a_counted_jaxjob()
        gang = {"scheduling": 1.0, "compile": 5.0, "productive": 80.0, "wasted": 10.0}
        world = world.reporting("Running", epoch=2, **told(110.0, recovery=12.0, **gang))
        world = step(world, 112)
        assert parts(world)["scheduling"] == 5.0
        assert total(world.jaxjob.status.goodput) == pytest.approx(112.0)

    def test_nobody_was_left_to_hand_it_on(self) -> None:
        world = a_counted_jaxjob().reporting("Running", **told(110.0, scheduling=1.0))
        world = step(world, 112)
        expected = {"scheduling": 5.0, "compile": 5.0, "productive": 90.0, "recovery": 11.0}
        assert parts(world) == pytest.approx(expected)
        world = step(world.reporting("Running", **told(110.0, scheduling=1.0, productive=9.0)), 121)
        assert parts(world) == pytest.approx(expected | {"productive": 99.0})
        assert total(world.jaxjob.status.goodput) == pytest.approx(120.0)

    def test_the_words_of_the_old_one_are_not_the_new_ones(self) -> None:
        world = a_counted_jaxjob()
        said = words("Pod", "Preempted", scheduling=1.0, compile=5.0, productive=92.0)
        dead = replace(
            world.pods[0],
            name="dead",
            phase="Failed",
            gone_by=at(103),
            ends=(ended(143, said, finished_at=at(102)),),
        )
        world = replace(world, pods=(*world.pods, dead))
        for now, own in ((112, 1.0), (115, 4.0)):
            world = world.reporting("Joining", **told(110.0, scheduling=own))
            world = accounted(world, "Restarting", now)
        assert parts(world)["productive"] == 92.0
        assert total(world.jaxjob.status.goodput) == pytest.approx(114.0)


class TestWrites:
    def test_goodput_is_written_with_the_steps(self) -> None:
        world = a_counted_jaxjob().seen_at(at(100))
        world = world.reporting(
            "Running", step=5, **told(4.0, scheduling=1.0, compile=5.0, productive=95.0)
        )
        held = decide(world.snapshot(), at(104))
        assert (held.status, held.requeue_after) == (None, 6.0)
        assert decide(world.snapshot(), at(110)).status is not None

    def test_more_rarely_where_there_are_no_steps(self) -> None:
        world = a_counted_jaxjob().seen_at(at(100))
        gang = told(4.0, scheduling=1.0, compile=5.0, productive=95.0)
        world = world.reporting("Running", **gang)
        held = decide(world.snapshot(), at(104))
        assert (held.status, held.requeue_after) == (None, 56.0)
        assert decide(world.snapshot(), at(160)).status is not None

    def test_waiting_is_written_when_it_is_over(self) -> None:
        world = step(a_jaxjob(), 0).with_pods("Running")
        for now in (1, 5, 50):
            assert decide(world.snapshot(), at(now)).status is None


def test_every_part_that_a_launcher_tells_is_read() -> None:
    body = {"schedulingSeconds": 1, "otherSeconds": 2.5, "wastedSeconds": -3, "percent": "99"}
    assert read_goodput(body) == Goodput(scheduling_seconds=1.0, other_seconds=2.5)


def test_a_status_of_an_operator_that_kept_no_account() -> None:
    world = step(a_running_jaxjob().reporting("Running", **told(-50.0, productive=50.0)), 0)
    world = world.reporting("Running", **told(-50.0, productive=51.0))
    assert parts(step(world, 1)) == {"productive": 51.0}


@st.composite
def lives(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Attempts: how long each waited for its gang, what the gang did, and when it was looked at."""
    return draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "waited": st.floats(0.5, 50),
                    "ran": st.floats(1, 500),
                    "looks": st.lists(st.floats(0, 1), max_size=4),
                    "old_reports": st.booleans(),
                    "last_words": st.booleans(),
                }
            ),
            min_size=1,
            max_size=4,
        )
    )


@settings(max_examples=150, deadline=None)
@given(lives())
def test_the_parts_add_up_to_the_whole_life(life: list[dict[str, Any]]) -> None:
    """However rarely the operator looked, and whatever was lost, nothing counts twice or never."""
    world = step(a_jaxjob(), 0)
    clock = 0.0
    for number, each in enumerate(life):
        started, ran = clock + each["waited"], each["ran"]
        world = world.running_pods()
        shares = sorted(each["looks"])
        for share in shares:
            now = share * ran
            world = world.reporting("Running", **told(started, productive=now))
            world = accounted(world, "Running", started + now, number)
            if each["old_reports"]:
                world = world.reporting("Running", **told(started, productive=now / 2))
                world = accounted(world, "Running", started + now, number)
        clock = started + ran
        last = number == len(life) - 1
        message = words(productive=ran) if each["last_words"] or last else ""
        end = ended(1, message, finished_at=at(clock))
        world = world.seeing(report=None).with_pods("Failed", ends=(end,)).with_jobs(failed="x")
        known = account(
            world.snapshot(),
            "Failed" if last else "Restarting",
            number + (not last),
            at(clock),
            at(clock + 1),
        )
        assert total(known.goodput) == pytest.approx(clock, abs=0.05)
        status = world.jaxjob.status.replace(
            goodput=known.goodput,
            goodput_base=known.base,
            state="Restarting",
            attempt=number + 1,
        )
        world = replace(world, jobs=(), pods=()).after(Plan(status=status.to_manifest()))
        world = accounted(world, "Restarting", clock + 1, number + 1)


def test_a_cause_in_a_report_is_not_needed() -> None:
    """Given a gang that says it failed before its pods show it."""
    world = a_counted_jaxjob().reporting(
        "Failed", cause=a_cause(time=at(105)), **told(4.0, scheduling=1.0, wasted=100.0)
    )
    world = world.with_pods("Failed", ends=(ended(1, "", finished_at=at(105)),))
    world = step(world.spec(restartPolicy={"inPlace": False}), 106)
    assert total(world.jaxjob.status.goodput) == pytest.approx(105.0)
