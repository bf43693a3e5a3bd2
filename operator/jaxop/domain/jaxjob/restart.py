"""After a failure: another attempt, or the end.

The status is written first, with the next attempt's number; the next pass then sees the failed
attempt's children as stale, and none of the next attempt's. A crash in between loses nothing.
"""

from datetime import datetime
from typing import Any

from jaxop.api.v1alpha1.jaxjob_status import Failure, JaxJobStatus
from jaxop.domain.jaxjob.last_step import last_step
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.status import compose, none_ready
from jaxop.domain.jaxjob.views import Cause


def after_failure(snapshot: Snapshot, cause: Cause, now: datetime) -> JaxJobStatus:
    old = snapshot.jaxjob.status
    allowed = snapshot.jaxjob.spec.restart_policy.max_restarts
    failure = _failure(cause, now)
    step = last_step(snapshot)
    changes: dict[str, Any] = {
        "failure": failure,
        "hosts": none_ready(old),
        "step": old.step if step is None else step,
    }
    if old.restarts >= allowed:
        used = f"all {allowed} restarts are used" if allowed else "restartPolicy.maxRestarts is 0"
        return compose(
            snapshot,
            "Failed",
            cause.cause,
            f"{failure.message} ({used})",
            now,
            completion_time=now,
            **changes,
        )
    restarts = old.restarts + 1
    return compose(
        snapshot,
        "Restarting",
        cause.cause,
        f"restart {restarts} of at most {allowed}: {failure.message}",
        now,
        restarts=restarts,
        attempt=old.attempt + 1,
        startup=None,
        **changes,
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
