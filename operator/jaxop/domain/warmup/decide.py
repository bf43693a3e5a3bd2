"""The order of the questions. What follows from a run that has ended is in `results`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from jaxop.api.plan import Plan
from jaxop.api.v1alpha1 import JaxJob
from jaxop.api.v1alpha1.warmup import WARMUP_FINISHED, WarmupState
from jaxop.domain.ages import seconds_left
from jaxop.domain.jaxjob.pods.compile_cache import unusable
from jaxop.domain.problem import sentence
from jaxop.domain.warmup import finished, reasons, results, turns
from jaxop.domain.warmup.runs import Examined, Run, examined, jaxjob, name_of, reference
from jaxop.domain.warmup.snapshot import Rival, Snapshot
from jaxop.domain.warmup.telling import say

NEW_WARMUP: Final = timedelta(seconds=3)
"""For the CompileCache to be heard of: both may have been applied together."""


def decide(snapshot: Snapshot, now: datetime) -> Plan:
    """Pure; `now` is UTC. Deciding again after the plan was carried out changes nothing."""
    warmup = snapshot.warmup
    if warmup.metadata.deletion_timestamp is not None:
        return Plan()
    status = warmup.status
    if status.state in WARMUP_FINISHED:
        return finished.rest(snapshot, now)
    digest = status.cache_namespace
    if status.state in turns.UNDER_WAY and digest is not None:
        return _go_on(snapshot, digest, now)
    found = examined(snapshot)
    if not isinstance(found, Examined):
        return say(
            snapshot,
            "Pending",
            reasons.INVALID_SPEC,
            sentence(found),
            now,
            stalled=True,
            cache_namespace=None,
        )
    return _hindered(snapshot, found.digest, now) or _take_turn(snapshot, found.digest, now)


def refused(snapshot: Snapshot, refusals: Sequence[tuple[str, str]], now: datetime) -> Plan:
    """What to write instead of the decided status when its JaxJob was refused: `(reason, sentence)`
    of each."""
    reason, message = refusals[0]
    state = snapshot.warmup.status.state or "Pending"
    return say(snapshot, state, reason, message, now, stalled=True)


def _hindered(snapshot: Snapshot, digest: str, now: datetime) -> Plan | None:
    cache = snapshot.compile_cache
    why = unusable(snapshot.warmup.spec.compile_cache, cache)
    if why is None:
        return None
    left = seconds_left(snapshot.warmup.metadata, NEW_WARMUP, now)
    if cache is None and left > 0:
        return Plan(requeue_after=left)
    reason = reasons.CACHE_NOT_FOUND if cache is None else reasons.CACHE_NOT_USABLE
    return say(snapshot, "Pending", reason, why, now, cache_namespace=digest)


def _take_turn(snapshot: Snapshot, digest: str, now: datetime) -> Plan:
    first = turns.whose_turn(snapshot, digest)
    if first is not None:
        return _wait_for(snapshot, first, digest, now)
    message = f"JaxJob {name_of(snapshot.warmup, 'Fill')} is being made"
    again = Plan(requeue_after=0.0)
    return say(snapshot, "Compiling", reasons.STARTING, message, now, again, cache_namespace=digest)


def _wait_for(snapshot: Snapshot, first: Rival, digest: str, now: datetime) -> Plan:
    message = f"waits for Warmup {first.name}, which fills the same cache namespace {digest}"
    return say(snapshot, "Waiting", reasons.ANOTHER_FILLS, message, now, cache_namespace=digest)


def _go_on(snapshot: Snapshot, digest: str, now: datetime) -> Plan:
    """It has its turn."""
    warmup = snapshot.warmup
    fill = snapshot.runs.get(name_of(warmup, "Fill"))
    match warmup.status.state:
        case "Publishing":
            return results.publishing(snapshot, fill, digest, now)
        case "Verifying":
            verify = snapshot.runs.get(name_of(warmup, "Verify"))
            if verify is None:
                return _make(snapshot, "Verify", now)
            return _ended(snapshot, verify, now) or _runs(snapshot, verify, "Verifying", now)
    if fill is not None:
        return _ended(snapshot, fill, now) or _runs(snapshot, fill, "Compiling", now)
    others = turns.others_under_way(snapshot, digest)
    if not others:
        return _make(snapshot, "Fill", now)
    if turns.must_step_back(snapshot, others):
        return _wait_for(snapshot, others[0], digest, now)
    return Plan(requeue_after=1.0)


def _make(snapshot: Snapshot, run: Run, now: datetime) -> Plan:
    name = name_of(snapshot.warmup, run)
    found = examined(snapshot) if snapshot.warmup.spec.ahead_of_time else None
    if isinstance(found, tuple):  # its AcceleratorClass is another by now
        state = snapshot.warmup.status.state or "Pending"
        return say(snapshot, state, reasons.INVALID_SPEC, sentence(found), now, stalled=True)
    plan = Plan(create=(jaxjob(snapshot.warmup, run, found),))
    if run == "Verify":
        status = snapshot.warmup.status
        return say(
            snapshot,
            "Verifying",
            status.reason or reasons.VERIFYING,
            status.message or "",
            now,
            plan,
        )
    message = f"JaxJob {name} compiles the program"
    return say(snapshot, "Compiling", reasons.FILLING, message, now, plan)


def _ended(snapshot: Snapshot, job: JaxJob, now: datetime) -> Plan | None:
    """None while it runs."""
    if job.status.state == "Failed":
        return results.after_failure(snapshot, job, now)
    if job.status.state != "Succeeded":
        return None
    wait = results.seconds_to_last_words(job, now)
    if wait > 0:
        return Plan(requeue_after=wait)
    if snapshot.warmup.status.state == "Verifying":
        return results.after_verification(snapshot, job, now)
    return results.after_fill(snapshot, job, now)


def _runs(snapshot: Snapshot, job: JaxJob, state: WarmupState, now: datetime) -> Plan:
    """In the JaxJob's own words. Its own deadline does not count while it cannot start at all."""
    status, name = job.status, job.metadata.name
    seconds = snapshot.warmup.spec.active_deadline_seconds
    left = seconds_left(job.metadata, timedelta(seconds=seconds), now)
    if status.state == "Pending" and left <= 0:
        message = f"JaxJob {name} has not started within {seconds} s: {status.message}"
        gone = Plan(delete=(reference(job),))
        return results.try_again(snapshot, reasons.RUN_FAILED, message, now, gone)
    said = f": {status.message}" if status.message else ""
    message = f"JaxJob {name} is {status.state or 'new'}{said}"
    reason = reasons.FILLING if state == "Compiling" else reasons.VERIFYING
    look = Plan(requeue_after=left) if left > 0 else Plan()
    return say(snapshot, state, reason, message, now, look)
