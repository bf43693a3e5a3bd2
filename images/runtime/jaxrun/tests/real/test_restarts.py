"""Restarts in place: real launchers, real JAX, the same pods, the next epoch."""

import http.client
import json
import re
import signal
import sys
import time
from typing import Any

import pytest
from gang import RealGang

POLICY: dict[str, Any] = {
    "maxRestarts": 10,
    "windowSeconds": 86400,
    "inPlace": True,
    "exemptCauses": ["Preempted", "NodeLost"],
    "backoff": {"initialSeconds": 1, "maxSeconds": 2},
    "rules": [],
}


def policy(**changes: Any) -> dict[str, str]:
    return {"JAXRUN_RESTART_POLICY": json.dumps({**POLICY, **changes})}


@pytest.fixture
def staying(gang: RealGang) -> RealGang:
    """Two launchers that restart in place."""
    gang.environment.update(
        policy(),
        CHECKPOINT=str(gang.directory / "checkpoint"),
    )
    return gang


def status(gang: RealGang, index: int = 0) -> dict[str, Any]:
    return gang.launchers[index].status()


def wait_for_epoch(gang: RealGang, epoch: int, step: int = 3) -> dict[str, Any]:
    """What /status says when this epoch trains; until it does, its step is that of the last one."""
    seen: dict[str, Any] = {}

    def trains() -> bool:
        seen.clear()
        seen.update(status(gang))
        first = seen["times"]["firstStep"] if seen else None
        return bool(seen and seen["epoch"] == epoch and first and seen["step"] >= step)

    gang.wait_for(trains)
    return seen


def wait_for_state(gang: RealGang, state: str, index: int = 0, **also: Any) -> dict[str, Any]:
    """What /status says in this state of the gang."""
    seen: dict[str, Any] = {}

    def is_so() -> bool:
        seen.clear()
        seen.update(status(gang, index))
        wanted = {"state": state, **also}
        return {name: seen.get(name) for name in wanted} == wanted

    gang.wait_for(is_so)
    return seen


def begins(gang: RealGang, process: int) -> list[str]:
    """What the programs of a process said at their start."""
    lines = gang.launchers[process].out.splitlines()
    return [line for line in lines if "begins at step" in line]


@pytest.mark.parametrize("actor", [1, 0])
def test_a_killed_program_is_restarted_in_the_same_pods(staying: RealGang, actor: int) -> None:
    staying.start_program("SIGKILL", actor, DIES_IN_EPOCHS="1")
    seen = wait_for_epoch(staying, 2)
    (record,) = seen["restarts"]
    assert (record["epoch"], record["cause"], record["process"]) == (1, "ProgramError", actor)
    assert (record["exitCode"], record["signal"], record["step"]) == (137, 9, 5)
    died_at = float((staying.directory / "died-at").read_text())
    assert died_at <= record["time"] <= record["retryAt"] <= record["spawned"]
    assert record["spawned"] - died_at < 25  # 0.2 to 0.5 s where nothing else runs
    assert seen["ledger"]["restarts"] == 1
    assert len(seen["ledger"]["charges"]) == 1
    assert seen["goodput"]["recoverySeconds"] > 0
    for process in (0, 1):
        first, second = begins(staying, process)
        assert "attempt 0, restarts 0," in first
        assert "attempt 0, restarts 1," in second
        assert first.rpartition(":")[2] != second.rpartition(":")[2], "the same coordinator port"
    assert all(x.exit_code is None for x in staying.launchers.values())


def test_nothing_of_the_old_program_is_left_when_the_new_one_starts(staying: RealGang) -> None:
    daemon = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    program = (
        "import os, pathlib, subprocess, sys, time\n"
        "me = pathlib.Path(os.environ['DIED_AT'] + os.environ['JAXRUN_PROCESS_ID'])\n"
        "if os.environ['JAXRUN_EPOCH'] == '1':\n"
        f"    daemon = [sys.executable, '-c', {daemon!r}]\n"
        "    child = subprocess.Popen(daemon, start_new_session=True)\n"
        "    me.write_text(str(child.pid))\n"
        "    time.sleep(0.5)\n"
        "    if os.environ['JAXRUN_PROCESS_ID'] == '1': os._exit(3)\n"
        "else:\n"
        "    print('alive' if pathlib.Path('/proc', me.read_text()).exists() else 'none left')\n"
        "time.sleep(600)"
    )
    staying.start([sys.executable, "-c", program])
    for launched in staying.launchers.values():
        staying.wait_for(lambda x=launched: "alive" in x.out or "none left" in x.out)
    assert "alive" not in staying.outputs()


def test_a_killed_launcher_has_a_successor(staying: RealGang) -> None:
    staying.start_program("none")
    staying.wait_for_step(5)
    staying.signal(1, signal.SIGKILL)
    staying.wait(only=[1])
    (record,) = wait_for_state(staying, "Joining", missing=[1])["restarts"]
    assert (record["cause"], record["process"], record["exitCode"]) == ("PeerLost", 1, 75)
    staying.start_program("none", only=[1])
    seen = wait_for_epoch(staying, 2)
    # A lost pod is for the operator to charge.
    assert (seen["ledger"]["restarts"], seen["ledger"]["charges"]) == (1, [])
    assert seen["missing"] == []


