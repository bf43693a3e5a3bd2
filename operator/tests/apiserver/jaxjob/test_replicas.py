"""Two replicas: one works; when it dies the other goes on, and nothing is done twice."""

import signal
import time
from collections.abc import Callable

from operator_process import OperatorProcess
from play import Play

Start = Callable[[str], OperatorProcess]

TAKE_OVER_SECONDS = 20.0
"""10 is what the Lease's times promise; the rest is for a machine that does other things too."""


def test_the_standby_goes_on_when_the_leader_is_killed(play: Play, start_operator: Start) -> None:
    leader = start_operator("a")
    leader.wait_leading()
    standby = start_operator("b")
    standby.wait_ready()
    assert not standby.probe("/healthz")[1]["leading"]
    assert not [name for name in standby.metrics() if name.startswith("jaxop_jaxjobs{")]
    for number in range(20):
        play.jaxjob(f"job-{number}")
    leader.kill()
    killed_at = time.monotonic()
    late = play.jaxjob("late")
    standby.wait_leading()
    assert time.monotonic() - killed_at < TAKE_OVER_SECONDS
    play.wait_state("Scheduling", name="late")
    play.pods(42)
    jobs = play.all("jobs")
    owners = [job["metadata"]["ownerReferences"][0]["name"] for job in jobs]
    assert sorted(owners) == sorted([*(f"job-{n}" for n in range(20)), "late"]), "no duplicates"
    assert len(play.names("services")) == 21
    for number in range(20):
        status = play.wait_state("Scheduling", name=f"job-{number}")
        assert (status["restarts"], status["attempt"]) == (0, 0)
    assert late["metadata"]["uid"]


def test_a_leader_that_is_told_to_stop_hands_over_at_once(
    play: Play, start_operator: Start
) -> None:
    leader = start_operator("a")
    leader.wait_leading()
    standby = start_operator("b")
    standby.wait_ready()
    assert leader.terminate() == 0
    standby.wait_leading(seconds=5.0)
    play.jaxjob()
    play.wait_state("Scheduling")


def test_a_leader_that_was_frozen_writes_nothing_when_it_wakes(
    play: Play, start_operator: Start
) -> None:
    leader = start_operator("a")
    leader.wait_leading()
    standby = start_operator("b")
    standby.wait_ready()
    leader.process.send_signal(signal.SIGSTOP)
    standby.wait_leading()
    play.jaxjob()
    play.wait_state("Scheduling")
    leader.process.send_signal(signal.SIGCONT)
    leader.wait("it stands by", lambda: leader.probe("/healthz")[1].get("leading") is False)
    play.jaxjob("second")
    play.wait_state("Scheduling", name="second")
    assert leader.writes() == {}
    assert len(play.names("jobs")) == 2
