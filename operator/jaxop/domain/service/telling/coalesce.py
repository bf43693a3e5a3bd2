"""Is a changed status worth a write now? Words and replicas at once, numbers every few seconds."""

from datetime import datetime
from typing import Final

from jaxop.api.v1alpha1.jaxservice_status import JaxServiceStatus
from jaxop.domain.service.snapshot import Snapshot

TRAFFIC_SECONDS: Final = 10.0
"""Latency and the like, which always move, are written at most this often."""


def seconds_to_wait(snapshot: Snapshot, new: JaxServiceStatus, now: datetime) -> float:
    """0 means: write now."""
    old, written = snapshot.service.status, snapshot.written_at
    if written is None or _without_numbers(old) != _without_numbers(new):
        return 0.0
    loads = old.buckets != new.buckets
    interval = snapshot.settings.status_interval_seconds if loads else TRAFFIC_SECONDS
    passed = (now - written).total_seconds()
    return max(0.0, interval - passed) if passed >= 0 else 0.0


def _without_numbers(status: JaxServiceStatus) -> JaxServiceStatus:
    return status.replace(
        latency=None,
        requests_per_second=None,
        buckets=None,
        cache_hit=None,
        compiles_after_ready=None,
    )
