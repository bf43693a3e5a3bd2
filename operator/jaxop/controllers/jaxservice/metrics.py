"""What the JaxService controller counts, in docs/metrics.md; no series is of one service.

All of it comes from statuses as they change, so nothing counts twice when an operator restarts.
"""

from datetime import datetime
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from jaxop.api.v1alpha1.jaxservice_status import JaxServiceStatus

COMPLETED: Final = "Completed"
STOPPED: Final = "Stopped"
REPLACED: Final = "Replaced"

ROLLOUTS = Counter(
    "jaxop_service_rollouts_total",
    "Rollouts of revisions that ended: Completed, Stopped, Replaced by a newer one before.",
    ("outcome",),
)
ROLLOUT_SECONDS = Histogram(
    "jaxop_service_rollout_seconds",
    "From a new revision until all replicas were of it and ready, by strategy.",
    ("strategy",),
    buckets=(1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200),
)
REPORTS = Counter(
    "jaxop_service_reports_total",
    "Reports asked of replicas, by outcome: heard, unreachable, unreadable.",
    ("outcome",),
)
FOLLOWED = Gauge("jaxop_service_replicas_followed", "Replicas that are asked for reports.")


def count(old: JaxServiceStatus, new: JaxServiceStatus, now: datetime) -> None:
    """A change of status that this process saw at `now`."""
    before, after = old.rollout, new.rollout
    if after is not None and after.stopped and not (before is not None and before.stopped):
        ROLLOUTS.labels(STOPPED).inc()
    if before is None or (after is not None and after.revision == before.revision):
        return
    if new.current_revision == before.revision:
        ROLLOUTS.labels(COMPLETED).inc()
        seconds = (now - before.since).total_seconds()
        ROLLOUT_SECONDS.labels(before.strategy).observe(max(0.0, seconds))
    elif not before.stopped:
        ROLLOUTS.labels(REPLACED).inc()
