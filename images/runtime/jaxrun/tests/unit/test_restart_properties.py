"""Any order of joins, deaths, losses, stops and moments: one epoch at a time, and no dead end."""

from hypothesis import given, settings
from hypothesis import strategies as st
from players import Play, exited

from jaxrun.contract import Scope
from jaxrun.gang.sequel import Terms
from jaxrun.restart_policy import RestartPolicy, Rule
from jaxrun.settings import Timing

SIZE = 3
TIMING = Timing(start_timeout=20, exit_grace=20, barrier_grace=40, grace=10)
MOST_RESTARTS = 4

steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(
                ["join", "join", "clear", "clear", "leave", "lose", "silence", "ask", "finish"]
            ),
            st.integers(0, SIZE - 1),
        ),
        st.tuples(st.just("die"), st.integers(0, SIZE - 1), st.integers(1, 4)),
        st.tuples(st.just("wait"), st.sampled_from([0.02, 0.3, 3.0, 20.0])),
        st.tuples(st.just("everybody"), st.sampled_from(["join", "clear", "leave"])),
    ),
    max_size=40,
)
policies = st.builds(
    RestartPolicy,
    max_restarts=st.integers(0, MOST_RESTARTS),
    in_place=st.just(True),
    initial_seconds=st.just(10),
    max_seconds=st.just(20),
    rules=st.sampled_from([(), (Rule("RestartInPlace", exit_codes=(3,)),)]),
)


def played(story: list[tuple[object, ...]], policy: RestartPolicy) -> Play:
    play = Play(SIZE, TIMING, Terms(policy))
    for process in range(SIZE):
        play.join(process)
    for what, *how in story:
        if play.gang.verdict is not None:
            break
        if what == "everybody":
            for process in range(SIZE):
                getattr(play, str(how[0]))(process)
        elif what == "wait":
            play.wait(float(str(how[0])))
        elif what == "die":
            play.die(int(str(how[0])), exited(int(str(how[1]))))
        else:
            getattr(play, str(what))(int(str(how[0])))
    return play


@given(steps, policies)
@settings(max_examples=1500, deadline=None)
def test_one_epoch_at_a_time_and_no_dead_end(
    story: list[tuple[object, ...]], policy: RestartPolicy
) -> None:
    play = played(story, policy)
    play.settle()
    ended = play.gang.verdict is not None
    assert ended or play.runs, (play.gang.state(play.now), play.gang.missing, play.players)
    if ended:
        assert all(end.verdict.scope is Scope.GANG for _, end in play.farewells[-SIZE:])
    ledger = play.gang.memory.ledger
    assert len(ledger.charges) <= policy.max_restarts
    assert len(play.gang.memory.restarts) <= 16
    if play.starts:
        assert play.gang.memory.epoch in (0, play.starts[-1])


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), policies)
@settings(max_examples=200, deadline=None)
def test_programs_that_only_fail_are_restarted_no_more_often_than_the_policy_has_it(
    codes: list[int], policy: RestartPolicy
) -> None:
    play = Play(SIZE, TIMING, Terms(policy))
    for process in range(SIZE):
        play.join(process)
    for code in codes:
        play.die(1, exited(code))
        for _ in range(4):
            play.wait(10.0)
            for process in range(SIZE):
                play.clear(process)
    assert len(play.starts) <= 1 + policy.max_restarts
    if len(codes) > policy.max_restarts:
        assert play.gang.verdict is not None
