"""The operator judges as images/runtime/restart-policy.json says, and so as the launchers do."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxop.api.v1alpha1.jaxjob_status import RestartLedger
from jaxop.api.v1alpha1.restart_policy import RestartPolicy
from jaxop.domain.jaxjob.failures.restart_policy import judge, merged

FILE = Path(__file__).parents[4] / "images" / "runtime" / "restart-policy.json"
CASES = json.loads(FILE.read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_shared_cases(case: dict[str, Any]) -> None:
    failure, expected = case["failure"], case["expected"]
    judgement = judge(
        RestartPolicy.model_validate(case["policy"]),
        RestartLedger.model_validate(case["ledger"]),
        failure["cause"],
        failure["exitCode"],
        failure["step"],
        datetime.fromtimestamp(failure["time"], UTC),
    )
    assert (judgement.action, judgement.reason) == (expected["action"], expected["reason"])
    assert judgement.delay_seconds == expected["delaySeconds"]
    assert judgement.ledger == RestartLedger.model_validate(expected["ledger"])


CHARGES = st.lists(st.integers(0, 10**13), max_size=20).map(lambda c: tuple(sorted(set(c))))


@given(CHARGES, CHARGES, st.integers(0, 9), st.integers(0, 9))
def test_merging_knows_no_order_and_no_repetition(
    ours: tuple[int, ...], theirs: tuple[int, ...], restarts: int, more: int
) -> None:
    one = RestartLedger(restarts=restarts, charges=ours)
    other = RestartLedger(restarts=restarts + more, charges=theirs)
    both = merged(one, other)
    assert both == merged(other, one) == merged(both, one) == merged(both, other)
    assert set(both.charges) == {*ours, *theirs}
    assert both.restarts == restarts + more
