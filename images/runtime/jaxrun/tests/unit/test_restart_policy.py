"""The launcher judges as images/runtime/restart-policy.json says, and so as the operator does."""

import json
from pathlib import Path
from typing import Any

import pytest

from jaxrun.contract import Cause
from jaxrun.restart_policy import judge, ledger_json, read_ledger, read_policy

FILE = Path(__file__).parents[3] / "restart-policy.json"
CASES = json.loads(FILE.read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_shared_cases(case: dict[str, Any]) -> None:
    failure, expected = case["failure"], case["expected"]
    judgement = judge(
        read_policy(case["policy"]),
        read_ledger(case["ledger"]),
        Cause(failure["cause"]),
        failure["exitCode"],
        failure["step"],
        failure["time"],
    )
    assert (judgement.action, judgement.reason) == (expected["action"], expected["reason"])
    assert judgement.delay_seconds == expected["delaySeconds"]
    assert ledger_json(judgement.ledger) == expected["ledger"]
