"""Where the time of a played attempt goes; and that it always adds up."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxrun.gang import protocol, wire
from jaxrun.goodput import Account, Carried, Goodput
from jaxrun.program_progress import Progress
from jaxrun.work import Work


class APlayedAttempt:
    """An account, its clock, and what process 0's program told last."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.account = Account(self.now)
        self.told = Progress(0)

    def after(self, seconds: float) -> "APlayedAttempt":
        self.now += seconds
        return self

    def joined(self) -> "APlayedAttempt":
        self.account.joined(self.now)
        return self

    def spawned(self, epoch: int = 1) -> "APlayedAttempt":
        self.told = Progress(epoch)
        self.account.spawned(epoch, self.now)
        return self

    def initialised(self) -> "APlayedAttempt":
        self.account.initialised(self.now)
        return self

    def tells(self, **progress: Any) -> "APlayedAttempt":
        self.told = Progress(**{**vars(self.told), **progress})
        self.account.progress(self.told, self.now)
        return self

    def fails(self) -> "APlayedAttempt":
        self.account.failed(self.now)
        return self

    @property
    def spent(self) -> dict[str, float]:
        parts = self.account.parts(self.now)
        assert parts.total == pytest.approx(self.now - 1000.0)
        named = {f.name: round(getattr(parts, f.name), 6) for f in fields(parts)}
        return {name: seconds for name, seconds in named.items() if seconds}


def running(first_step: int = 0) -> APlayedAttempt:
    """At its first step, 18 s after the launcher started."""
    attempt = APlayedAttempt().after(5).joined().spawned().after(3).initialised()
    return attempt.after(10).tells(compile_seconds=6.0, step=first_step)


def test_a_start() -> None:
    assert running().spent == {"scheduling": 5, "initialisation": 3, "compile": 6, "other": 4}


def test_steps_are_productive_but_for_what_the_program_tells() -> None:
    attempt = (
        running()
        .after(100)
        .tells(step=50, data_seconds=7.0, checkpoint_seconds=2.0, compile_seconds=7.0)
    )
    assert attempt.spent == {
        "scheduling": 5, "initialisation": 3, "compile": 7, "other": 4, "data": 7, "checkpoint": 2,
        "productive": 90,
    }  # fmt: skip


def test_restoring_before_the_first_step_is_checkpoint_time_and_loading_data_time() -> None:
    attempt = APlayedAttempt().joined().spawned().after(20).tells(data_seconds=15.0).initialised()
    attempt.after(10).tells(data_seconds=15.0, checkpoint_seconds=4.0, step=7)
    assert attempt.spent == {"initialisation": 5, "data": 15, "checkpoint": 4, "other": 6}


def test_what_is_under_way_counts_before_it_is_told() -> None:
    attempt = running().tells(waiting="checkpoint").after(60)
    assert attempt.spent["checkpoint"] == 60
    assert "productive" not in attempt.spent
    attempt.tells(waiting="", checkpoint_seconds=60.0).after(5)
    assert (attempt.spent["checkpoint"], attempt.spent["productive"]) == (60, 5)


def test_a_failure_wastes_the_steps_after_the_last_checkpoint() -> None:
    attempt = running().after(30).tells(step=30).tells(checkpoint_step=30)
    attempt.after(10).tells(step=40).fails()
    assert (attempt.spent["productive"], attempt.spent["wasted"]) == (30, 10)
    attempt.after(4).spawned(2)
    assert attempt.spent["recovery"] == 4


def test_a_checkpoint_that_was_told_late_keeps_its_share() -> None:
    attempt = running().after(40).tells(step=40).tells(checkpoint_step=30).fails()
    assert (attempt.spent["productive"], attempt.spent["wasted"]) == (30, 10)


def test_a_step_that_hung_until_the_failure_is_wasted() -> None:
    attempt = running().after(30).tells(step=30, checkpoint_step=30).after(240).fails()
    assert (attempt.spent["productive"], attempt.spent["wasted"]) == (30, 240)


def test_a_second_failure_before_any_checkpoint_of_its_own_wastes_its_own_steps_only() -> None:
    attempt = running().after(30).tells(step=30, checkpoint_step=30).fails()
    attempt.spawned(2).tells(step=31).after(9).tells(step=40).fails()
    assert (attempt.spent["productive"], attempt.spent["wasted"]) == (30, 9)


def test_without_word_of_checkpoints_steps_are_wasted_when_they_are_done_again() -> None:
    attempt = running().after(40).tells(step=40).fails()
    assert attempt.spent["productive"] == 40
    attempt.spawned(2).after(2).tells(step=31)
    assert (attempt.spent["productive"], attempt.spent["wasted"]) == (30, 10)
    attempt.after(5).tells(step=36).fails().spawned(3).tells(step=11)
    assert (attempt.spent["productive"], attempt.spent["wasted"]) == (10, 35)


