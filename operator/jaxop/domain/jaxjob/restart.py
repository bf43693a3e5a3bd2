"""After a failure: another attempt, or the end.

The status is written first, with the next attempt's number; the next pass then sees the failed
attempt's children as stale, and none of the next attempt's. A crash in between loses nothing.
"""

from datetime import datetime

from jaxop.api.v1alpha1.jaxjob import Failure, JaxJobStatus
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.status import compose, none_ready
from jaxop.domain.jaxjob.views import Cause


def after_failure(snapshot: Snapshot, cause: Cause, now: datetime) -> JaxJobStatus:
    old = snapshot.jaxjob.status
    allowed = snapshot.jaxjob.spec.restart_policy.max_restarts
    failure = _failure(cause, now)
    if old.restarts >= allowed:
        used = f"all {allowed} restarts are used" if allowed else "restartPolicy.maxRestarts is 0"
        return compose(
            snapshot,
            "Failed",
            cause.cause,
            f"{failure.message} ({used})",
            now,
            failure=failure,
            hosts=none_ready(old),
            completion_time=now,
        )
    restarts = old.restarts + 1
    return compose(
        snapshot,
        "Restarting",
        cause.cause,
        f"restart {restarts} of at most {allowed}: {failure.message}",
        now,
        failure=failure,
        hosts=none_ready(old),
        restarts=restarts,
        attempt=old.attempt + 1,
        startup=None,
    )


def _failure(cause: Cause, now: datetime) -> Failure:
    return Failure.model_validate(
        {
            "cause": cause.cause,
            "process": cause.process,
            "host": cause.host,
            "exit_code": cause.exit_code,
            "signal": cause.signal,
            "exception": cause.exception_type,
            "message": cause.message or cause.cause,
            "time": cause.time or now,
        }
    )
