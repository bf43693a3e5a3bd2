"""When a Warmup's gang is done."""

import pytest
from builders import APlayedGang, exited, raised

from jaxrun.contract import Cause, GangState
from jaxrun.gang.protocol import StopAsked
from jaxrun.gang.sequel import Terms
from jaxrun.settings import Timing

SEEN = {"jax_imported": True, "compile_started": True}


def a_warmup(size: int = 2) -> APlayedGang:
    timing = Timing(quiet=5, warm_quiet=30)
    return APlayedGang(size, timing, Terms(warm=True)).joined().spawned()


def test_the_first_step_of_process_0_ends_it_with_success() -> None:
    gang = a_warmup()
    for process in (0, 1):
        gang.progress(process, **SEEN, compile_count=3)
    gang.progress(0, **SEEN, compile_count=3, step=0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.exit_code, gang.verdict.step) == (None, 0, 0)
    assert "process 0 has reported step 0" in gang.verdict.message
    assert gang.gang.state(gang.now) is GangState.SUCCEEDED


def test_a_job_that_is_no_warmup_goes_on() -> None:
    gang = APlayedGang(1, Timing(), Terms()).joined().spawned()
    gang.progress(0, **SEEN, step=0)
    gang.after(600)
    assert gang.verdict is None


def test_another_process_may_be_ahead_of_process_0() -> None:
    """Only process 0 writes entries, and it may still be tracing."""
    gang = a_warmup()
    gang.progress(0, **SEEN)
    gang.progress(1, **SEEN, step=0)
    gang.after(20)
    assert gang.verdict is None
    gang.progress(0, **SEEN, step=0)
    assert gang.verdict is not None


def test_an_entry_that_is_being_made_is_waited_for() -> None:
    gang = a_warmup()
    gang.progress(0, **SEEN, step=0, compiling=True)
    gang.after(600)
    assert gang.verdict is None
    gang.progress(0, **SEEN, step=0, compile_count=1)
    assert gang.verdict is not None


def test_without_reports_it_is_warm_when_nothing_was_compiled_for_long() -> None:
    gang = a_warmup()
    gang.progress(0, **SEEN, compile_count=1)
    gang.after(20)
    assert gang.gang.state(gang.now) is GangState.RUNNING
    gang.progress(0, **SEEN, compile_count=2)
    gang.after(29)
    assert gang.verdict is None
    gang.after(2)
    assert gang.verdict is not None
    assert "nothing was compiled for 30 s" in gang.verdict.message


@pytest.mark.parametrize("jax_imported", [False, True])
def test_one_that_compiles_nothing_is_given_up_late(jax_imported: bool) -> None:
    """Importing JAX, or loading data before the first compilation, may take its time."""
    gang = a_warmup()
    gang.progress(0, jax_imported=jax_imported)
    gang.after(299)
    assert gang.verdict is None
    gang.after(2)
    assert gang.verdict is not None
    assert gang.verdict.cause is None
    assert "nothing was compiled at all, in 300 s" in gang.verdict.message


def test_all_exit_0() -> None:
    gang = a_warmup()
    gang.gone(0, 0)
    gang.gone(1, 0)
    assert gang.verdict is not None
    assert gang.verdict.message == "all 2 processes finished"


def test_a_program_that_dies_fails_as_ever() -> None:
    gang = a_warmup()
    gang.progress(0, **SEEN)
    gang.died(1, raised("ValueError", "bad batch", 1))
    gang.progress(0, **SEEN, step=0)
    gang.after(31)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.exit_code) == (Cause.PROGRAM_ERROR, 1)


def test_a_failure_after_the_success_is_none() -> None:
    gang = a_warmup()
    gang.progress(0, **SEEN, step=0)
    gang.died(1, exited(1, 1))
    gang.after(31)
    assert gang.verdict is not None
    assert gang.verdict.cause is None


def test_one_that_is_asked_to_stop_was_preempted() -> None:
    gang = a_warmup()
    gang.say(1, StopAsked(15))
    gang.progress(0, **SEEN, step=0)
    gang.after(120)
    assert gang.verdict is not None
    assert gang.verdict.cause is Cause.PREEMPTED
