"""What is known of a JaxService as lines of text: where it stands, how its rollout goes, what each
replica says, what to do next. Pure, as `explain`."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import click

from jaxop.api.v1alpha1.jaxservice_status import JaxServiceStatus, ServiceState
from jaxop.cli.event_lines import event_lines
from jaxop.cli.fetch_service import KnownService
from jaxop.cli.pods import trouble
from jaxop.cli.service_advice import service_advice
from jaxop.cli.wording import plural, section, span, wrapped
from jaxop.domain.service.views import ReplicaPodView, RevisionView

PODS_SHOWN: Final = 16
COLOURS: Final[dict[ServiceState, str]] = {
    "Ready": "green",
    "Degraded": "yellow",
    "RolloutStopped": "red",
    "Failed": "red",
    "Idle": "cyan",
}


def service_is_in_trouble(status: JaxServiceStatus) -> bool:
    """Stalled until somebody does something."""
    return any(c.type == "Stalled" and c.status == "True" for c in status.conditions)


def explain_service(known: KnownService, now: datetime, width: int = 100) -> Iterator[str]:
    """`width` is in characters."""
    yield from _headline(known, now, width)
    yield from _rollout(known, now, width)
    yield from _revisions(known)
    yield from _replicas(known)
    yield from _traffic(known)
    yield from event_lines(known.events, width)


def _headline(known: KnownService, now: datetime, width: int) -> Iterator[str]:
    metadata, status = known.service.metadata, known.service.status
    state = status.state or "Pending"
    colour = "red" if service_is_in_trouble(status) else COLOURS.get(state, "blue")
    facts = [
        status.accelerator,
        f"{status.ready} replicas ready" if status.ready else None,
        f"buckets {status.buckets.summary}" if status.buckets else None,
        status.url,
    ]
    name, told = f"{metadata.namespace}/{metadata.name}", ", ".join(filter(None, facts))
    title = f"{click.style(name, bold=True)}  {click.style(state, fg=colour, bold=True)}"
    if len(f"{name}  {state}  {told}") <= width:
        yield f"{title}  {told}".rstrip()
    else:
        yield title
        yield from wrapped(told, width)
    if status.state is None:
        yield from wrapped("The operator has not looked at it yet: does it run?", width)
        return
    yield from wrapped(f"{status.reason}: {status.message}", width)
    if status.state_since is not None:
        yield f"  for {span((now - status.state_since).total_seconds())}"
    reason = status.reason or ""
    what_to_do = service_advice(reason, name=metadata.name, namespace=metadata.namespace)
    if what_to_do:
        yield from wrapped(what_to_do, width, "  -> ")


def _rollout(known: KnownService, now: datetime, width: int) -> Iterator[str]:
    rollout = known.service.status.rollout
    if rollout is None:
        return
    yield from section(f"Rollout to {_titled(known, rollout.revision)}, {rollout.strategy}")
    yield from wrapped(rollout.step, width)
    yield f"  for {span((now - rollout.since).total_seconds())}"
    if rollout.unserved_since is not None:
        gap = span((now - rollout.unserved_since).total_seconds())
        yield click.style(f"  no replica of any revision has served for {gap}", fg="red")
    if rollout.stopped is not None:
        for line in wrapped(f"It has stopped: {rollout.stopped}", width):
            yield click.style(line, fg="red")
        metadata = known.service.metadata
        yield from wrapped("Correct the spec and apply it again, or go back:", width, "  -> ")
        yield f"     jaxop rollback jaxservice {metadata.name} -n {metadata.namespace}"
    elif rollout.progress_since is not None and rollout.deadline_seconds:
        passed = (now - rollout.progress_since).total_seconds()
        left = span(rollout.deadline_seconds - passed)
        yield f"  the next replica has {left} left to become ready"


def _revisions(known: KnownService) -> Iterator[str]:
    if not known.revisions:
        return
    status = known.service.status
    standing = {each.name: each for each in status.revisions}
    yield from section("Revisions")
    for revision in reversed(known.revisions):
        has = standing.get(revision.revision)
        count = f"{has.ready}/{has.replicas} ready" if has is not None else "-"
        marks = [
            "serving" if revision.revision == status.current_revision else "",
            "wanted" if revision.revision == status.updated_revision else "",
        ]
        told = ", ".join(filter(None, marks))
        line = f"  {revision.number:>4}  {revision.revision:<8}  {count:<10}  {told:<15}"
        yield f"{line}  {_entry(revision)}".rstrip()


def _replicas(known: KnownService) -> Iterator[str]:
    if not known.pods:
        return
    yield from section("Replicas")
    troubled = sorted(known.pods, key=lambda view: not _what_is_wrong(known, view))
    shown = set(troubled[:PODS_SHOWN])
    longest = max(len(view.pod.name) for view in shown)
    for view in known.pods:
        if view in shown:
            yield _replica(known, view, longest)
    if len(known.pods) > len(shown):
        yield f"  and {len(known.pods) - len(shown)} more"


def _replica(known: KnownService, view: ReplicaPodView, longest: int) -> str:
    pod, said = view.pod, known.said.get(view.pod.name)
    standing = "ready" if view.serves else "not ready" if pod.index == 0 else f"host {pod.index}"
    buckets = f"buckets {said.buckets_ready}/{said.buckets_total}" if said is not None else ""
    restarts = plural(view.restarts, "restart") if view.restarts else ""
    facts = ", ".join(filter(None, (buckets, restarts, _what_is_wrong(known, view))))
    line = f"  {pod.name:<{longest}}  {view.revision:<8}  {standing:<9}  {pod.node or '-':<20}"
    return f"{line} {facts}".rstrip()


def _what_is_wrong(known: KnownService, view: ReplicaPodView) -> str:
    if said := trouble(view.pod):
        return said
    serving = known.said.get(view.pod.name)
    if serving is not None and serving.state != "Ready":
        return f"{serving.state}: {serving.reason}" if serving.reason else serving.state
    if view.last_end is not None and not view.serves:
        return f"ended before with exit code {view.last_end.exit_code}"
    return ""


def _traffic(known: KnownService) -> Iterator[str]:
    status, slo = known.service.status, known.service.spec.slo
    latency, rate = status.latency, status.requests_per_second
    hit, late = status.cache_hit, status.compiles_after_ready
    if latency is None and not rate and hit is None and not late:
        return
    yield from section("Requests of the last minute")
    if rate is not None:
        yield f"  {rate:.1f} per second"
    if latency is not None:
        parts = {
            "p50": latency.p50_milliseconds,
            "p95": latency.p95_milliseconds,
            "p99": latency.p99_milliseconds,
        }
        told = [f"{name} {value:.1f} ms" for name, value in parts.items() if value is not None]
        if told:
            yield f"  {', '.join(told)} (the slowest replica's)"
        wanted, p95 = slo.latency.p95_milliseconds if slo else None, latency.p95_milliseconds
        if wanted is not None and p95 is not None and p95 > wanted:
            yield click.style(f"  slower than the {wanted} ms that spec.slo promises", fg="red")
    if hit is not None:
        yield f"  compile cache {hit} hits when the replicas started"
    if late:
        told_late = f"  {plural(late, 'compilation')} after replicas were ready: the model has"
        yield click.style(f"{told_late} shapes that its buckets do not cover", fg="yellow")


def _titled(known: KnownService, revision: str) -> str:
    number = next((r.number for r in known.revisions if r.revision == revision), None)
    return f"revision {number} ({revision})" if number is not None else f"revision {revision}"


def _entry(revision: RevisionView) -> str:
    spec = revision.data.get("spec") or {}
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    images = [c.get("image", "") for c in containers if c.get("name") == "jax"]
    entry = (spec.get("model") or {}).get("entry", "")
    return "  ".join(filter(None, (entry, *images)))
