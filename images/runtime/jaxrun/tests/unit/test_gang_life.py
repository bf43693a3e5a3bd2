"""What follows an epoch, told in events: restarts in place, lost members, stops, successors."""

import dataclasses

import pytest
from builders import UNIX, APlayedGang, exited, raised, signalled

from jaxrun.contract import Cause, GangState, Scope
from jaxrun.evidence import Death, How, Verdict
from jaxrun.gang import protocol
from jaxrun.gang.memory import Memory
from jaxrun.gang.protocol import End, Gone, PleaseStop, Remember, Start, Stop, StopAsked
from jaxrun.gang.sequel import Terms
from jaxrun.restart_policy import Ledger, RestartPolicy
from jaxrun.settings import Timing

STAYS = RestartPolicy(max_restarts=10, in_place=True, initial_seconds=10, max_seconds=300)


def a_staying_gang(size: int = 2, process_zero: bool = False, **timing: float) -> APlayedGang:
    terms = Terms(STAYS, process_zero=process_zero)
    return APlayedGang(size, Timing(**timing), terms).joined().spawned().initialised()


def epochs(gang: APlayedGang) -> list[int]:
    return [start.epoch for start in gang.messages(Start)]


def farewells(gang: APlayedGang) -> dict[int, Verdict]:
    return {to: m.verdict for to, m in gang.sent if isinstance(m, End) and to is not None}


def died_once(gang: APlayedGang, code: int = 3) -> None:
    """Process 1 dies, and the epoch's verdict is there."""
    gang.died(1, exited(code, 1, step=7))
    gang.after(0.3, tick=0.02)


def test_the_next_epoch_waits_until_nothing_is_left_anywhere() -> None:
    gang = a_staying_gang(3)
    died_once(gang)
    assert gang.verdict is None
    assert gang.gang.state(gang.now) is GangState.RESTARTING
    gang.idle(1)
    gang.idle(0)
    assert epochs(gang) == [1]
    gang.idle(2)
    assert epochs(gang) == [1, 2]
    assert gang.gang.state(gang.now) is GangState.STARTING
    ports = [start.coordinator_port for start in gang.messages(Start)]
    assert ports[0] != ports[1]
    assert gang.messages(Start)[1].restarts == 1


def test_idle_before_the_verdict_counts() -> None:
    gang = a_staying_gang(2)
    gang.died(1, exited(3, 1))
    gang.idle()
    assert epochs(gang) == [1]
    gang.after(0.3, tick=0.02)
    assert epochs(gang) == [1, 2]


def test_idle_of_an_earlier_epoch_does_not() -> None:
    gang = a_staying_gang(2)
    died_once(gang)
    gang.idle()
    gang.spawned()
    died_once(gang, code=4)
    gang.say(0, protocol.Idle(1))
    gang.idle(1)
    assert epochs(gang) == [1, 2]


def test_the_record_says_what_happened_when_and_what_came_of_it() -> None:
    gang = a_staying_gang(2)
    gang.progress(0, step=7, checkpoint_step=5)
    gang.now += 1
    failed_at = gang.now
    died_once(gang)
    gang.idle()
    (record,) = gang.gang.memory.restarts
    assert (record.epoch, record.cause, record.process) == (1, Cause.PROGRAM_ERROR, 1)
    assert (record.exit_code, record.step, record.checkpoint_step) == (3, 7, 5)
    assert record.time == record.retry_at == failed_at + UNIX
    assert record.spawned is None
    gang.now += 1
    gang.spawned()
    (record,) = gang.gang.memory.restarts
    assert record.spawned == gang.now + UNIX
    assert gang.gang.memory.ledger.charges == (int((failed_at + UNIX) * 1000),)
    # The checkpoint and, until there is another, the step are those of the epoch before.
    assert (gang.gang.step, gang.gang.checkpoint_step) == (7, 5)
    gang.progress(0, step=6)
    assert (gang.gang.step, gang.gang.checkpoint_step) == (6, 5)


def test_a_failure_that_comes_again_waits() -> None:
    gang = a_staying_gang(2)
    for _ in range(2):
        death = Death(1, "host-1", How.STUCK, detail="stuck")
        gang.died(1, death)
        gang.after(0.3, tick=0.02)
        gang.idle()
        gang.spawned()
    assert epochs(gang) == [1, 2]
    assert gang.gang.state(gang.now) is GangState.RESTARTING
    record = gang.gang.memory.restarts[-1]
    assert record.retry_at == record.time + 10
    gang.after(9.5)
    assert epochs(gang) == [1, 2]
    gang.after(0.25)
    assert epochs(gang) == [1, 2, 3]


