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
def gang(gang: RealGang) -> RealGang:
    """In containers that were given devices, as far as one can see from outside of JAX."""
    return with_devices(gang)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RealGang]:
    """A gang of one."""
    gang = with_devices(RealGang(tmp_path, size=1))
    yield gang
    gang.close()


def with_devices(gang: RealGang) -> RealGang:
    devices = gang.directory / "host" / "dev"
    devices.mkdir(parents=True)
    (devices / "nvidia0").touch()
    gang.environment["JAXRUN_HOST_ROOT"] = str(devices.parent)
    return gang


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


def test_it_ends_before_the_first_step_although_it_never_initialises_a_world(
    alone: RealGang,
) -> None:
    alone.start(through_a_shell(TRAINS_ALONE), **CUDA, **preflight("Enforce"), JAX_PLATFORMS="")
    alone.wait()
    assert alone.exit_codes == [69]
    out = alone.outputs()
    assert "before JAX" in out
    assert "DeviceMismatch: process 0" in out


def test_choosing_the_cpu_on_purpose_is_a_mismatch_too(alone: RealGang) -> None:
    code = "import jax; jax.config.update('jax_platforms', 'cpu'); " + TRAINS_ALONE.strip()
    alone.start(through_a_shell(code), **CUDA, **preflight("Enforce"), JAX_PLATFORMS="")
    alone.wait()
    assert (
        "the program or its image chose it (JAX_PLATFORMS or jax_platforms is cpu)"
        in (alone.launchers[0].termination["message"])
    )


def test_a_backend_that_cannot_be_initialised_is_one_too(alone: RealGang) -> None:
    """JAX raises, and the program could catch it and go on: it has no device all the same."""
    code = (
        "import jax, time\ntry: jax.devices()\nexcept Exception as error: print(error)\n"
        "time.sleep(60)"
    )
    alone.start(through_a_shell(code), **CUDA, **preflight("Enforce"), JAX_PLATFORMS="cuda")
    alone.wait()
    told = alone.launchers[0].termination
    assert told["cause"] == "DeviceMismatch"
    begin = "process 0 (digits-a0-s0-0) found no usable device where 8 cuda devices were expected: "
    # What follows is JAX's own, where it says anything.
    assert told["message"].startswith(begin)
    assert "cuda" in told["message"].removeprefix(begin)


def test_report_says_so_in_the_log_and_off_says_nothing(alone: RealGang, tmp_path: Path) -> None:
    code = "import jax; jax.devices(); print('goes on')"
    alone.start(through_a_shell(code), **CUDA, **preflight("Report"), JAX_PLATFORMS="")
    alone.wait()
    assert alone.exit_codes == [0]
    assert "goes on" in alone.outputs()
    said = [line for line in alone.outputs().splitlines() if "preflight:" in line]
    assert len(said) == 1, said
    assert "found 1 cpu device where 8 cuda devices were expected" in said[0]

    other = with_devices(RealGang(tmp_path / "off", size=1))
    try:
        other.start(through_a_shell(code), **CUDA, **preflight("Off"), JAX_PLATFORMS="")
        other.wait()
        assert other.exit_codes == [0]
        assert "expected" not in other.outputs()
    finally:
        other.close()


def test_another_version_than_the_job_asks_for(alone: RealGang) -> None:
    """Whichever Python it turns out to be, as soon as it has imported JAX; on the CPU as well."""
    code = "import jax, time; print('imported'); time.sleep(60)"
    alone.start(through_a_shell(code), **preflight("Enforce", jax="0.9", jaxlib="0.9"))
    alone.wait()
    assert alone.exit_codes == [69]
    assert alone.launchers[0].termination["message"] == (
        f"process 0 (digits-a0-s0-0) has jax {jax.__version__} where 0.9 was expected: use an "
        "image with jax 0.9, or change spec.preflight.jax"
    )


def test_the_right_versions_and_the_cpu_are_fine(alone: RealGang) -> None:
    right = ".".join(jax.__version__.split(".")[:2])
    code = "import jax; print(jax.devices())"
    alone.start(through_a_shell(code), **preflight("Enforce", jax=right, jaxlib=right))
    alone.wait()
    assert alone.exit_codes == [0], alone.outputs()


def test_the_launcher_itself_sees_that_there_is_no_device_and_starts_nothing(
    gang: RealGang,
) -> None:
    (gang.directory / "host" / "dev" / "nvidia0").unlink()
    gang.start(through_a_shell(TRAINS_TOGETHER), **CUDA, **preflight("Enforce"))
    gang.wait()
    assert gang.exit_codes == [69, 69]
    assert "before JAX" not in gang.outputs()
    told = gang.launchers[0].termination
    assert told["cause"] == "DeviceMismatch"
    assert (
        "has no device node /dev/nvidia[0-9]* or /dev/dxg in its container where 8 cuda"
        in (told["message"])
    )


def test_the_launcher_asks_the_programs_own_python_while_others_are_missing(
    gang: RealGang,
) -> None:
    """The last word is when all have come, and not one program has been started by then."""
    command = [sys.executable, "-c", TRAINS_TOGETHER]
    how = {**CUDA, **preflight("Enforce"), "JAX_PLATFORMS": ""}
    gang.start(command, only=[0], **how)
    gang.wait_for_output("preflight: this host found 1 cpu device")
    gang.start(command, only=[1], **how)
    gang.wait()
    assert gang.exit_codes == [69, 69]
    assert "before JAX" not in gang.launchers[0].out


def test_a_child_that_uses_jax_on_the_cpu_is_not_the_program(alone: RealGang) -> None:
    """Data loaders do."""
    code = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'import jax; jax.devices()'], check=True)\n"
        "print('goes on')"
    )
    alone.start(through_a_shell(code), **CUDA, **preflight("Enforce"))
    alone.wait()
    assert alone.exit_codes == [0], alone.outputs()
