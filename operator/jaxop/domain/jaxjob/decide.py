"""The order of the questions. Each is answered in the file that has its name."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from jaxop.api.plan import Plan
from jaxop.api.v1alpha1.jaxjob_status import FINISHED, JaxJobStatus
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.failures import epoch_ends, ledger, lost_pods, recreate
from jaxop.domain.jaxjob.failures.failure import find_failure, rank
from jaxop.domain.jaxjob.failures.pod_cause import cause_of
from jaxop.domain.jaxjob.failures.replacing import replacing
from jaxop.domain.jaxjob.failures.restart import after_failure, after_lost_pods, recreated, retry_at
from jaxop.domain.jaxjob.lifecycle import deadline, finished, stopping, suspend
from jaxop.domain.jaxjob.lifecycle.managed_by import is_ours
from jaxop.domain.jaxjob.lifecycle.success import all_complete, has_told_all, in_words, succeeded
from jaxop.domain.jaxjob.lifecycle.ttl import kept_long_enough
from jaxop.domain.jaxjob.pods import children
from jaxop.domain.jaxjob.pods.as_created import layout_as_created
from jaxop.domain.jaxjob.pods.gang import by_process
from jaxop.domain.jaxjob.pods.runtime import with_runtime
from jaxop.domain.jaxjob.queueing import kueue, suspended_jobs
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.standing.state import where_it_stands
from jaxop.domain.jaxjob.telling.cache_use import with_cache_use
from jaxop.domain.jaxjob.telling.coalesce import seconds_to_wait
from jaxop.domain.jaxjob.telling.events import events
from jaxop.domain.jaxjob.telling.last_step import last_step
from jaxop.domain.jaxjob.telling.startup import startup, startup_of_ended
from jaxop.domain.jaxjob.telling.status import all_done, compose, hosts
from jaxop.domain.jaxjob.validation import stalled
from jaxop.domain.jaxjob.validation.stalled import Refused
from jaxop.domain.jaxjob.validation.validate import validate
from jaxop.domain.jaxjob.warming import hold as warming

NOTHING_ELSE: Final = Plan()


def decide(snapshot: Snapshot, now: datetime) -> Plan:
    """Pure; `now` is UTC. Deciding again after the plan was carried out changes nothing."""
    jaxjob = snapshot.jaxjob
    if jaxjob.metadata.deletion_timestamp is not None or not is_ours(jaxjob):
        return Plan()
    if jaxjob.status.state in FINISHED:
        rest = kueue.with_workload_finished(snapshot, finished.rest(snapshot, now), now)
        return kept_long_enough(snapshot, rest, now)
    return deadline.looked_at_in_time(snapshot, _decide(snapshot, now), now)


def _decide(snapshot: Snapshot, now: datetime) -> Plan:
    """For a job that has not ended."""
    snapshot = with_runtime(suspended_jobs.without_leftovers(snapshot))
    jaxjob = snapshot.jaxjob
    layout = layout_as_created(snapshot, validate(snapshot))
    if isinstance(layout, SliceLayout) and succeeded(snapshot, layout):
        if not has_told_all(snapshot, now):
            return Plan(requeue_after=1.0)
        return _write(snapshot, _success(snapshot, layout, now), now)
    reason = stopping.why(snapshot, now)
    if reason is not None:
        status, plan = stopping.stop(snapshot, reason, now)
        return _write(snapshot, status, now, kueue.with_quota_given_up(snapshot, plan, now))
    if not isinstance(layout, SliceLayout):
        return stalled.invalid(snapshot, layout, now)
    held = (
        suspended_jobs.hold(snapshot, now)
        or warming.hold(snapshot, layout, now)
        or kueue.hold(snapshot, layout, now)
    )
    if held is not None:
        status, plan = held
        return _write(snapshot, status, now, plan)
    failed = find_failure(snapshot, layout, now)
    if failed is not None:
        if not failed.final:
            return Plan(requeue_after=1.0)
        return _write(snapshot, after_failure(snapshot, failed.cause, now), now)
    if jaxjob.status.state == "Suspended" and suspend.still_stopping(snapshot, now):
        return Plan(delete=children.stale(snapshot), requeue_after=1.0)
    return _after_a_loss(snapshot, layout, now) or _go_on(snapshot, layout, now)


def refused(snapshot: Snapshot, refusals: Sequence[Refused], now: datetime) -> Plan:
    """What to write instead of the decided status when children were refused."""
    return stalled.refused(snapshot, refusals, now)


def _success(snapshot: Snapshot, layout: SliceLayout, now: datetime) -> JaxJobStatus:
    old, step = snapshot.jaxjob.status, last_step(snapshot)
    seen = hosts(by_process(snapshot.current_pods, layout), layout)
    return compose(
        snapshot,
        "Succeeded",
        *in_words(snapshot, layout),
        now,
        hosts=all_done(layout) if all_complete(snapshot, layout) else seen,
        completion_time=now,
        startup=startup_of_ended(snapshot),
        step=old.step if step is None else step,
        **ledger.as_told(ledger.told(snapshot), old),
    )


def _after_a_loss(snapshot: Snapshot, layout: SliceLayout, now: datetime) -> Plan | None:
    """None where no pod is lost, or what follows has been decided."""
    pods = by_process(snapshot.current_pods, layout)
    lost = lost_pods.unjudged(snapshot, layout, pods, now)
    if lost:
        cause = min((cause_of(pod, layout, snapshot.dead_nodes) for pod in lost), key=rank)
        if lost_pods.nobody_lives(snapshot, pods, lost):
            return _write(snapshot, after_failure(snapshot, cause, now), now)
        return _write(snapshot, after_lost_pods(snapshot, lost, cause, now), now)
    why, soonest = recreate.why(snapshot, layout, pods, now)
    if why is not None:
        return _write(snapshot, recreated(snapshot, why, now), now)
    return None if soonest is None else _go_on(snapshot, layout, now, look_again=soonest)


def _seconds_until_next_attempt(snapshot: Snapshot, now: datetime) -> float | None:
    """None where its children may be made, or are there."""
    status = snapshot.jaxjob.status
    if snapshot.current_jobs or status.state != "Restarting":
        return None
    at = retry_at(status, snapshot.jaxjob.spec.restart_policy)
    if at is not None and at > now:
        return (at - now).total_seconds()
    return children.seconds_to_wait_for_old_pods(snapshot, now)


def _go_on(
    snapshot: Snapshot, layout: SliceLayout, now: datetime, look_again: float | None = None
) -> Plan:
    """The attempt has neither ended nor failed: its children exist or are created now."""
    wait = _seconds_until_next_attempt(snapshot, now)
    if wait is not None:
        return Plan(delete=children.stale(snapshot), requeue_after=wait)
    old, report = snapshot.jaxjob.status, snapshot.current_report
    missing = children.missing(snapshot, layout)
    if not snapshot.token_ready and len(missing) > 1:
        return _without_token(snapshot, now)
    pods = by_process(snapshot.current_pods, layout)
    standing = where_it_stands(snapshot, layout, pods, now)
    replaced = replacing(snapshot, layout, pods, now)
    news = epoch_ends.news(snapshot, layout, now)
    step = report.step if report is not None else None
    saved = report.checkpoint_step if report is not None else None
    new = compose(
        snapshot,
        standing.state,
        standing.reason,
        standing.message,
        now,
        accelerator=(snapshot.current_jobs and old.accelerator) or layout.summary,
        hosts=hosts(pods, layout),
        startup=startup(old, report),
        step=old.step if step is None else step,
        checkpoint_step=old.checkpoint_step if saved is None else saved,
        epoch=epoch_ends.epoch_begun(snapshot),
        **ledger.as_told(epoch_ends.ledger_told(snapshot, news), old),
        failure=epoch_ends.failure_told(snapshot, news, now),
        ends=news.ends if news.counts else (),
    )
    new = new.replace(compilation=with_cache_use(snapshot, layout, new.compilation))
    plan = Plan(
        create=replaced.create + warming.beside(snapshot, layout).create,
        apply=missing,
        delete=children.stale(snapshot) + replaced.delete,
        requeue_after=_soonest(
            standing.look_again, replaced.look_again, news.held_seconds or None, look_again
        ),
    )
    return _write(snapshot, new, now, kueue.with_pods_ready(snapshot, plan, now))


def _without_token(snapshot: Snapshot, now: datetime) -> Plan:
    if snapshot.token_problem is None:
        return Plan(delete=children.stale(snapshot))
    return stalled.refused(snapshot, [Refused("Forbidden", snapshot.token_problem)], now)


def _soonest(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)


def _write(snapshot: Snapshot, new: JaxJobStatus, now: datetime, plan: Plan = NOTHING_ELSE) -> Plan:
    """Adds the status to the plan, now or later, with the events that tell of the change."""
    old = snapshot.jaxjob.status
    if new == old:
        return plan
    wait = seconds_to_wait(snapshot, new, now)
    if wait > 0:
        soonest = wait if plan.requeue_after is None else min(wait, plan.requeue_after)
        return replace(plan, requeue_after=soonest)
    again = 0.0 if new.attempt != old.attempt else plan.requeue_after
    return replace(plan, status=new.to_manifest(), events=events(old, new), requeue_after=again)
