"""status.goodput on a real API server: over attempts, and over the operator's death."""

import json
import time
from collections.abc import Callable

import pytest
from operator_process import OperatorProcess
from play import FakeLauncher, Object, Play, wait

RECREATE = {"maxRestarts": 3, "inPlace": False}


def goodput(**parts: float) -> Object:
    return {f"{name}Seconds": seconds for name, seconds in parts.items()}


def wait_goodput(play: Play, **parts: float) -> Object:
    """Until these parts are told."""

    def told() -> Object | None:
        status = play.status()
        seen = status.get("goodput", {})
        for name, seconds in parts.items():
            assert seen.get(f"{name}Seconds") == pytest.approx(seconds, abs=0.01), status
        return status

    found: Object = wait(f"goodput {parts}", told, seconds=60.0)
    return found


def test_it_goes_on_over_attempts_and_operators(
    play: Play, launcher: FakeLauncher, start_operator: Callable[[str], OperatorProcess]
) -> None:
    """Given an operator that is killed right after it has decided on a new attempt."""
    operator = start_operator("a")
    operator.wait_leading()
    play.jaxjob(restartPolicy=RECREATE)
    pods = play.pods(2)
    launcher.says(
        "Running",
        {"launcherStarted": time.time()},
        joined=2,
        missing=[],
        step=20,
        goodput=goodput(scheduling=1.5, compile=4.0, productive=100.0),
    )
    play.run(pods[0], launcher.address)
    play.run(pods[1])
    first = wait_goodput(play, compile=4.0, productive=100.0)
    waited = first["goodput"]["schedulingSeconds"] - 1.5
    assert 0 <= waited < 60
    assert float(first["goodput"]["percent"]) > 60

    words = {
        "version": 1,
        "scope": "Gang",
        "cause": "ProgramError",
        "process": 1,
        "message": "process 1 exited with code 3",
        "exitCode": 3,
        "step": 26,
        "time": time.time(),
        "goodput": goodput(scheduling=1.5, compile=4.0, productive=104.0, wasted=2.0),
    }
    for pod in pods:
        play.end(pod, 3, json.dumps(words))
    play.wait_state("Restarting")
    operator.kill()

    status = play.status()
    assert status["attempt"] == 1
    assert status["goodput"]["productiveSeconds"] == 104.0
    assert status["goodputBase"]["before"]["productiveSeconds"] == 104.0
    assert status["goodputBase"]["recovering"] is True

    successor = start_operator("b")
    successor.wait_leading()
    again = play.pods(2, attempt=1)
    launcher.says(
        "Running",
        {"launcherStarted": time.time()},
        attempt=1,
        step=28,
        goodput=goodput(scheduling=1.0, productive=30.0),
    )
    play.run(again[0], launcher.address)
    play.run(again[1])
    status = wait_goodput(play, compile=4.0, productive=134.0, wasted=2.0)
    assert status["goodput"]["schedulingSeconds"] == pytest.approx(waited + 1.5, abs=0.01)
    assert status["goodput"]["recoverySeconds"] >= 1.0

    def counted() -> bool:
        seen = successor.metrics()
        productive = seen.get('jaxop_jaxjob_goodput_seconds_total{part="productive"}', 0.0)
        recovered = seen.get('jaxop_jaxjob_recovery_seconds_count{how="Recreate"}', 0.0)
        assert (productive, recovered) == (30.0, 1.0), "only what this operator saw counts"
        return True

    wait("the successor counts what it saw", counted)
