"""What a real program with real Orbax tells of where its time goes."""

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gang import RealGang

ORBAX = """
import os, sys, time, jax, jax.numpy as jnp, jaxrun
import orbax.checkpoint as ocp
state = {"w": jnp.arange(1 << 20, dtype=jnp.float32)}
manager = ocp.CheckpointManager(os.path.abspath("checkpoints"))
jaxrun.report(step=0)
for step in (1, 2):
    manager.save(step, args=ocp.args.StandardSave(state))
manager.wait_until_finished()
manager.restore(2, args=ocp.args.StandardRestore(state))
"""
SPANS = """
import os, time, jaxrun
def batches():
    for i in range(3):
        time.sleep(0.1)
        yield i
jaxrun.report(step=0)
for batch in jaxrun.data(batches()):
    jaxrun.report(step=batch)
with jaxrun.span("checkpoint"):
    time.sleep(0.2)
"""
UNTIL_TOLD = """
while not os.path.exists("enough"):
    time.sleep(0.05)
    jaxrun.report(step=9)
"""


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RealGang]:
    """A gang of one."""
    gang = RealGang(tmp_path, size=1)
    yield gang
    gang.close()


def told(gang: RealGang, name: str) -> float:
    found = re.search(rf"^jaxrun_{name} (.*)$", gang.launchers[0].page("metrics"), re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def accounted(gang: RealGang, part: str) -> float:
    """Seconds in the gang's account, which hears of the program a moment after its launcher."""
    return float(gang.launchers[0].status()["goodput"][f"{part}Seconds"])


def run(gang: RealGang, code: str) -> None:
    """Until it is at step 9, where it stays until `enough`."""
    gang.start([sys.executable, "-c", code + UNTIL_TOLD])
    gang.wait_for_step(9)


def end(gang: RealGang) -> None:
    (gang.launchers[0].directory / "enough").touch()
    gang.wait()
    assert gang.exit_codes == [0], gang.outputs()


def test_spans_of_a_program(alone: RealGang) -> None:
    run(alone, SPANS)
    assert told(alone, "data_seconds_total") >= 0.3
    assert told(alone, "checkpoint_seconds_total") >= 0.2
    alone.wait_for(lambda: accounted(alone, "data") >= 0.3)
    alone.wait_for(lambda: accounted(alone, "checkpoint") >= 0.2)
    end(alone)


def test_orbax_tells_of_saves_and_restores_by_itself(alone: RealGang) -> None:
    run(alone, ORBAX)
    spent = told(alone, "checkpoint_seconds_total")
    assert spent > 0.01, "two saves, a wait and a restore of 4 MB"
    alone.wait_for(lambda: accounted(alone, "checkpoint") == pytest.approx(spent, rel=0.2))
    end(alone)
    assert alone.launchers[0].termination["goodput"]["checkpointSeconds"] > 0


FAILS_ONCE = """
import os, sys, time, jaxrun
first = os.environ["JAXRUN_EPOCH"] == "1"
for step in range(1 if first else 4, 10):
    time.sleep(0.1)
    jaxrun.report(step=step)
    if first and step == 3:
        jaxrun.checkpointed(3)
    if first and step == 7:
        sys.exit(3)
"""


def test_steps_after_the_checkpoint_are_wasted_and_the_restart_is_recovery(
    alone: RealGang,
) -> None:
    policy = {
        "maxRestarts": 1,
        "windowSeconds": 3600,
        "inPlace": True,
        "exemptCauses": [],
        "backoff": {"initialSeconds": 1, "maxSeconds": 1},
        "rules": [],
    }
    command = [sys.executable, "-c", FAILS_ONCE + UNTIL_TOLD]
    alone.start(command, JAXRUN_RESTART_POLICY=json.dumps(policy))
    alone.wait_for(lambda: alone.launchers[0].status().get("epoch") == 2)
    alone.wait_for_step(9)
    before, seen, after = time.time(), alone.launchers[0].status(), time.time()
    goodput = seen["goodput"]
    assert goodput["wastedSeconds"] > 0.2, "steps 4 to 7 of epoch 1"
    assert goodput["productiveSeconds"] > 0.1
    assert goodput["recoverySeconds"] > 0
    started = seen["times"]["launcherStarted"]
    assert before - started - 0.5 <= sum(goodput.values()) <= after - started + 0.5
    end(alone)
