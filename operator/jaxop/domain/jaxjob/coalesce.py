"""Is a changed status worth a write now? Each write costs the API server, and those who watch.

What a person or a machine waits for is written at once; progress at most every few seconds; a
training step, which changes all the time, more rarely still.
"""

from datetime import datetime
from typing import Final

from jaxop.api.v1alpha1.jaxjob import JaxJobStatus, State
from jaxop.domain.jaxjob.snapshot import Snapshot

_AT_ONCE: Final[frozenset[State]] = frozenset(
    {"Pending", "Restarting", "Suspended", "Succeeded", "Failed"}
)


def seconds_to_wait(snapshot: Snapshot, new: JaxJobStatus, now: datetime) -> float:
    """0 means: write now."""
    old = snapshot.jaxjob.status
    if old.state is None or snapshot.written_at is None:
        return 0.0
    if new.state in _AT_ONCE or old.observed_generation != new.observed_generation:
        return 0.0
    if old.replace(step=None) == new.replace(step=None):
        interval = snapshot.step_interval_seconds
    else:
        interval = snapshot.settings.status_interval_seconds
    since = (now - snapshot.written_at).total_seconds()
    return max(0.0, interval - since) if since >= 0 else 0.0
