"""The operator's constants are those of images/runtime/contract.json."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from jaxop.api.v1alpha1.cause import Cause as ApiCause
from jaxop.api.v1alpha1.jaxjob import PROGRAM_CONTAINER
from jaxop.domain import contract

FILE = Path(__file__).parents[4] / "images" / "runtime" / "contract.json"


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(FILE.read_text())
    return loaded


def test_names_paths_and_ports(data: dict[str, Any]) -> None:
    assert data["version"] == contract.VERSION
    assert data["container"] == contract.CONTAINER == PROGRAM_CONTAINER
    assert data["initContainer"] == contract.INIT_CONTAINER
    assert data["volume"] == contract.VOLUME
    assert data["paths"] == {
        "root": contract.ROOT,
        "launcher": contract.LAUNCHER,
        "terminationLog": contract.TERMINATION_LOG,
        "cachePublished": contract.CACHE_PUBLISHED,
        "cacheStaging": contract.CACHE_STAGING,
        "cacheLocal": contract.CACHE_LOCAL,
        "keeperVolume": contract.KEEPER_VOLUME,
        "keeperPolicy": contract.KEEPER_POLICY,
    }
    assert data["ports"] == {
        "http": contract.HTTP_PORT,
        "gang": contract.GANG_PORT,
        "keeper": contract.KEEPER_PORT,
        "serving": contract.SERVING_PORT,
        "coordinatorBase": contract.COORDINATOR_PORT_BASE,
        "coordinatorCount": contract.COORDINATOR_PORT_COUNT,
        "tpuProcess": contract.TPU_PROCESS_PORT,
        "megascale": contract.MEGASCALE_PORT,
    }


def test_environment(data: dict[str, Any]) -> None:
    ours = {value for name, value in vars(contract).items() if name.startswith("ENV_")}
    assert set(data["environment"]) == ours - {contract.ENV_PREFIX}


def test_causes_and_states(data: dict[str, Any]) -> None:
    assert tuple(data["causes"]) == contract.CAUSES == get_args(ApiCause)
    assert tuple(data["gangStates"]) == contract.GANG_STATES


def test_the_example_report_and_termination_are_readable(data: dict[str, Any]) -> None:
    from jaxop.domain.jaxjob.reading.launcher_reading import read_cause, read_report

    report = read_report(data["status"])
    assert report is not None
    assert (report.attempt, report.num_processes, report.missing) == (0, 2, (1,))
    for field in ("attempt", "numProcesses"):
        for wrong in (True, -1, 2**63, 1.0, "1", None):
            assert read_report({**data["status"], field: wrong}) is None
    cause = read_cause(data["termination"])
    assert cause is not None
    assert (cause.cause, cause.process, cause.exit_code) == ("ProgramError", 1, 3)
    assert cause.exception_type == "ValueError"