def test_the_end_carries_the_ledger_from_before_the_failure() -> None:
    gang = a_staying_gang(2)
    died_once(gang)
    gang.idle()
    gang.spawned()
    before = gang.gang.memory.ledger
    died_once(gang)  # the same failure again: fresh pods may help, says the policy
    assert gang.verdict is not None
    assert (gang.verdict.scope, gang.verdict.epoch) == (Scope.GANG, 2)
    assert gang.verdict.ledger == before
    assert before.restarts == 1
    assert gang.gang.state(gang.now) is GangState.FAILED
    gang.idle()
    gang.after(30)
    assert epochs(gang) == [1, 2]


def test_a_lost_member_ends_the_epoch_and_its_successor_begins_the_next() -> None:
    gang = a_staying_gang(2)
    gang.left(1)
    assert gang.stopped
    gang.after(0.3, tick=0.02)
    assert gang.verdict is None
    assert gang.gang.state(gang.now) is GangState.JOINING
    assert gang.gang.missing == (1,)
    gang.idle(0)
    assert epochs(gang) == [1]
    gang.joined([1])
    assert epochs(gang) == [1, 2]
    (record,) = gang.gang.memory.restarts
    assert (record.cause, record.process) == (Cause.PEER_LOST, 1)
    # For whoever makes the successor to charge.
    assert gang.gang.memory.ledger == Ledger(restarts=1)


def test_without_in_place_a_lost_member_is_the_end() -> None:
    gang = APlayedGang(2).joined().spawned()
    gang.left(1)
    gang.killed(0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.scope) == (Cause.PEER_LOST, Scope.GANG)


def test_a_real_death_is_judged_though_its_launcher_went_too() -> None:
    gang = a_staying_gang(2)
    gang.died(1, raised("ValueError", "bad", 1))
    gang.left(1)
    gang.after(0.3, tick=0.02)
    (record,) = gang.gang.memory.restarts
    assert record.cause is Cause.PROGRAM_ERROR
    assert len(gang.gang.memory.ledger.charges) == 1


def test_the_echo_of_a_lost_member_is_not_judged() -> None:
    gang = a_staying_gang(2)
    gang.gone(0, signal=6, death=signalled(6, 0))
    gang.left(1)
    gang.after(0.3, tick=0.02)
    (record,) = gang.gang.memory.restarts
    assert (record.cause, record.process) == (Cause.PEER_LOST, 1)
    assert gang.gang.memory.ledger.charges == ()


def test_a_successor_may_come_before_the_others_are_idle() -> None:
    gang = a_staying_gang(2)
    gang.left(1)
    assert gang.gang.refusal(1) is None
    gang.joined([1])
    gang.after(0.3, tick=0.02)
    assert epochs(gang) == [1]
    gang.idle(0)
    assert epochs(gang) == [1, 2]


def test_nobody_takes_the_place_of_a_process_that_has_finished_while_the_others_go_on() -> None:
    gang = a_staying_gang(2)
    gang.gone(1, 0)
    gang.left(1)
    refused = gang.gang.refusal(1)
    assert refused is not None
    assert refused.retry
    assert not gang.stopped


def test_who_is_asked_to_stop_leaves_and_the_others_stay() -> None:
    gang = a_staying_gang(2)
    gang.say(1, StopAsked(15))
    assert gang.messages(PleaseStop)
    assert gang.gang.stop is not None
    assert gang.gang.stop.request.process == 1
    gang.gone(0, 0)
    gang.gone(1, 0)
    told = farewells(gang)
    assert list(told) == [1]
    assert (told[1].cause, told[1].scope, told[1].exit_code) == (Cause.PREEMPTED, Scope.POD, 143)
    assert gang.verdict is None
    # All programs have finished; what they left behind has not.
    assert gang.messages(Stop) == [Stop(1)]
    gang.idle()
    assert epochs(gang) == [1], "it was started again though it leaves"
    gang.left(1)
    assert gang.gang.stop is None
    assert gang.gang.state(gang.now) is GangState.JOINING
    gang.joined([1])
    assert epochs(gang) == [1, 2]
    assert gang.gang.memory.ledger == Ledger(restarts=1)
    assert gang.gang.memory.restarts[0].cause is Cause.PREEMPTED


def test_all_are_asked_to_stop() -> None:
    gang = a_staying_gang(2)
    gang.say(1, StopAsked(15))
    gang.say(0, StopAsked(15))
    gang.gone(0, 0)
    gang.gone(1, 0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.scope) == (Cause.PREEMPTED, Scope.GANG)


def test_two_of_three_are_asked_and_each_tells_of_itself() -> None:
    gang = a_staying_gang(3)
    gang.say(1, StopAsked(15))
    gang.say(2, StopAsked(2))
    for process in range(3):
        gang.gone(process, 0)
    told = farewells(gang)
    assert {process: verdict.process for process, verdict in told.items()} == {1: 1, 2: 2}
    assert {process: verdict.exit_code for process, verdict in told.items()} == {1: 143, 2: 130}


