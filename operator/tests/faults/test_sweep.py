"""However a schedule is disturbed, it ends as if it had not been."""

import os
import time

import pytest
from stories import SCENARIOS
from sweep import sweep

ONLY = os.environ.get("JAXOP_FAULTS_SCHEDULE", "")
"""One schedule to play again, such as life/crash@7."""
WHOLE = bool(os.environ.get("JAXOP_FAULTS_WHOLE"))
"""Every fault at every write and event: many times as long."""


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_every_schedule_converges(kubeconfig: str, scenario: str, say: list[str]) -> None:
    name, _, disturbance = ONLY.partition("/")
    if ONLY and name != scenario:
        pytest.skip(f"only {ONLY}")
    began = time.monotonic()
    report = sweep(kubeconfig, scenario, whole=WHOLE, only=[disturbance] if disturbance else [])
    say.append(f"{report}\n  in {time.monotonic() - began:.0f} s")
    assert not report.failed, f"{len(report.failed)} of {report.run.total()} schedules: see below"
