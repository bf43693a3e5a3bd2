"""What a model server says of itself is checked before it is passed on."""

import json
from pathlib import Path
from typing import Any

import pytest

from jaxrun.serving import observe_serving, serving_json

SAID: dict[str, Any] = json.loads((Path(__file__).parents[3] / "contract.json").read_text())[
    "status"
]["serving"]


def test_what_the_contract_has_passes_unchanged() -> None:
    serving = observe_serving({"serving": SAID})
    assert serving is not None
    assert serving_json(serving) == SAID


@pytest.mark.parametrize("said", [None, 3, {}, {"state": "Perfect"}, {"state": ["Ready"]}])
def test_nonsense_is_no_word_of_a_server(said: Any) -> None:
    assert observe_serving({"serving": said}) is None


def test_senseless_parts_are_dropped_one_by_one() -> None:
    said = {
        **SAID,
        "model": "m" * 10_000,
        "reason": 7,
        "queued": -1,
        "requests": float("nan"),
        "bucketsReady": True,
        "latency": {"p50Seconds": float("inf"), "p95Seconds": 0.25, "p42Seconds": 1},
        "more": "x",
    }
    serving = observe_serving({"serving": said})
    assert serving is not None
    told = serving_json(serving)
    assert len(told["model"]) == 128
    assert (told["reason"], told["queued"], told["requests"], told["bucketsReady"]) == (
        None,
        0,
        0,
        0,
    )
    assert told["latency"] == {"p50Seconds": None, "p95Seconds": 0.25, "p99Seconds": None}
    assert list(told) == list(SAID)
