"""One epoch's story, told in events; no I/O and no clock."""

import pytest
from builders import APlayedGang, exited, raised, signalled

from jaxrun.contract import Cause, GangState
from jaxrun.gang.protocol import Calls, Died, DumpStack, PleaseStop, Stack, StopAsked, StopAt
from jaxrun.gang.sequel import Terms
from jaxrun.settings import Timing

GLOO = "UNKNOWN: Gloo all-reduce failed: Connection closed by peer"


def a_running_gang(size: int = 2, **timing: float) -> APlayedGang:
    return APlayedGang(size, Timing(**timing)).joined().spawned().initialised()


def test_nobody_starts_before_all_have_joined() -> None:
    gang = APlayedGang(3).joined([0, 2])
    assert not gang.started
    assert gang.gang.missing == (1,)
    gang.joined([1])
    assert gang.started
    assert gang.gang.state(gang.now) is GangState.STARTING


def test_one_that_leaves_while_joining_is_only_missing_again() -> None:
    gang = APlayedGang(2).joined([1])
    gang.left(1)
    assert gang.gang.missing == (0, 1)
    gang.joined([0, 1])
    assert gang.started
    assert gang.verdict is None


def test_a_death_stops_all_at_once_and_the_verdict_follows_the_evidence_window() -> None:
    gang = a_running_gang(3)
    gang.died(1, exited(3, 1))
    assert gang.stopped
    assert gang.verdict is None
    gang.after(0.3, tick=0.02)
    assert gang.verdict is not None
    assert (gang.verdict.process, gang.verdict.exit_code) == (1, 3)


def test_the_verdict_waits_for_nobody_when_all_are_gone() -> None:
    gang = a_running_gang(2)
    gang.died(1, exited(3, 1))
    gang.killed(0)
    gang.gone(1, 3)
    assert gang.verdict is not None


def test_an_abort_that_arrives_first_is_not_the_cause() -> None:
    gang = a_running_gang(2)
    gang.gone(0, signal=6, death=signalled(6, 0))
    gang.after(0.1, tick=0.02)
    gang.died(1, raised("ValueError", "bad batch", 1))
    gang.after(0.3, tick=0.02)
    assert gang.verdict is not None
    assert gang.verdict.process == 1
    assert gang.verdict.exception is not None


def test_an_echo_alone_waits_for_a_silent_launcher() -> None:
    """A node is gone without a word: its peer's broken collective shows before the silence does."""
    gang = a_running_gang(2)
    gang.died(0, raised("ValueError", GLOO, 0))
    gang.killed(0)
    end = gang.now + 11
    while gang.now < end and gang.verdict is None:
        gang.gang.heard(0, gang.now)
        gang.after(0.25, heard=False)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.process) == (Cause.PEER_LOST, 1)
    assert "no heartbeat" in gang.verdict.message


def test_an_echo_with_all_launchers_alive_is_a_lost_peer_told_by_who_saw_it() -> None:
    gang = a_running_gang(2)
    gang.died(0, raised("ValueError", GLOO, 0))
    gang.killed(1)
    gang.gone(0, 1)
    assert gang.verdict is not None
    assert gang.verdict.cause is Cause.PEER_LOST
    assert gang.verdict.process == 0


def test_all_exit_0() -> None:
    gang = a_running_gang(2)
    gang.gone(0, 0)
    assert gang.verdict is None
    gang.gone(1, 0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.exit_code) == (None, 0)
    assert not gang.stopped
    assert gang.gang.state(gang.now) is GangState.SUCCEEDED


def test_a_finished_process_may_lose_its_pod() -> None:
    gang = a_running_gang(2)
    gang.gone(1, 0)
    gang.left(1)
    assert not gang.stopped
    gang.gone(0, 0)
    assert gang.verdict is not None
    assert gang.verdict.cause is None


def test_leaving_early_without_jax_is_legitimate() -> None:
    gang = APlayedGang(2).joined().spawned()
    gang.gone(1, 0, in_world=False)
    gang.after(4000, tick=3)
    assert gang.verdict is None


def test_leaving_jaxs_world_without_its_barrier_is_a_failure_after_the_grace() -> None:
    gang = a_running_gang(2, exit_grace=30)
    gang.gone(1, 0, in_world=True)
    gang.after(29)
    assert not gang.stopped
    gang.after(2)
    gang.killed(0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.process) == (Cause.PROGRAM_ERROR, 1)
    assert gang.verdict.exit_code == 1


def test_waiting_in_the_shutdown_barrier_is_a_failure_only_later() -> None:
    gang = a_running_gang(2, barrier_grace=240)
    gang.progress(1, jax_imported=True, initialising=True, initialised=True, exiting=True)
    gang.after(239)
    assert not gang.stopped
    gang.after(2)
    assert gang.stopped


def test_all_waiting_in_the_barrier_is_fine() -> None:
    gang = a_running_gang(2, barrier_grace=240)
    for process in (0, 1):
        gang.progress(process, initialising=True, initialised=True, exiting=True)
    gang.after(1000, tick=3)
    assert not gang.stopped


def test_an_abort_after_a_peer_left_with_0_is_blamed_on_who_left() -> None:
    gang = a_running_gang(2)
    gang.gone(0, 0, in_world=True)
    gang.gone(1, signal=6, death=signalled(6, 1))
    assert gang.verdict is not None
    assert gang.verdict.process == 0
    assert "exited 0" in gang.verdict.message


