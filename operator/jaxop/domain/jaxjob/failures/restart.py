"""After a failure: another attempt, new pods for the lost ones, or the end.

The status is written first. With the next attempt's number in it, the next pass sees the failed
attempt's children as stale, and none of the next attempt's; with the lost pods' marks in it, the
next pass makes their successors. A crash in between loses nothing, and nothing is counted twice.

    what has failed       the verdict         status
    a gang                Restart(InPlace)    the next attempt, its restart counted
                          Fail                Failed
    pods, others live     RestartInPlace      their marks; the gang counts its next epoch
                          Restart             the next attempt, its restart counted
                          Fail                Failed
    pods, nobody lives    as a gang
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from jaxop.api.v1alpha1.jaxjob_status import (
    MAX_LOST_PODS,
    Failure,
    JaxJobStatus,
    RestartLedger,
    SameFailure,
)
from jaxop.api.v1alpha1.restart_policy import RestartPolicy
from jaxop.domain.jaxjob.failures import ledger
from jaxop.domain.jaxjob.failures.lost_pods import mark
from jaxop.domain.jaxjob.failures.restart_policy import (
    SAME_FAILURES,
    Judgement,
    backoff_seconds,
    judge,
    matching_rule,
)
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.telling.last_step import (
    last_checkpoint,
    last_step,
    lost_steps,
    progress,
)
from jaxop.domain.jaxjob.telling.status import compose, none_ready
from jaxop.domain.jaxjob.views import Cause, PodView


def after_failure(snapshot: Snapshot, cause: Cause, now: datetime) -> JaxJobStatus:
    """The gang has ended, or nobody of it is left."""
    failure, verdict = _judged(snapshot, cause, now)
    if verdict.action == "Fail":
        return _failed(snapshot, failure, verdict, now)
    return _next_attempt(snapshot, failure, verdict.ledger, failure.message, now)


def after_lost_pods(
    snapshot: Snapshot, lost: Sequence[PodView], cause: Cause, now: datetime
) -> JaxJobStatus:
    """Others of the gang live, and wait. `cause` is the first real one of the `lost` pods."""
    failure, verdict = _judged(snapshot, cause, now)
    if verdict.action == "Fail":
        return _failed(snapshot, failure, verdict, now)
    marks = (*_marks_of_the_living(snapshot), *map(mark, lost))
    if verdict.action == "Restart" or len(marks) > MAX_LOST_PODS:
        return _next_attempt(snapshot, failure, verdict.ledger, failure.message, now)
    old = snapshot.jaxjob.status
    counted = verdict.ledger.replace(restarts=old.restarts)
    until = _until(snapshot.jaxjob.spec.restart_policy, counted.last, failure, now)
    more = f" (and {len(lost) - 1} more pods were lost)" if len(lost) > 1 else ""
    pods = "new pods take their places" if len(lost) > 1 else "a new pod takes its place"
    return compose(
        snapshot,
        "Restarting",
        failure.cause,
        f"{failure.message}{more}; {pods}{until}",
        now,
        failure=failure,
        restart_ledger=counted,
        lost_pods=marks,
        **progress(snapshot),
    )


def recreated(snapshot: Snapshot, why: str, now: datetime) -> JaxJobStatus:
    """All pods anew, for a loss that has been judged before."""
    old, before = snapshot.jaxjob.status, ledger.known(snapshot)
    after = before.replace(restarts=before.restarts + 1)
    return _next_attempt(snapshot, old.failure, after, why, now)


def retry_at(status: JaxJobStatus, policy: RestartPolicy) -> datetime | None:
    """Not before this time may what follows the last failure start; None: at once."""
    last = status.restart_ledger.last if status.restart_ledger is not None else None
    return _retry_at(policy, last, status.failure)


def failure_of(snapshot: Snapshot, cause: Cause, now: datetime) -> Failure:
    step, saved = _step(snapshot, cause), _checkpoint(snapshot, cause)
    return Failure.model_validate(
        {
            "cause": cause.cause,
            "process": cause.process,
            "host": cause.host,
            "exit_code": cause.exit_code,
            "signal": cause.signal,
            "exception": cause.exception_type,
            "step": step,
            "lost_steps": lost_steps(step, saved),
            "message": cause.message or cause.cause,
            "time": min(cause.time or now, now),
        }
    )


def _judged(snapshot: Snapshot, cause: Cause, now: datetime) -> tuple[Failure, Judgement]:
    failure = failure_of(snapshot, cause, now)
    policy = snapshot.jaxjob.spec.restart_policy
    at = min(cause.time or now, now)
    before = ledger.known(snapshot)
    return failure, judge(policy, before, failure.cause, failure.exit_code, failure.step, at)


def _next_attempt(
    snapshot: Snapshot,
    failure: Failure | None,
    after: RestartLedger,
    why: str,
    now: datetime,
) -> JaxJobStatus:
    old = snapshot.jaxjob.status
    attempt = old.attempt + 1
    until = _until(snapshot.jaxjob.spec.restart_policy, after.last, failure, now)
    return compose(
        snapshot,
        "Restarting",
        failure.cause if failure is not None else "PeerLost",
        f"restart {after.restarts} with new pods, attempt {attempt}: {why}{until}",
        now,
        failure=failure,
        restarts=after.restarts,
        restart_ledger=after,
        attempt=attempt,
        epoch=None,
        lost_pods=(),
        startup=None,
        hosts=none_ready(old),
        **progress(snapshot),
    )


def _failed(
    snapshot: Snapshot, failure: Failure, verdict: Judgement, now: datetime
) -> JaxJobStatus:
    why = _why_not_again(snapshot.jaxjob.spec.restart_policy, failure, verdict)
    return compose(
        snapshot,
        "Failed",
        failure.cause,
        f"{failure.message} ({why})",
        now,
        failure=failure,
        restarts=verdict.ledger.restarts,
        restart_ledger=verdict.ledger,
        completion_time=now,
        hosts=none_ready(snapshot.jaxjob.status),
        **progress(snapshot),
    )


def _why_not_again(policy: RestartPolicy, failure: Failure, verdict: Judgement) -> str:
    match verdict.reason:
        case "RuleSaysFail":
            index = matching_rule(policy.rules, failure.cause, failure.exit_code)
            return f"spec.restartPolicy.rules[{index}] says Fail"
        case "SameFailure":
            step = f"at step {failure.step}" if failure.step is not None else "before any step"
            return (
                f"failure {SAME_FAILURES} in a row {step} with {failure.cause}: another restart "
                "would not help"
            )
    if policy.max_restarts == 0:
        return "spec.restartPolicy.maxRestarts is 0"
    return f"all {policy.max_restarts} restarts of the last {policy.window_seconds} s are used"


def _until(
    policy: RestartPolicy, last: SameFailure | None, failure: Failure | None, now: datetime
) -> str:
    at = _retry_at(policy, last, failure)
    if at is None or at <= now:
        return ""
    repeats = last.repeats if last is not None else 0
    return f"; not before {at.astimezone(UTC):%H:%M:%S} UTC, after failing {repeats} times alike"


def _retry_at(
    policy: RestartPolicy, last: SameFailure | None, failure: Failure | None
) -> datetime | None:
    if last is None or failure is None or failure.time is None:
        return None
    delay = backoff_seconds(policy.backoff, last.repeats)
    return failure.time + timedelta(seconds=delay) if delay else None


def _marks_of_the_living(snapshot: Snapshot) -> tuple[str, ...]:
    """Of pods that still exist: the others cannot be lost again."""
    there = {mark(pod) for pod in snapshot.current_pods}
    return tuple(m for m in snapshot.jaxjob.status.lost_pods if m in there)


def _step(snapshot: Snapshot, cause: Cause) -> int | None:
    if cause.step is not None or cause.by_launcher:
        return cause.step
    step = last_step(snapshot)
    return snapshot.jaxjob.status.step if step is None else step


def _checkpoint(snapshot: Snapshot, cause: Cause) -> int | None:
    if cause.checkpoint_step is not None:
        return cause.checkpoint_step
    saved = last_checkpoint(snapshot)
    return snapshot.jaxjob.status.checkpoint_step if saved is None else saved
