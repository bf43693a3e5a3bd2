"""Is a changed status worth a write now? Each write costs the API server, and those who watch.

What a person or a machine waits for is written at once; progress at most every few seconds; a
training step, which changes all the time, more rarely still.
"""

from datetime import datetime
from typing import Final

from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus, State
from jaxop.domain.jaxjob.snapshot import Snapshot

_AT_ONCE: Final[frozenset[State]] = frozenset(
    {"Pending", "Running", "Restarting", "Suspended", "Succeeded", "Failed"}
)

STEPLESS: Final = 6
"""Of a job that tells no steps, only the goodput changes, and what it has compiled: written so many
times more rarely."""


def seconds_to_wait(snapshot: Snapshot, new: JaxJobStatus, now: datetime) -> float:
    """0 means: write now."""
    old = snapshot.jaxjob.status
    if old.state is None or snapshot.written_at is None:
        return 0.0
    if old.observed_generation != new.observed_generation:
        return 0.0
    if new.state in _AT_ONCE and _words(old) != _words(new):
        return 0.0
    if _restarts(old) != _restarts(new) or _cache_problem(old) != _cache_problem(new):
        return 0.0
    turns = new.state in ("Checkpointing", "Queued")
    if turns and (old.state, old.reason) != (new.state, new.reason):
        return 0.0
    since, interval = snapshot.written_at, snapshot.settings.status_interval_seconds
    before, after = _without_progress(old), _without_progress(new)
    if before == after:
        same_step = (old.step, old.checkpoint_step) == (new.step, new.checkpoint_step)
        interval = snapshot.step_interval_seconds * (STEPLESS if same_step else 1)
    elif before.replace(hosts=None) == after.replace(hosts=None):
        since = max(since, _first_untold(snapshot, old) or since)
    passed = (now - since).total_seconds()
    return max(0.0, interval - passed) if passed >= 0 else 0.0


def _first_untold(snapshot: Snapshot, old: JaxJobStatus) -> datetime | None:
    """When the first pod became ready that the status does not count yet. From then on it may wait
    for the others, and for what the gang says when all are there."""
    told = old.hosts.ready if old.hosts is not None else 0
    times = sorted(pod.ready_at for pod in snapshot.current_pods if pod.ready_at is not None)
    return times[told] if told < len(times) else None


def _without_progress(status: JaxJobStatus) -> JaxJobStatus:
    """Without what changes with every report of a gang that just runs."""
    return status.replace(
        step=None, checkpoint_step=None, goodput=None, goodput_base=None, compilation=None
    )


def _words(status: JaxJobStatus) -> tuple[str | None, ...]:
    """While pods start again, the sentence follows each of their steps."""
    follows = status.state == "Restarting"
    return status.state, status.reason, None if follows else status.message


def _cache_problem(status: JaxJobStatus) -> str | None:
    """Once the pods are made, nobody else knows why they are without it."""
    return status.compilation.problem if status.compilation is not None else None


def _restarts(status: JaxJobStatus) -> tuple[object, ...]:
    return status.restarts, status.attempt, status.failure, status.lost_pods
