"""Restarts in place: real launchers, real JAX, the same pods, the next epoch."""

import json

import pytest
from gang import RealGang

POLICY = {
    "maxRestarts": 10,
    "windowSeconds": 86400,
    "inPlace": True,
    "exemptCauses": ["Preempted", "NodeLost"],
    "backoff": {"initialSeconds": 1, "maxSeconds": 2},
    "rules": [],
}


@pytest.fixture
def staying(gang: RealGang) -> RealGang:
    """Two launchers that restart in place."""
    gang.environment["JAXRUN_RESTART_POLICY"] = json.dumps(POLICY)
    gang.environment["CHECKPOINT"] = str(gang.directory / "checkpoint")
    return gang


@pytest.mark.parametrize("actor", [1, 0])
def test_a_killed_program_is_restarted_in_place(staying: RealGang, actor: int) -> None:
    staying.start_program("SIGKILL", actor, DIES_IN_EPOCHS="1")
    staying.wait_for(lambda: staying.launchers[0].status().get("epoch") == 2)
    staying.wait_for_step(6)
    status = staying.launchers[0].status()
    (record,) = status["restarts"]
    died_at = float((staying.directory / "died-at").read_text())
    assert record["spawned"] - died_at < 15
