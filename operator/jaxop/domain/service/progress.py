"""Does a rollout get on? Where it does not, it stops, and says why.

The clock of progressDeadlineSeconds starts when the revision's first replica is asked for, so
warming it costs nothing of it, and anew with each further replica that is ready. A server that
loads is not killed for being slow; it is only not waited for any longer.

    it stops        after the deadline; at once where the revision's only replicas have crashed so
                    often that waiting changes nothing; where its Warmup failed and it must not
                    start cold
    it goes on      with another revision; with another progressDeadlineSeconds; when one more
                    replica is ready than ever before, for late is not broken
"""

from datetime import datetime, timedelta

from jaxop.api.v1alpha1.jaxservice import Rollout
from jaxop.api.v1alpha1.jaxservice_status import RolloutStanding
from jaxop.domain.service import reasons
from jaxop.domain.service.cause import NotReady
from jaxop.domain.service.hold import Held
from jaxop.domain.service.rollout import Count


def begun(
    old: RolloutStanding | None, rollout: Rollout, revision: str, now: datetime
) -> RolloutStanding:
    """The rollout to this revision, as it was told last, or new."""
    deadline = rollout.progress_deadline_seconds
    if old is not None and old.revision == revision:
        if old.deadline_seconds == deadline:
            return old.replace(strategy=rollout.strategy)
        again = now if old.stopped is not None else old.progress_since
        return old.replace(
            strategy=rollout.strategy,
            deadline_seconds=deadline,
            progress_since=again,
            stopped=None,
            stopped_reason=None,
        )
    return RolloutStanding(
        strategy=rollout.strategy, revision=revision, step="", since=now, deadline_seconds=deadline
    )


def held(standing: RolloutStanding, why: Held) -> RolloutStanding:
    """Its first replica has to wait."""
    if why.failed:
        return standing.replace(progress_since=None, stopped=why.message, stopped_reason=why.reason)
    return standing.replace(progress_since=None, stopped=None, stopped_reason=None)


def looked_at(
    standing: RolloutStanding,
    updated: Count,
    wanted: int,
    why: NotReady | None,
    now: datetime,
) -> RolloutStanding:
    """`updated`: the revision's replicas; `why` they are not all ready."""
    if standing.stopped_reason == reasons.WARMUP_FAILED:
        standing = standing.replace(stopped=None, stopped_reason=None)
    if updated.ready > standing.most_ready:
        return standing.replace(
            most_ready=updated.ready, progress_since=now, stopped=None, stopped_reason=None
        )
    if updated.desired == 0 and standing.stopped is None:
        return standing.replace(progress_since=None)
    if standing.progress_since is None:
        standing = standing.replace(progress_since=now)
    if standing.stopped is not None or updated.ready >= wanted:
        return standing
    if why is not None and why.final and updated.ready == 0:
        return _stopped(standing, why.reason, f"revision {updated.revision} fails: {why.message}")
    left = seconds_left(standing, now)
    if left is None or left > 0:
        return standing
    known = why is not None and why.problem
    message = (
        f"revision {updated.revision} made no progress for {standing.deadline_seconds} s, "
        f"{updated.ready} of {wanted} replicas are ready"
    )
    return _stopped(
        standing,
        why.reason if why is not None and known else reasons.PROGRESS_DEADLINE,
        f"{message}: {why.message}" if why is not None else message,
    )


def seconds_left(standing: RolloutStanding, now: datetime) -> float | None:
    """Until it has to have got on; None where the clock stands."""
    if standing.progress_since is None or standing.stopped is not None:
        return None
    deadline = standing.progress_since + timedelta(seconds=standing.deadline_seconds)
    return (deadline - now).total_seconds()


def _stopped(standing: RolloutStanding, reason: str, message: str) -> RolloutStanding:
    return standing.replace(stopped=message, stopped_reason=reason)
