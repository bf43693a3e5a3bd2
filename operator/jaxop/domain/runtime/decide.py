"""For each class in use: keep what is known, or have a Job that finds it out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from jaxop.api.plan import Manifest, ObjectRef, Plan
from jaxop.api.v1alpha1.jax_runtime import RuntimeFound
from jaxop.domain.devices import SliceLayout
from jaxop.domain.runtime import outcome, telling
from jaxop.domain.runtime.in_use import MOST, in_use
from jaxop.domain.runtime.job import spec_hash, verification_job
from jaxop.domain.runtime.shape import no_such_class, smallest
from jaxop.domain.runtime.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class _Class:
    """One class in use: what is known, and the Job that there should be."""

    found: RuntimeFound
    job: Manifest | None = None
    look_again: float | None = None
    """In seconds."""


def decide(snapshot: Snapshot, now: datetime) -> Plan:
    """Pure; `now` is UTC. Deciding again after the plan was carried out changes nothing."""
    if snapshot.runtime.metadata.deletion_timestamp is not None:
        return Plan()
    used = in_use(snapshot)
    classes = [_look(snapshot, name, now) for name in used]
    jobs = tuple(each.job for each in classes if each.job is not None)
    wanted = {job["metadata"]["name"] for job in jobs}
    waits = [each.look_again for each in classes if each.look_again is not None]
    plan = Plan(
        apply=jobs,
        delete=tuple(
            ObjectRef("batch/v1", "Job", snapshot.settings.namespace, job.name, job.uid)
            for job in snapshot.jobs
            if job.name not in wanted
        ),
        requeue_after=min(waits, default=None),
    )
    found = [each.found for each in classes]
    return _with_status(snapshot, plan, [*found, *_still_true(snapshot, used)][:MOST], now)


def refused(snapshot: Snapshot, messages: Sequence[str], now: datetime) -> Plan:
    """What to write instead of the decided status when Jobs were refused."""
    found = snapshot.runtime.status.found
    return _with_status(snapshot, Plan(), found, now, " | ".join(messages))


def _look(snapshot: Snapshot, name: str, now: datetime) -> _Class:
    runtime, known = snapshot.runtime, snapshot.classes.get(name)
    layout = smallest(known) if known is not None else no_such_class(name, snapshot)
    if not isinstance(layout, SliceLayout):
        return _Class(RuntimeFound(accelerator=name, state="Failed", message=layout))
    verified = spec_hash(runtime, layout)
    old = _known(snapshot, name, verified)
    if old is not None and outcome.is_result(old):
        return _Class(outcome.judged(runtime.spec, layout, old))
    until_retry = outcome.seconds_until_retry(old, now) if old is not None else None
    if old is not None and until_retry:
        return _Class(old, look_again=until_retry)
    wanted = verification_job(runtime, layout, snapshot.settings)
    job = next((j for j in snapshot.jobs if j.name == wanted["metadata"]["name"]), None)
    if job is None:
        return _Class(outcome.without_job(name, old, verified), wanted)
    found = outcome.with_job(snapshot, layout, job, old, verified, now)
    return _Class(found, wanted, outcome.seconds_of_patience(job, now))


def _known(snapshot: Snapshot, name: str, verified: str) -> RuntimeFound | None:
    """What the status has of this class, unless something else was verified then."""
    found = snapshot.runtime.status.found
    return next((f for f in found if (f.accelerator, f.spec_hash) == (name, verified)), None)


def _still_true(snapshot: Snapshot, used: Sequence[str]) -> list[RuntimeFound]:
    """Results on classes that nobody uses now: the next job that does need not verify again."""
    kept = []
    for old in snapshot.runtime.status.found:
        known = snapshot.classes.get(old.accelerator)
        if known is None or old.accelerator in used or not outcome.is_result(old):
            continue
        layout = smallest(known)
        if isinstance(layout, SliceLayout) and old.spec_hash == spec_hash(snapshot.runtime, layout):
            kept.append(outcome.judged(snapshot.runtime.spec, layout, old))
    return kept


def _with_status(
    snapshot: Snapshot,
    plan: Plan,
    found: Sequence[RuntimeFound],
    now: datetime,
    problem: str | None = None,
) -> Plan:
    old = snapshot.runtime.status
    new = telling.compose(snapshot.runtime, found, now, problem)
    if new == old:
        return plan
    return replace(plan, status=new.to_manifest(), events=telling.events(old, new))
