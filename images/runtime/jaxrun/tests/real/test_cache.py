"""Compile cache and warm mode: real launchers, real JAX, a volume that may misbehave."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cache_volume import CacheVolume, hits
from gang import RealGang

PROGRAM = [sys.executable, str(Path(__file__).with_name("compiling.py"))]
FILL = {"JAXRUN_CACHE_OFFERS": "true", "JAXRUN_WARMUP": "Fill"}
VERIFY = {"JAXRUN_WARMUP": "Verify"}
HANGING = """
import time
from jaxrun import program_cache
from jaxrun.__main__ import main
from jaxrun.cache import {module}
{module}.{what} = lambda *_: time.sleep(600)
program_cache.{deadline} = 1.0
main()
"""
SLOW = """
import time
from jaxrun.__main__ import main
from jaxrun.cache import local
read = local.read_manifest
local.read_manifest = lambda path: time.sleep(0.3) or read(path)
main()
"""


@pytest.fixture
def volume(tmp_path: Path) -> CacheVolume:
    return CacheVolume(tmp_path / "volume").made()


@pytest.fixture
def one(tmp_path: Path) -> Iterator[RealGang]:
    """One launcher, not yet started."""
    gang = RealGang(tmp_path, size=1)
    yield gang
    gang.close()


def hanging(module: str, what: str, deadline: str) -> tuple[str, ...]:
    """A launcher whose volume never answers there, and the deadline that ends the wait for it."""
    code = HANGING.format(module=module, what=what, deadline=deadline)
    return sys.executable, "-c", code


def start(gang: RealGang, how: str, **environment: str) -> None:
    """Each process with a local directory of its own; that of process 0 is named in advance."""
    own = Path(environment.pop("JAXRUN_CACHE_LOCAL"))
    for process in range(gang.size):
        if process > 0:
            own = own.with_name(f"local-{process}")
            own.mkdir(exist_ok=True)
        where = {"JAXRUN_CACHE_LOCAL": str(own)}
        gang.start([*PROGRAM, how], only=[process], **environment, **where)


def run(gang: RealGang, how: str, **environment: str) -> str:
    """To its end; what process 0 wrote."""
    start(gang, how, **environment)
    gang.wait()
    return gang.launchers[0].out


def fill(gang: RealGang, volume: CacheVolume, how: str = "report") -> int:
    """A cold run in warm mode, published, and forgotten by the pod; how many entries."""
    cold = hits(run(gang, how, **volume.environment(**FILL)))
    assert gang.exit_codes == [0] * gang.size, gang.outputs()
    assert cold[0] == 0
    assert volume.publish() == cold[1] > 0
    volume.forget_local()
    return cold[1]


def counted(gang: RealGang) -> dict[str, Any]:
    """The cache in the termination record of process 0."""
    cache: dict[str, Any] = gang.launchers[0].termination["cache"]
    return cache


@pytest.mark.parametrize("how", ["report", "silent", "once", "warm"])
def test_what_one_pod_fills_all_later_ones_hit(
    one: RealGang, volume: CacheVolume, how: str
) -> None:
    # Only a silent one waits for this; between two compilations a busy machine may take a while.
    one.environment["JAXRUN_WARM_QUIET_SECONDS"] = "5"
    entries = fill(one, volume, how)
    told = one.launchers[0].termination
    assert (told["cause"], told["exitCode"]) == (None, 0)
    assert told["cache"]["offered"] == told["cache"]["written"] == entries
    assert told["compileSeconds"] > 0
    assert hits(run(one, how, **volume.environment(**VERIFY))) == (entries, entries)
    assert counted(one)["hits"] == counted(one)["requests"] == entries
    assert counted(one)["linked"] == entries
    assert counted(one)["offered"] == 0
    assert volume.publish() == entries


def test_why_it_was_taken_as_warm(one: RealGang, volume: CacheVolume) -> None:
    run(one, "report", **volume.environment(**FILL))
    told = one.launchers[0].termination
    assert "warm, and therefore stopped: process 0 has reported step" in told["message"]
    assert told["firstStepSeconds"] > 0
    times = told["times"]
    assert times["launcherStarted"] < times["allJoined"] < times["spawned"] < times["firstStep"]
    run(one, "silent", **volume.environment(**VERIFY), JAXRUN_WARM_QUIET_SECONDS="1")
    assert "nothing was compiled for 1 s" in one.launchers[0].termination["message"]
    run(one, "once", **volume.environment(**VERIFY))
    assert one.launchers[0].termination["message"] == "the process finished"


def test_a_program_that_compiles_nothing_is_warm_with_no_requests(
    one: RealGang, volume: CacheVolume
) -> None:
    one.start(["sleep", "600"], **volume.environment(**FILL), JAXRUN_WARM_QUIET_SECONDS="0.1")
    one.wait()
    assert one.exit_codes == [0]
    assert "nothing was compiled at all" in one.launchers[0].termination["message"]
    assert counted(one)["requests"] == 0
    assert volume.offered() == []


def test_a_warmup_of_two_processes(gang: RealGang, volume: CacheVolume) -> None:
    """Both pods exit 0, and what process 0 has compiled is offered."""
    entries = fill(gang, volume)
    assert gang.launchers[1].termination["cache"]["offered"] == 0
    run(gang, "report", **volume.environment(**VERIFY))
    assert gang.exit_codes == [0, 0], gang.outputs()
    assert hits(gang.launchers[0].out) == (entries, entries)


def test_a_program_that_raises_in_warm_mode_fails_as_ever(
    one: RealGang, volume: CacheVolume
) -> None:
    run(one, "raise", **volume.environment(**FILL))
    assert one.exit_codes == [1]
    told = one.launchers[0].termination
    assert (told["cause"], told["exception"]["type"]) == ("ProgramError", "ValueError")
    assert volume.offered(), "what it had compiled is not lost"


def test_a_restart_in_place_recompiles_nothing(gang: RealGang, volume: CacheVolume) -> None:
    """Also without a CompileCache."""
    policy = {
        "maxRestarts": 1,
        "windowSeconds": 86400,
        "inPlace": True,
        "exemptCauses": [],
        "backoff": {"initialSeconds": 0, "maxSeconds": 1},
        "rules": [],
    }
    gang.environment["JAXRUN_RESTART_POLICY"] = json.dumps(policy)
    start(gang, "report", JAXRUN_CACHE_LOCAL=str(volume.local), DIES_BEFORE_EPOCH="2")
    gang.wait_for_output("process 0, epoch 2: .* hits of")
    cold, warm = hits(gang.launchers[0].out), hits(gang.launchers[0].out, epoch=2)
    assert cold[0] == 0
    assert warm == (cold[1], cold[1])


def test_a_running_job_offers_after_its_first_step(one: RealGang, volume: CacheVolume) -> None:
    start(one, "report", **volume.environment(JAXRUN_CACHE_OFFERS="true"))
    one.wait_for_step(1)
    requests = hits(one.launchers[0].out)[1]
    one.wait_for(lambda: len(volume.offered()) == requests)
    assert one.launchers[0].status()["cache"]["offered"] > 0


def test_without_leave_to_offer_nothing_is_offered(one: RealGang, volume: CacheVolume) -> None:
    run(one, "once", **volume.environment())
    assert one.exit_codes == [0]
    assert volume.offered() == []


def test_without_a_local_directory_nothing_is_set(one: RealGang) -> None:
    """An older operator, or no pod at all."""
    one.start(["sh", "-c", "env | grep -c COMPILATION_CACHE"], JAXRUN_CACHE_LOCAL="/nowhere")
    one.wait()
    assert "0\n" in one.launchers[0].out


class TestAVolumeThatMisbehaves:
    """Programs run, colder, and the record says why."""

    def test_is_missing(self, one: RealGang, volume: CacheVolume) -> None:
        environment = volume.environment(JAXRUN_CACHE_PUBLISHED="/nowhere")
        assert hits(run(one, "once", **environment))[0] == 0
        assert one.exit_codes == [0]
        assert "/nowhere" in counted(one)["problem"]

    def test_is_empty(self, one: RealGang, volume: CacheVolume) -> None:
        assert hits(run(one, "once", **volume.environment()))[0] == 0
        assert counted(one)["problem"] is None

    def test_has_what_is_no_directory(self, one: RealGang, volume: CacheVolume) -> None:
        volume.entries.rmdir()
        volume.entries.write_text("")
        run(one, "once", **volume.environment())
        assert one.exit_codes == [0]
        assert counted(one)["problem"]

    def test_lies(self, one: RealGang, volume: CacheVolume) -> None:
        entries = fill(one, volume)
        wrong = next(volume.blobs.iterdir())
        wrong.write_bytes(wrong.read_bytes()[:-1] + b"!")
        assert hits(run(one, "once", **volume.environment())) == (entries - 1, entries)
        assert one.exit_codes == [0]
        assert counted(one)["refused"] == 1

    @pytest.mark.parametrize("where", ["entries", "blobs"])
    def test_has_a_fifo(self, one: RealGang, volume: CacheVolume, where: str) -> None:
        entries = fill(one, volume)
        victim = next((volume.entries if where == "entries" else volume.blobs).iterdir())
        victim.unlink()
        os.mkfifo(victim)
        found = hits(run(one, "once", **volume.environment()))
        assert one.exit_codes == [0]
        assert found[1] == entries
        assert found[0] == entries - 1

    def test_is_slow(self, one: RealGang, volume: CacheVolume) -> None:
        """And therefore waited for."""
        entries = fill(one, volume)
        one.launcher_command = (sys.executable, "-c", SLOW)
        assert hits(run(one, "once", **volume.environment())) == (entries, entries)

    @pytest.mark.parametrize(
        ("module", "what"), [("local", "read_manifest"), ("checked", "hash_of")]
    )
    def test_hangs(self, one: RealGang, volume: CacheVolume, module: str, what: str) -> None:
        """Its launcher ends all the same, with a thread that waits for the volume."""
        entries = fill(one, volume)
        one.launcher_command = hanging(module, what, "_LINK_SECONDS")
        assert hits(run(one, "report", **volume.environment(**VERIFY))) == (0, entries)
        assert one.exit_codes == [0]
        assert "too slow" in counted(one)["problem"]

    def test_hangs_when_offered_to(self, one: RealGang, volume: CacheVolume) -> None:
        one.launcher_command = hanging("offer", "_copy", "_OFFERS_OF_A_FILL_SECONDS")
        run(one, "report", **volume.environment(**FILL))
        assert one.exit_codes == [0]
        assert "did not answer" in counted(one)["problem"]

    def test_cannot_take_offers(self, one: RealGang, volume: CacheVolume) -> None:
        volume.staging.rmdir()
        volume.staging.write_text("")
        run(one, "report", **volume.environment(**FILL))
        assert one.exit_codes == [0]
        assert "offer" in counted(one)["problem"]


def test_a_local_directory_that_cannot_be_written(one: RealGang, volume: CacheVolume) -> None:
    volume.local.rmdir()
    volume.local.write_text("")
    assert hits(run(one, "once", **volume.environment()))[0] == 0
    assert one.exit_codes == [0]
    assert "cannot be written" in counted(one)["problem"]


def test_a_user_with_a_cache_of_his_own_is_left_alone(one: RealGang, volume: CacheVolume) -> None:
    own = volume.root / "own"
    run(one, "once", **volume.environment(), JAX_COMPILATION_CACHE_DIR=str(own))
    assert one.exit_codes == [0]
    assert own.is_dir()
    assert list(volume.local.iterdir()) == []
    assert str(own) in counted(one)["problem"]


def test_warm_works_outside_of_a_launcher(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX")}
    done = subprocess.run(
        [*PROGRAM, "warm"],
        env={**environment, "JAX_PLATFORMS": "cpu", "JAX_COMPILATION_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "Compiled" in done.stdout