def test_process_0_is_lost_and_its_successor_learns_what_was(staying: RealGang) -> None:
    staying.start_program("SIGKILL", 1, DIES_IN_EPOCHS="1")
    wait_for_epoch(staying, 2)
    staying.signal(0, signal.SIGKILL)
    staying.wait(only=[0])
    staying.wait_for(lambda: status(staying, 1).get("missing") == [0])
    staying.start_program("none", only=[0])
    seen = wait_for_epoch(staying, 3)
    assert [r["cause"] for r in seen["restarts"]] == ["ProgramError", "PeerLost"]
    assert [r["process"] for r in seen["restarts"]] == [1, 0]
    assert seen["ledger"]["restarts"] == 2
    assert len(seen["ledger"]["charges"]) == 1
    goodput = seen["goodput"]
    assert goodput["initialisationSeconds"] > 0, "the time before was forgotten"
    assert goodput["recoverySeconds"] > 0
    assert "restarts 2" in begins(staying, 1)[-1]


def test_process_0_comes_back_elsewhere_and_knocks(staying: RealGang) -> None:
    """Its name does not resolve: what knocks is all that process 1 has."""
    staying.environment["JAXRUN_GANG_ADDRESS"] = "digits-a0-s0-0.digits-gang.invalid"
    staying.start_program("none")

    def knock() -> None:
        port = staying.launchers[1].http_port
        elsewhere = ("127.0.0.2", 0)
        line = http.client.HTTPConnection("127.0.0.1", port, 5, source_address=elsewhere)
        line.request("POST", "/knock")
        assert line.getresponse().status == 200

    def joined() -> bool:
        try:
            knock()
        except OSError:
            return False
        return bool(status(staying).get("joined") == 2)

    staying.wait_for(joined)
    wait_for_epoch(staying, 1)
    for process in (0, 1):
        assert re.search(r"coordinator 127\.0\.0\.2:\d+$", begins(staying, process)[0])
    staying.signal(0, signal.SIGKILL)
    staying.wait(only=[0])
    staying.start_program("none", only=[0])
    staying.wait_for(joined)
    wait_for_epoch(staying, 2)


def test_without_a_successor_of_process_0_the_others_give_up(staying: RealGang) -> None:
    staying.start_program("none", JAXRUN_REJOIN_SECONDS="1")
    staying.wait_for_step(3)
    staying.signal(0, signal.SIGKILL)
    staying.wait()
    left = staying.launchers[1]
    assert left.exit_code == 75, staying.outputs()
    told = left.termination
    assert (told["cause"], told["scope"]) == ("PeerLost", "Gang")
    assert "waited for process 0 in vain" in told["message"]


@pytest.mark.parametrize("drained", [1, 0])
def test_a_drained_launcher_leaves_and_its_successor_goes_on(
    staying: RealGang, drained: int
) -> None:
    staying.start_program("none")
    staying.wait_for_step(5)
    staying.signal(drained, signal.SIGTERM)
    staying.wait(only=[drained])
    left = staying.launchers[drained]
    assert left.exit_code == 143, staying.outputs()
    told = left.termination
    assert (told["cause"], told["scope"], told["process"]) == ("Preempted", "Pod", drained)
    assert (told["signal"], told["exitCode"]) == (15, 143)
    stops = re.findall(r"process (\d): stopping at step (\d+)", staying.outputs())
    assert {process for process, _ in stops} == {"0", "1"}
    (step,) = {int(step) for _, step in stops}
    wait_for_state(staying, "Joining", 1 - drained)
    assert staying.launchers[1 - drained].exit_code is None
    staying.start_program("none", only=[drained])
    seen = wait_for_epoch(staying, 2, step + 1)
    assert [r["cause"] for r in seen["restarts"]] == ["Preempted"]
    assert (seen["ledger"]["restarts"], seen["ledger"]["charges"]) == (1, [])
    assert seen["checkpointStep"] >= step
    assert seen["stop"] is None
    for process in (0, 1):
        assert f"epoch 2 begins at step {step + 1}," in begins(staying, process)[-1]


def test_all_are_stopped_one_after_the_other(staying: RealGang) -> None:
    """As when a job is suspended: nobody waits for anybody, and nothing is started meanwhile."""
    staying.start_program("none")
    staying.wait_for_step(5)
    staying.signal(1, signal.SIGTERM)
    staying.wait(only=[1])
    wait_for_state(staying, "Joining", missing=[1])
    staying.signal(0, signal.SIGTERM)
    staying.wait()
    assert staying.exit_codes == [143, 143], staying.outputs()
    assert [x.termination["cause"] for x in staying.launchers.values()] == ["Preempted"] * 2
    assert staying.launchers[0].termination["scope"] == "Pod"
    assert "while waiting for process 1" in staying.launchers[0].termination["message"]
    assert all(len(begins(staying, process)) == 1 for process in (0, 1))