def test_starting_again_from_nothing_wastes_everything() -> None:
    attempt = running().after(40).tells(step=40, checkpoint_step=40).fails().spawned(2)
    attempt.tells(step=0)
    assert (attempt.spent.get("productive"), attempt.spent["wasted"]) == (None, 40)


def test_late_words_of_an_epoch_that_is_over_are_left() -> None:
    attempt = running().after(10).tells(step=10).fails()
    before = attempt.told
    attempt.after(1).spawned(2).account.progress(before, attempt.now)
    attempt.after(3)
    assert (attempt.spent["initialisation"], attempt.spent["recovery"]) == (3 + 3, 1)


def test_time_stops_when_the_gang_has_ended() -> None:
    attempt = running().after(10)
    attempt.account.finished(attempt.now)
    assert attempt.account.parts(attempt.now + 500).total == 28


def test_a_program_that_tells_nothing_leaves_its_time_to_others() -> None:
    attempt = APlayedAttempt().joined().spawned().after(5).initialised().after(60)
    assert attempt.spent == {"initialisation": 5, "other": 60}


def test_the_next_launcher_of_process_0_goes_on_from_the_total() -> None:
    attempt = running().after(30).tells(step=30, checkpoint_step=20)
    carried = attempt.account.carried(attempt.now, unix_time=5000.0)
    assert wire.from_data(Carried, wire.to_data(carried)) == carried
    assert len(wire.dump_line("Carried", carried)) < protocol.HANDSHAKE_LIMIT_BYTES / 4
    assert "wasted" not in attempt.spent, "taking a copy changes nothing"

    account = Account.resumed(carried, 7.0, unix_time=5012.0)
    account.joined(9.0)
    account.spawned(2, 10.0)
    parts = account.parts(10.0)
    assert (parts.productive, parts.wasted, parts.recovery) == (20, 10, 15)
    assert parts.total == pytest.approx(48 + 15)
    account.progress(Progress(2, step=11), 10.0)
    assert account.parts(10.0).wasted == 20


def test_a_launcher_lost_while_the_gang_joins_leaves_it_being_scheduled() -> None:
    carried = Account(0.0).carried(5.0, unix_time=100.0)
    assert Account.resumed(carried, 0.0, unix_time=103.0).parts(2.0) == Goodput(scheduling=10.0)


def test_json_there_and_back() -> None:
    parts = running().account.parts(1018.0)
    assert Goodput.from_json(parts.as_json()) == parts
    assert Goodput.from_json({"dataSeconds": "x", "otherSeconds": -1, "wastedSeconds": 2}) == (
        Goodput(wasted=2.0)
    )


seconds = st.floats(-5, 100) | st.sampled_from([float("nan"), float("inf"), 0.0])
steps = st.none() | st.integers(-3, 60)
told = st.builds(
    Progress,
    epoch=st.integers(0, 4),
    compile_seconds=seconds,
    data_seconds=seconds,
    checkpoint_seconds=seconds,
    compiling=st.booleans(),
    waiting=st.sampled_from(["", "", "data", "checkpoint", "x"]),
    step=steps,
    checkpoint_step=steps,
)
events = st.lists(
    st.tuples(
        seconds,
        st.one_of(
            st.tuples(st.just("joined")),
            st.tuples(st.just("spawned"), st.integers(0, 4)),
            st.tuples(st.just("initialised")),
            st.tuples(st.just("progress"), told),
            st.tuples(st.just("progress"), told),
            st.tuples(st.just("failed")),
            st.tuples(st.just("carried")),
        ),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(events)
def test_whatever_happens_in_whatever_order_the_parts_add_up(
    events: list[tuple[float, tuple[Any, ...]]],
) -> None:
    now = latest = start = 100.0
    account = Account(now)
    total = 0.0
    for passed, (event, *arguments) in events:
        now += passed if passed == passed and abs(passed) < 1e6 else 0.0
        latest = max(latest, now)
        if event == "carried":
            account = Account.resumed(account.carried(now, 0.0), latest, 0.0)
        else:
            getattr(account, event)(*arguments, now)
        parts = account.parts(latest)
        assert all(getattr(parts, f.name) >= -1e-9 for f in fields(parts)), parts
        assert parts.total == pytest.approx(latest - start, abs=1e-6)
        assert parts.total >= total - 1e-9
        total = parts.total
    account.finished(latest)
    assert account.parts(latest + 50).total == pytest.approx(total, abs=1e-6)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.floats(0.1, 50)), max_size=30), st.integers(-5, 300)
)
def test_what_is_cut_and_what_is_kept_is_all_there_was(
    spans: list[tuple[int, float]], step: int
) -> None:
    work, next_step = Work(), 0
    for count, took in spans:
        work.add(next_step, next_step + count - 1, took)
        next_step += count
    lost = work.cut(step)
    kept = sum(seconds for _, _, seconds in work.spans)
    assert lost + kept == pytest.approx(sum(took for _, took in spans))
    assert work.cut(step) == pytest.approx(0.0)
    assert len(work.spans) <= 9
