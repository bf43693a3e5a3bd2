"""What a replica's launcher answers: the contract's example is read whole, nonsense is absent."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jaxop.domain.service.replica_reading import read_replica_report, read_serving
from jaxop.domain.service.views import ServingReport

CONTRACT = Path(__file__).parents[4] / "images" / "runtime" / "contract.json"

SERVING: dict[str, Any] = {
    "model": "minilm",
    "version": "1",
    "state": "Unready",
    "reason": "three batches in a row did not fit",
    "bucketsReady": 7,
    "bucketsTotal": 12,
    "secondsLeft": 3.5,
    "loadSeconds": 20.25,
    "readyAt": 1_790_000_000.0,
    "requestsPerSecond": 12.5,
    "latency": {"p50Seconds": 0.01, "p95Seconds": 0.02, "p99Seconds": 0.05},
    "queued": 3,
    "queuedSeconds": 0.1,
    "inFlight": 2,
    "requests": 100,
    "refused": 4,
    "failed": 1,
    "utilization": 0.75,
    "padding": 0.125,
    "compilesAfterReady": 1,
    "parametersBytes": 90_000_000,
}


def an_answer(**changed: Any) -> dict[str, Any]:
    return {"version": 1, "attempt": 0, "numProcesses": 1, "state": "Running", **changed}


def test_all_of_it_is_read() -> None:
    report = read_replica_report(an_answer(serving=SERVING))
    assert report is not None
    assert report.gang.state == "Running"
    assert report.serving == ServingReport(
        model="minilm",
        version="1",
        state="Unready",
        reason="three batches in a row did not fit",
        buckets_ready=7,
        buckets_total=12,
        seconds_left=3.5,
        load_seconds=20.25,
        ready_at=datetime.fromtimestamp(1_790_000_000, UTC),
        requests_per_second=12.5,
        p50_seconds=0.01,
        p95_seconds=0.02,
        p99_seconds=0.05,
        queued=3,
        queued_seconds=0.1,
        in_flight=2,
        requests=100,
        refused=4,
        failed=1,
        utilization=0.75,
        padding=0.125,
        compiles_after_ready=1,
        parameters_bytes=90_000_000,
    )


def test_the_contract_has_just_these_fields() -> None:
    said = json.loads(CONTRACT.read_text())["status"].get("serving")
    if said is None:
        pytest.fail("contract.json has no status.serving")
    assert set(said) == set(SERVING)
    assert set(said["latency"]) == set(SERVING["latency"])


def test_before_the_server_has_said_anything() -> None:
    for absent in ({}, {"serving": None}):
        report = read_replica_report(an_answer(**absent))
        assert report is not None
        assert report.serving is None


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"state": "Splendid"}, {"state": []}])
def test_what_is_no_serving_report(raw: Any) -> None:
    assert read_serving(raw) is None


def test_nonsense_is_absent() -> None:
    found = read_serving(
        {
            "state": "Ready",
            "model": 7,
            "reason": {},
            "bucketsReady": 12,
            "bucketsTotal": 4,
            "secondsLeft": float("nan"),
            "latency": [1],
            "queued": -1,
            "requests": True,
            "utilization": "much",
            "readyAt": 1e300,
        }
    )
    assert found == ServingReport("", "", "Ready", buckets_ready=4, buckets_total=4)


def test_a_gang_that_is_not_understood_is_no_report() -> None:
    assert read_replica_report({"version": 2, "serving": SERVING}) is None
