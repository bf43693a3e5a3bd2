"""The constants equal images/runtime/contract.json, and what is produced has its shape."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from builders import APlayedGang, raised

from jaxrun import cause, contract
from jaxrun.cache_env import cache_environment
from jaxrun.compiled import Compiled, FunctionCompiled
from jaxrun.gang.protocol import GangView
from jaxrun.program_env import Place, program_environment
from jaxrun.program_progress import Progress
from jaxrun.serving import observe_serving
from jaxrun.settings import read_settings
from jaxrun.status import Status, gang_times
from jaxrun.termination import ProgramStart, termination_bytes, termination_record

DATA: dict[str, Any] = json.loads((Path(__file__).parents[3] / "contract.json").read_text())


def documented(name: str) -> dict[str, Any]:
    return {key: value for key, value in DATA[name].items() if not key.startswith("$")}


def test_constants() -> None:
    assert DATA["version"] == contract.VERSION
    assert DATA["paths"] == {
        "root": contract.ROOT,
        "launcher": contract.LAUNCHER,
        "terminationLog": contract.TERMINATION_LOG,
        "cachePublished": contract.CACHE_PUBLISHED,
        "cacheStaging": contract.CACHE_STAGING,
        "cacheLocal": contract.CACHE_LOCAL,
        "keeperVolume": contract.KEEPER_VOLUME,
        "keeperPolicy": contract.KEEPER_POLICY,
    }
    assert DATA["ports"]["http"] == contract.HTTP_PORT
    assert DATA["ports"]["gang"] == contract.GANG_PORT
    assert DATA["ports"]["keeper"] == contract.KEEPER_PORT
    assert DATA["ports"]["coordinatorBase"] == contract.COORDINATOR_PORT_BASE
    assert DATA["ports"]["coordinatorCount"] == contract.COORDINATOR_PORT_COUNT
    assert DATA["ports"]["serving"] == contract.SERVING_PORT
    assert list(DATA["environment"]) == list(contract.ENVIRONMENT)
    assert list(DATA["environmentForProgram"]) == list(contract.ENVIRONMENT_FOR_PROGRAM)
    assert DATA["causes"] == [cause.value for cause in contract.Cause]
    assert DATA["gangStates"] == [state.value for state in contract.GangState]


def test_the_program_gets_what_is_documented() -> None:
    environ = {
        "JAXRUN_NUM_PROCESSES": "2",
        "JAXRUN_GANG_ADDRESS": "d-0.d-gang.ml.svc",
        "JAXRUN_TOKEN": "t",
        "JAXRUN_PLATFORM": "cuda",
        "JAXRUN_LOCAL_DEVICES": "2",
    }
    cache = cache_environment(Path("/jaxop-cache/local"), environ).variables
    env = program_environment(
        read_settings(environ), Place(1, 0, "10.1.2.3", 9440), environ, None, None, cache
    )
    assert set(contract.ENVIRONMENT_FOR_PROGRAM) <= set(env)


def test_status_has_the_documented_shape() -> None:
    gang = APlayedGang(2).joined().spawned()
    settings = read_settings({"JAXRUN_NUM_PROCESSES": "1"})
    verdict = cause.verdict_of(raised("ValueError", "bad batch"), 1)
    for said, ended in ((None, None), (3, verdict)):
        status = Status(
            settings,
            GangView(contract.GangState.FAILED, 2, ()),
            1,
            Progress(
                1,
                metrics={"loss": float("nan")},
                compiled=Compiled(functions=(FunctionCompiled("train_step", 1, 2.5),)),
            ),
            said,
            None,
            gang_times(gang.gang, 1.0, gang.now),
            ended,
            serving=observe_serving({"serving": DATA["status"]["serving"]}),
        ).as_json()
        expected = documented("status")
        assert list(status) == list(expected)
        assert set(status["times"]) == set(expected["times"])
        assert list(status["compile"]) == list(expected["compile"])
        assert set(status["compile"]["functions"][0]) == set(expected["compile"]["functions"][0])
        assert status["compile"]["afterFirstStep"] == expected["compile"]["afterFirstStep"]
        assert status["cache"] == expected["cache"]
        assert status["firstStepSeconds"] is None
        assert status["serving"] == expected["serving"]
        assert list(status["serving"]) == list(expected["serving"])
        assert status["metrics"] == {"loss": None}
        json.dumps(status, allow_nan=False)
    assert status["cause"] == termination_record(verdict)


def test_termination_has_the_documented_shape() -> None:
    verdict = cause.verdict_of(raised("ValueError", "bad batch"), 1)
    record = json.loads(termination_bytes(verdict))
    assert list(record) == list(documented("termination"))
    assert set(record["exception"]) == set(DATA["termination"]["exception"])


def test_termination_fits_whatever_was_raised() -> None:
    for message in ("x" * 100_000, "ü" * 50_000, '"\\\n' * 20_000):
        verdict = cause.verdict_of(raised("E" * 3000, message), 1)
        verdict = dataclasses.replace(verdict, host="h" * 200, message=message)
        names = [message[:128]] * 4
        cache = {**DATA["status"]["cache"], "problem": message[:300], "neverKeptFunctions": names}
        times = dict.fromkeys(DATA["status"]["times"], 1_700_000_000.123456)
        data = termination_bytes(verdict, ProgramStart(cache, 12.5, 14.25, times))
        assert len(data) <= contract.TERMINATION_LIMIT_BYTES
        assert json.loads(data)["cause"] == "ProgramError"
        assert json.loads(data)["cache"]["hits"] == cache["hits"]
        assert json.loads(data)["times"] == times
