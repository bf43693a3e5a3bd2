"""Given two statuses of a JaxService, one after the other: what is counted."""

from datetime import UTC, datetime
from typing import Any

import pytest
from jaxop.api.v1alpha1.jaxservice_status import JaxServiceStatus
from jaxop.controllers.jaxservice import metrics
from prometheus_client import REGISTRY

SINCE = "2026-11-21T12:00:00.000000Z"
NOW = datetime(2026, 11, 21, 12, 1, 40, tzinfo=UTC)


def a_status(current: str, rollout: str = "", **told: Any) -> JaxServiceStatus:
    """`rollout` is the revision that one leads to."""
    standing = {"strategy": "RollingUpdate", "revision": rollout, "step": "s", "since": SINCE}
    under_way = {"rollout": {**standing, **told}} if rollout else {}
    return JaxServiceStatus.model_validate({"currentRevision": current, **under_way})


def counted() -> dict[str, float]:
    names = {outcome: ("jaxop_service_rollouts_total", {"outcome": outcome}) for outcome in _ENDS}
    names["seconds"] = ("jaxop_service_rollout_seconds_sum", {"strategy": "RollingUpdate"})
    return {of: REGISTRY.get_sample_value(*name) or 0.0 for of, name in names.items()}


_ENDS = (metrics.COMPLETED, metrics.STOPPED, metrics.REPLACED)


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [
        (a_status("a"), a_status("a", "b"), {}),
        (a_status("a", "b"), a_status("a", "b", mostReady=1), {}),
        (a_status("a", "b"), a_status("b"), {metrics.COMPLETED: 1, "seconds": 100}),
        (a_status("a", "b"), a_status("a", "b", stopped="it crashed"), {metrics.STOPPED: 1}),
        (a_status("a", "b", stopped="it crashed"), a_status("a", "b", stopped="it waits"), {}),
        (a_status("a", "b", stopped="it crashed"), a_status("a", "c"), {}),
        (a_status("a", "b"), a_status("a", "c"), {metrics.REPLACED: 1}),
        (a_status("a", "b"), a_status("a"), {metrics.REPLACED: 1}),
    ],
    ids=["begins", "goes on", "completes", "stops", "stopped", "corrected", "replaced", "undone"],
)
def test_ends_of_rollouts(
    old: JaxServiceStatus, new: JaxServiceStatus, more: dict[str, float]
) -> None:
    before = counted()
    metrics.count(old, new, NOW)
    after = counted()
    assert {of: n - before[of] for of, n in after.items() if n != before[of]} == more