def test_who_is_asked_between_two_epochs_leaves_at_once() -> None:
    gang = a_staying_gang(3)
    gang.left(1)
    gang.after(0.3, tick=0.02)
    gang.say(2, StopAsked(15))
    told = farewells(gang)
    assert (told[2].scope, told[2].cause) == (Scope.POD, Cause.PREEMPTED)
    assert "while waiting for process 1" in told[2].message
    gang.idle(0)
    gang.joined([1])
    assert epochs(gang) == [1]


def test_who_is_asked_before_its_start_arrives_spawns_nothing_and_nobody_waits_for_it() -> None:
    gang = a_staying_gang(2)
    died_once(gang)
    gang.idle()
    gang.say(1, StopAsked(15))
    gang.say(1, Gone(2, None, None))
    assert gang.messages(Stop) == [Stop(1), Stop(2)]
    gang.killed(0)
    assert 1 in farewells(gang)


def test_a_program_that_dies_while_another_launcher_is_asked_to_stop() -> None:
    """It is judged by its own cause; who was asked leaves all the same."""
    gang = a_staying_gang(2)
    gang.died(0, exited(3, 0))
    gang.say(1, StopAsked(15))
    gang.after(0.3, tick=0.02)
    (record,) = gang.gang.memory.restarts
    assert record.cause is Cause.PROGRAM_ERROR
    assert farewells(gang)[1].cause is Cause.PREEMPTED


def test_process_0_leaves_and_takes_nobody_in_meanwhile() -> None:
    gang = a_staying_gang(2)
    gang.say(0, StopAsked(15))
    gang.gone(0, 0)
    gang.gone(1, 0)
    assert farewells(gang)[0].scope is Scope.POD
    gang.left(1)
    refused = gang.gang.refusal(1)
    assert refused is not None
    assert refused.retry
    # The others know what to tell the next one.
    remembered = gang.messages(Remember)[-1].memory
    assert (remembered.epoch, remembered.restarts[0].cause) == (1, Cause.PREEMPTED)


def test_a_new_process_0_goes_on_from_what_the_others_remember() -> None:
    old = a_staying_gang(3)
    old.progress(0, step=7, checkpoint_step=5)
    died_once(old)
    remembered = old.messages(Remember)[-1].memory

    new = APlayedGang(3, terms=Terms(STAYS))
    new.joined([0]).joined([1], remembered).joined([2], Memory(epoch=1))
    assert epochs(new) == [2]
    assert new.gang.memory.restarts == old.gang.memory.restarts
    assert new.gang.memory.ledger == old.gang.memory.ledger
    assert (new.gang.step, new.gang.checkpoint_step) == (7, 5)
    assert new.gang.books.parts(new.now) != APlayedGang(3).gang.books.parts(new.now)


def test_a_frozen_process_0_waits_for_those_who_left_it() -> None:
    gang = a_staying_gang(2)
    gang.after(60, tick=60, heard=False)
    gang.left(1)
    assert gang.verdict is None
    (record,) = gang.gang.memory.restarts
    assert (record.cause, record.process) == (Cause.PEER_LOST, 0)
    gang.idle(0)
    gang.joined([1])
    assert epochs(gang) == [1, 2]


def test_process_0s_success_is_the_gangs() -> None:
    gang = a_staying_gang(3, process_zero=True)
    gang.gone(1, 0)
    assert gang.verdict is None
    gang.gone(0, 0)
    assert gang.verdict is not None
    assert (gang.verdict.cause, gang.verdict.exit_code) == (None, 0)


def test_a_death_before_process_0_has_finished_is_a_failure() -> None:
    gang = a_staying_gang(3, process_zero=True)
    gang.died(1, exited(3, 1))
    gang.gone(0, 0)
    gang.after(0.3, tick=0.02)
    assert gang.verdict is None
    assert len(gang.gang.memory.restarts) == 1


@pytest.mark.parametrize("text", ["x", "ü", '"\\\n'])
def test_what_is_remembered_fits_a_handshake(text: str) -> None:
    memory = Memory(ledger=Ledger(charges=tuple(range(10**12, 10**12 + 128))))
    for epoch in range(1, 100):
        verdict = Verdict(
            Cause.PROGRAM_ERROR,
            1,
            text * 5000,
            epoch,
            exception=raised(text * 5000, text * 5000).exception,
        )
        memory = memory.with_failure(verdict, memory.ledger, 0.0)
    assert memory.restarts[-1].epoch == 99
    assert 1 <= len(memory.restarts) <= 16
    hello = protocol.Hello("n" * 64, "ml/digits", 0, 1, 2, "h" * 63, memory, proof="p" * 64)
    assert len(protocol.encode(hello)) < protocol.HANDSHAKE_LIMIT_BYTES
    assert protocol.decode_from_member(protocol.encode(hello)) == hello
    assert dataclasses.replace(hello, memory=Memory()) != hello