def test_all_are_stopped_at_once(staying: RealGang) -> None:
    staying.start_program("ignores-stop", JAXRUN_GRACE_SECONDS="4")
    staying.wait_for_step(5)
    for process in (0, 1):
        staying.signal(process, signal.SIGTERM)
    stop = wait_for_state(staying, "Checkpointing")["stop"]
    assert stop["signal"] == 15
    assert stop["process"] in (0, 1)
    staying.wait()
    assert staying.exit_codes == [143, 143], staying.outputs()
    for launched in staying.launchers.values():
        assert launched.termination["scope"] == "Gang"
        assert "process 0, 1 did not stop in its grace" in launched.termination["message"]


def test_process_0_is_lost_while_another_is_asked_to_stop(staying: RealGang) -> None:
    staying.start_program("ignores-stop", JAXRUN_GRACE_SECONDS="60")
    staying.wait_for_step(5)
    staying.signal(1, signal.SIGTERM)
    wait_for_state(staying, "Checkpointing")
    staying.signal(0, signal.SIGKILL)
    staying.wait()
    assert staying.launchers[1].exit_code == 143, staying.outputs()
    assert staying.launchers[1].termination["scope"] == "Pod"


def test_a_frozen_launcher_0_stops_nobody_from_leaving(staying: RealGang) -> None:
    staying.start_program(
        "ignores-stop", JAXRUN_GRACE_SECONDS="0.5", JAXRUN_HEARTBEAT_TIMEOUT_SECONDS="600"
    )
    staying.wait_for_step(5)
    staying.signal(0, signal.SIGSTOP)
    asked_at = time.time()
    staying.signal(1, signal.SIGTERM)
    staying.wait(only=[1])
    assert staying.launchers[1].exit_code == 143
    assert (staying.launchers[1].ended_at or 0) - asked_at < 30
    assert "did not stop in its grace" in staying.launchers[1].termination["message"]


def test_the_same_failure_again_is_for_the_operator_and_a_third_time_the_end(
    staying: RealGang,
) -> None:
    staying.start_program("os._exit(3)", 1)
    staying.wait()
    assert staying.exit_codes == [3, 3], staying.outputs()
    told = staying.launchers[0].verdict
    assert (told["scope"], told["epoch"], told["step"]) == ("Gang", 2, 5)
    # As it was before this failure: it has one charge, that of epoch 1.
    assert told["ledger"]["last"] == {"cause": "ProgramError", "step": 5, "repeats": 1}
    assert staying.launchers[1].verdict == told

    twice = {**told["ledger"], "last": {**told["ledger"]["last"], "repeats": 2}}
    staying.start_program("os._exit(3)", 1, JAXRUN_LEDGER=json.dumps(twice), JAXRUN_ATTEMPT="1")
    staying.wait()
    assert "no restart in place: SameFailure" in staying.launchers[0].out
    assert staying.launchers[0].termination["epoch"] == 1
    assert staying.launchers[0].termination["ledger"] == twice


@pytest.mark.parametrize(
    ("changes", "epochs", "says"),
    [
        ({"rules": [{"onCauses": [], "onExitCodes": [3], "action": "Fail"}]}, 1, "RuleSaysFail"),
        ({"rules": [{"onExitCodes": [3], "action": "Restart"}]}, 1, "Restart"),
        ({"maxRestarts": 0}, 1, "BudgetSpent"),
        ({"inPlace": False}, 1, "Restart"),
        (
            {"inPlace": False, "rules": [{"onExitCodes": [3], "action": "RestartInPlace"}]},
            2,
            "Restart",
        ),
    ],
    ids=["fail", "restart", "budget", "recreate", "in-place-by-rule"],
)
def test_the_policy_decides(
    gang: RealGang, changes: dict[str, Any], epochs: int, says: str
) -> None:
    """Without JAX, as the policy does not care."""
    gang.start(
        ["sh", "-c", '[ "$JAXRUN_PROCESS_ID" = 1 ] && exit 3; exec sleep 600'], **policy(**changes)
    )
    gang.wait()
    assert gang.exit_codes == [3, 3], gang.outputs()
    assert gang.launchers[0].termination["epoch"] == epochs
    assert f"no restart in place: {says}" in gang.launchers[0].out


def test_process_0s_success_is_the_gangs(staying: RealGang) -> None:
    staying.start(
        ["sh", "-c", '[ "$JAXRUN_PROCESS_ID" = 0 ] && sleep 0.5 && exit 0; exec sleep 600'],
        JAXRUN_SUCCESS_POLICY="ProcessZero",
    )
    staying.wait()
    assert staying.exit_codes == [0, 0], staying.outputs()
    assert "process 0 finished, and with it" in staying.launchers[1].termination["message"]


def test_process_0_waits_in_jaxs_barrier_for_others_that_go_on(staying: RealGang) -> None:
    staying.start_program(
        "sys.exit(0)",
        0,
        JAXRUN_SUCCESS_POLICY="ProcessZero",
        JAXRUN_EXIT_GRACE_SECONDS="1.5",
    )
    staying.wait()
    assert staying.exit_codes == [0, 0], staying.outputs()