def test_one_that_never_comes_to_initialize_is_named_with_its_stack() -> None:
    gang = APlayedGang(3, Timing(start_timeout=290)).joined().spawned()
    for process in (0, 2):
        gang.progress(process, jax_imported=True, initialising=True)
    gang.after(289)
    assert not gang.messages(DumpStack)
    gang.after(2)
    assert [to for to, m in gang.sent if isinstance(m, DumpStack)] == [1]
    gang.say(1, Stack(1, "train.py:7 in load"))
    assert gang.stopped
    for process in range(3):
        gang.killed(process)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.process) == (Cause.DEADLINE, 1)
    assert "train.py:7 in load" in gang.verdict.message


def test_no_stack_no_matter() -> None:
    gang = APlayedGang(2, Timing(start_timeout=290)).joined().spawned()
    gang.progress(0, jax_imported=True, initialising=True)
    gang.after(300)
    assert gang.verdict is not None
    assert gang.verdict.cause is Cause.DEADLINE


def test_no_deadline_where_nobody_initialises() -> None:
    gang = APlayedGang(2, Timing(start_timeout=290)).joined().spawned()
    gang.after(3000, tick=3)
    assert gang.verdict is None


def test_asked_to_stop_all_agree_on_the_call() -> None:
    gang = a_running_gang(2)
    gang.say(1, StopAsked(15))
    assert gang.messages(PleaseStop)
    assert gang.gang.state(gang.now) is GangState.CHECKPOINTING
    gang.say(0, Calls(1, 17))
    assert not gang.messages(StopAt)
    gang.say(1, Calls(1, 16))
    assert gang.messages(StopAt) == [StopAt(1, 18)]
    gang.gone(0, 0)
    gang.gone(1, 0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.exit_code) == (Cause.PREEMPTED, 143)


@pytest.mark.parametrize("asked_again", [False, True])
def test_every_death_after_a_stop_request_is_the_preemption(asked_again: bool) -> None:
    gang = a_running_gang(2)
    gang.say(1, StopAsked(15))
    if asked_again:
        gang.say(0, StopAsked(15))
    gang.left(1)
    gang.killed(0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.process) == (Cause.PREEMPTED, 1)


def test_the_grace_ends_with_a_kill() -> None:
    gang = a_running_gang(2, grace=60)
    gang.say(0, StopAsked(15))
    gang.after(59)
    assert not gang.stopped
    gang.after(2)
    assert gang.stopped
    gang.killed(0)
    gang.killed(1)
    assert gang.verdict is not None
    assert "did not stop in its grace" in gang.verdict.message


def test_a_launcher_that_was_frozen_does_not_blame_the_others() -> None:
    gang = a_running_gang(2)
    gang.after(60, tick=60, heard=False)
    assert gang.verdict is not None
    assert gang.verdict.process == 0
    assert "not scheduled" in gang.verdict.message


def test_a_stall_shorter_than_the_timeout_loses_nobody() -> None:
    gang = a_running_gang(2)
    gang.after(1.9, heard=False)
    gang.after(9, tick=9, heard=False)
    assert gang.verdict is None


def test_old_epochs_are_not_listened_to() -> None:
    gang = a_running_gang(2)
    gang.say(1, Died(0, exited(3, 1)))
    assert not gang.stopped


def test_states_from_reports() -> None:
    gang = a_running_gang(2, quiet=5)
    seen = {"jax_imported": True, "initialising": True, "initialised": True}
    assert gang.gang.state(gang.now) is GangState.STARTING
    gang.progress(0, **seen, compile_started=True, compiling=True)
    gang.after(100)
    assert gang.gang.state(gang.now) is GangState.COMPILING
    gang.progress(0, **seen, compile_started=True, step=0)
    assert gang.gang.state(gang.now) is GangState.RUNNING


def test_states_without_reports() -> None:
    gang = a_running_gang(2, quiet=5)
    gang.progress(0, jax_imported=True, compile_started=True, compile_count=1)
    gang.after(4)
    assert gang.gang.state(gang.now) is GangState.COMPILING
    gang.after(2)
    assert gang.gang.state(gang.now) is GangState.RUNNING


def test_states_without_jax() -> None:
    gang = APlayedGang(2, Timing(quiet=5)).joined().spawned()
    gang.after(6)
    assert gang.gang.state(gang.now) is GangState.RUNNING


def test_a_program_that_imports_jax_for_long_does_not_run_yet() -> None:
    gang = APlayedGang(2, Timing(quiet=5)).joined().spawned()
    gang.progress(0, jax_importing=True)
    gang.after(60)
    assert gang.gang.state(gang.now) is GangState.STARTING


def test_a_server_that_was_asked_to_stop_and_exits_0_has_succeeded() -> None:
    gang = APlayedGang(1, terms=Terms(drains=True)).joined().spawned()
    gang.say(0, StopAsked(15))
    gang.gone(0, 0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.exit_code) == (None, 0)
    assert gang.verdict.message == "the server was asked to stop (SIGTERM), and has drained"


def test_a_server_that_had_to_be_killed_has_not() -> None:
    gang = APlayedGang(1, Timing(grace=5), Terms(drains=True)).joined().spawned()
    gang.say(0, StopAsked(15))
    gang.after(6)
    gang.killed(0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.exit_code) == (Cause.PREEMPTED, 143)
