"""JAX on another backend than the job asked for: the gang ends in seconds, and says what is there.

The check inside the program, which holds wherever the program's Python is and whatever it does.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from gang import RealGang

TRAINS_ALONE = """
import sys
import jax, jax.numpy as jnp, jaxrun
print("before JAX")
x = jnp.ones(3)
print("a step")
jaxrun.report(step=1)
import time; time.sleep(60)
"""
TRAINS_TOGETHER = TRAINS_ALONE.replace("x =", "jax.distributed.initialize()\nx =")
CUDA = {"JAXRUN_PLATFORM": "cuda", "JAXRUN_LOCAL_DEVICES": "8"}


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RealGang]:
    """A gang of one."""
    gang = RealGang(tmp_path, size=1)
    yield gang
    gang.close()


def preflight(mode: str, **expected: object) -> dict[str, str]:
    return {"JAXRUN_PREFLIGHT": json.dumps({"mode": mode, **expected})}


def through_a_shell(code: str) -> list[str]:
    """So that the launcher cannot tell which Python it will be: what is found is found inside."""
    return ["sh", "-c", 'exec "$0" -c "$1"', sys.executable, code]


@pytest.mark.parametrize("code", [TRAINS_ALONE, TRAINS_TOGETHER], ids=["alone", "together"])
def test_a_program_on_cpu_where_gpus_were_asked_for(gang: RealGang, code: str) -> None:
    environment = {**CUDA, **preflight("Enforce"), "JAX_PLATFORMS": ""}
    gang.environment["JAX_LOCAL_DEVICE_IDS"] = "0"
    gang.start(through_a_shell(code), **environment)
    gang.wait()
    assert gang.exit_codes == [69, 69], gang.outputs()
    for launched in gang.launchers.values():
        told = launched.termination
        assert told["cause"] == "DeviceMismatch"
        process = told["process"]
        assert told["message"] == (
            f"process {process} (digits-a0-s0-{process}) found 1 cpu device where 8 cuda devices "
            "were expected: JAX fell back to CPU; the image needs jax[cuda13] or jax[cuda12], and "
            "the node a driver that fits, the program's log may say more; set spec.preflight.mode "
            "to Off if this is meant"
        )
        assert told["step"] is None
