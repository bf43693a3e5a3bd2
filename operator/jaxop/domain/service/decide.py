"""The order of the questions. Each is answered in the file that has its name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from jaxop.api.plan import Manifest, ObjectRef, Plan
from jaxop.api.v1alpha1.jaxservice_status import JaxServiceStatus, RolloutStanding
from jaxop.domain.problem import Problem, sentence
from jaxop.domain.service import hold, progress, reasons, revisions_kept
from jaxop.domain.service.cause import not_ready
from jaxop.domain.service.children.disruption_budget import disruption_budget
from jaxop.domain.service.children.endpoint import endpoint
from jaxop.domain.service.children.warmup import warmup_name
from jaxop.domain.service.counting import counts
from jaxop.domain.service.replica import Described
from jaxop.domain.service.rollout import STRATEGIES, Count, Limits, Scene, Step
from jaxop.domain.service.scaling import deletion, scaled
from jaxop.domain.service.snapshot import Snapshot
from jaxop.domain.service.standing import Standing, where_it_stands
from jaxop.domain.service.telling.coalesce import seconds_to_wait
from jaxop.domain.service.telling.events import events
from jaxop.domain.service.telling.status import Revisions, compose
from jaxop.domain.service.validation import described, described_again


def decide(snapshot: Snapshot, now: datetime) -> Plan:
    """Pure; `now` is UTC. Deciding again after the plan was carried out changes nothing."""
    if snapshot.service.metadata.deletion_timestamp is not None:
        return Plan()
    found = described(snapshot)
    if not isinstance(found, Described):
        return _invalid(snapshot, found, now)
    return _serve(snapshot, found, now)


def refused(snapshot: Snapshot, refusals: Sequence[tuple[str, str]], now: datetime) -> Plan:
    """What to write instead of the decided status when children were refused: `(reason, sentence)`
    of each."""
    reason, message = refusals[0]
    others = len({sentence for _, sentence in refusals}) - 1
    more = f" (and {others} more)" if others else ""
    return _stalled(snapshot, reason, message + more, now)


def warmup_asked_for(snapshot: Snapshot) -> str | None:
    """Name of the Warmup that the revision of the spec shares with whoever has the same program;
    None where it asks for none. `snapshot.warmup` need not be known."""
    asked = snapshot.service.spec.compile_cache
    if asked is None or asked.warmup == "None" or snapshot.compile_cache is None:
        return None
    found = described(snapshot)
    return warmup_name(snapshot, found) if isinstance(found, Described) else None


def _serve(snapshot: Snapshot, updated: Described, now: datetime) -> Plan:
    service, spec, name = snapshot.service, snapshot.service.spec, updated.revision.hash
    old, found = service.status, counts(snapshot, now)
    target = found.get(name, Count(name))
    others = {r: count for r, count in found.items() if r != name}
    fallback = _fallback(snapshot, name, others)
    rolling = old.current_revision != name or any(not count.gone for count in others.values())
    new = name not in found
    why = not_ready(snapshot, name, updated.layout)
    standing = progress.begun(old.rollout, spec.rollout, name, now) if rolling else None
    held = _waits_first(snapshot, updated, standing, now) if new else None
    if standing is not None and held is not None:
        standing = progress.held(standing, held)
    elif standing is not None:
        standing = progress.looked_at(standing, target, spec.replicas, why, now)
    makable = {name: updated}
    if held is not None:
        step = _wait(snapshot, others, fallback, held)
    elif standing is not None and standing.stopped is not None and fallback is not None:
        step = _back_out(snapshot, target, others, fallback)
        makable |= _makable_again(snapshot, fallback)
    else:
        step = _go_on(snapshot, target, others, fallback)
    complete = rolling and held is None and _complete(target, others, standing, spec.replicas)
    if standing is not None:
        standing = None if complete else standing.replace(step=step.message)
    where = where_it_stands(
        ready=sum(count.ready for count in found.values()),
        wanted=spec.replicas,
        rollout=standing,
        first=old.current_revision is None and not complete,
        held=held,
        why=why,
    )
    current = name if complete else old.current_revision
    revisions = Revisions(found, step.replicas, name, current, standing, updated.layout.summary)
    sizes = scaled(snapshot, step.replicas, makable, now)
    plan = Plan(
        create=(
            *revisions_kept.missing(snapshot, updated.revision),
            *_warmups(snapshot, updated, held, new),
            *sizes.create,
        ),
        apply=(
            endpoint(service),
            disruption_budget(service, updated.layout.hosts),
            *sizes.apply,
        ),
        delete=(*sizes.delete, *_emptied(snapshot, others, None if complete else fallback)),
        discard=(
            *revisions_kept.outnumbered(snapshot, name),
            *revisions_kept.superfluous(snapshot, {name, *others, current or "", fallback or ""}),
        ),
        requeue_after=_soonest(
            sizes.look_again,
            held.look_again if held is not None else None,
            _seconds_to_deadline(standing, now),
        ),
    )
    return _write(snapshot, compose(snapshot, where, revisions, now), now, plan)


def _fallback(snapshot: Snapshot, updated: str, others: Mapping[str, Count]) -> str | None:
    """The revision that serves until the updated one does, and again if that does not get ready.
    None where the updated one is it itself."""
    current = snapshot.service.status.current_revision
    if current == updated:
        return None
    known = {view.revision for view in snapshot.revisions}
    if current is not None and (current in others or current in known):
        return current
    serving = [count for count in others.values() if count.ready]
    return max(serving, key=lambda c: (c.ready, c.revision)).revision if serving else None


def _waits_first(
    snapshot: Snapshot, updated: Described, standing: RolloutStanding | None, now: datetime
) -> hold.Held | None:
    """A rollout that has stopped has begun."""
    if standing is None:
        return None
    if standing.stopped is not None and standing.stopped_reason != reasons.WARMUP_FAILED:
        return None
    return hold.hold(snapshot, updated, now)


def _lead(
    snapshot: Snapshot,
    to: Count,
    others: Sequence[Count],
    keep: Mapping[str, int] | None = None,
) -> Step:
    rollout = snapshot.service.spec.rollout
    limits = Limits(snapshot.service.spec.replicas, rollout.max_surge, rollout.max_unavailable)
    scene = Scene(to, tuple(others), limits, keep or {})
    return STRATEGIES[rollout.strategy](scene)


def _wait(
    snapshot: Snapshot, others: Mapping[str, Count], fallback: str | None, held: hold.Held
) -> Step:
    """The updated revision has no replica yet; whatever serves goes on."""
    if fallback is None:
        return Step({name: count.desired for name, count in others.items()}, held.message)
    rest = [count for name, count in others.items() if name != fallback]
    to = others.get(fallback, Count(fallback))
    return replace(_lead(snapshot, to, rest), message=held.message)


def _back_out(
    snapshot: Snapshot, updated: Count, others: Mapping[str, Count], fallback: str
) -> Step:
    """One pod of the revision that failed stays for its log, where there is room."""
    rest = [count for name, count in others.items() if name != fallback]
    to = others.get(fallback, Count(fallback))
    return _lead(snapshot, to, [*rest, updated], {updated.revision: 1})


def _go_on(
    snapshot: Snapshot, updated: Count, others: Mapping[str, Count], fallback: str | None
) -> Step:
    in_order = sorted(others.values(), key=lambda count: count.revision == fallback)
    return _lead(snapshot, updated, in_order)


def _makable_again(snapshot: Snapshot, fallback: str) -> dict[str, Described]:
    found = described_again(snapshot, fallback)
    return {fallback: found} if found is not None else {}


def _complete(
    updated: Count,
    others: Mapping[str, Count],
    standing: RolloutStanding | None,
    wanted: int,
) -> bool:
    if standing is None or standing.stopped is not None:
        return False
    all_there = updated.desired == wanted and updated.ready >= wanted
    return all_there and all(count.gone for count in others.values())


def _emptied(
    snapshot: Snapshot, others: Mapping[str, Count], kept: str | None
) -> tuple[ObjectRef, ...]:
    """Deployments of earlier revisions that nothing runs any more."""
    return tuple(
        deletion(snapshot, deployment)
        for deployment in snapshot.deployments
        if deployment.revision in others
        and others[deployment.revision].gone
        and deployment.revision != kept
        and not deployment.terminating
    )


def _warmups(
    snapshot: Snapshot, updated: Described, held: hold.Held | None, new: bool
) -> tuple[Manifest, ...]:
    if held is not None:
        return held.create
    return hold.beside(snapshot, updated) if new else ()


def _seconds_to_deadline(standing: RolloutStanding | None, now: datetime) -> float | None:
    left = progress.seconds_left(standing, now) if standing is not None else None
    return left if left is not None and left > 0 else None


def _invalid(snapshot: Snapshot, problems: tuple[Problem, ...], now: datetime) -> Plan:
    return _stalled(snapshot, reasons.INVALID_SPEC, sentence(problems), now)


def _stalled(snapshot: Snapshot, reason: str, message: str, now: datetime) -> Plan:
    """Until somebody changes something; what serves goes on serving."""
    found, old = counts(snapshot, now), snapshot.service.status
    ready = sum(count.ready for count in found.values())
    told = f"{message}; {ready} replicas serve as before" if ready else message
    standing = Standing("RolloutStopped" if ready else "Pending", reason, told)
    replicas = {name: count.desired for name, count in found.items()}
    revisions = Revisions(found, replicas, None, old.current_revision, old.rollout)
    return _write(snapshot, compose(snapshot, standing, revisions, now, stalled=True), now, Plan())


def _soonest(*waits: float | None) -> float | None:
    return min((wait for wait in waits if wait is not None), default=None)


def _write(snapshot: Snapshot, new: JaxServiceStatus, now: datetime, plan: Plan) -> Plan:
    """Adds the status to the plan, now or later, with the events that tell of the change."""
    old = snapshot.service.status
    if new == old:
        return plan
    wait = seconds_to_wait(snapshot, new, now)
    if wait > 0:
        return replace(plan, requeue_after=_soonest(wait, plan.requeue_after))
    return replace(plan, status=new.to_manifest(), events=events(old, new))
