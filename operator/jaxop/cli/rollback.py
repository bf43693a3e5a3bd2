"""Going back to an earlier revision of a JaxService: what that changes, and the patch that does it.

It writes the spec as the user who calls it, and nothing else: the operator then rolls out as after
any change. A GitOps tool that owns the spec undoes it, unless the spec is changed there too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxService
from jaxop.api.v1alpha1.jaxservice import JaxServiceSpec
from jaxop.cli.fetch_service import revisions_of
from jaxop.domain.service.revision import restored
from jaxop.domain.service.views import RevisionView
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import Conflict, Invalid
from jaxop.kube.resources import JAXSERVICES

MANAGER: Final = "jaxop"
VALUE_SHOWN: Final = 60


class CannotRollBackError(Exception):
    """Says to what there is no going back, and what is there."""


@dataclass(frozen=True, slots=True)
class Change:
    """Of one field of the spec; None where it is absent."""

    field: str
    before: object
    after: object

    def __str__(self) -> str:
        return f"spec.{self.field}: {_short(self.before)} -> {_short(self.after)}"


@dataclass(frozen=True, slots=True)
class Rollback:
    """`patch` is a JSON patch of the JaxService, which fails if it has changed meanwhile."""

    target: RevisionView
    since: RevisionView | None
    """The revision of the spec as it is, where that is known."""
    changes: tuple[Change, ...]
    patch: tuple[Manifest, ...]


async def plan_rollback(
    client: ApiClient, namespace: str, name: str, to_revision: int | None
) -> Rollback:
    """Reads only. `to_revision` None means the one before. Raises CannotRollBackError, and what the
    client raises: NotFound if there is no such JaxService."""
    raw = await client.get(JAXSERVICES, namespace, name)
    service = JaxService.model_validate(raw)
    return rollback_of(raw, service, await revisions_of(client, service), to_revision)


def rollback_of(
    raw: Manifest,
    service: JaxService,
    revisions: tuple[RevisionView, ...],
    to_revision: int | None,
) -> Rollback:
    """`revisions` are oldest first."""
    metadata, status = service.metadata, service.status
    what = f"JaxService {metadata.namespace}/{metadata.name}"
    if status.observed_generation != metadata.generation:
        raise CannotRollBackError(
            f"the operator has not seen the last change of {what} yet: try again in a moment"
        )
    current = next((r for r in revisions if r.revision == status.updated_revision), None)
    target = _target(what, revisions, current, to_revision)
    spec, wanted = raw["spec"], restored(raw["spec"], target.data)
    before, after = _in_full(spec), _in_full(wanted)
    changed = [part for part in sorted({*before, *after}) if before.get(part) != after.get(part)]
    if not changed:
        raise CannotRollBackError(
            f"the spec of {what} describes revision {target.number} already: what differs is its "
            f"JaxRuntime {service.spec.runtime}, which has changed since then"
        )
    changes = [
        change for part in changed for change in _changes(part, before.get(part), after.get(part))
    ]
    return Rollback(target, current, tuple(changes), tuple(_patch(raw, changed, wanted)))


def _in_full(spec: Manifest) -> Manifest:
    """With its defaults, so that what is left out and what is the default are the same."""
    return JaxServiceSpec.model_validate(spec).to_manifest()


async def carry_out(client: ApiClient, namespace: str, name: str, rollback: Rollback) -> None:
    """Raises CannotRollBackError if the JaxService has changed since it was read."""
    try:
        patch = list(rollback.patch)
        await client.patch(JAXSERVICES, namespace, name, patch, manager=MANAGER)
    except (Conflict, Invalid) as error:
        raise CannotRollBackError(
            f"JaxService {namespace}/{name} is not changed: {error.message}"
        ) from error


def told(rollback: Rollback) -> Iterator[str]:
    """What is done, as lines."""
    target, since = rollback.target, rollback.since
    now = f"from revision {since.number} ({since.revision}) " if since is not None else ""
    yield f"{now}to revision {target.number} ({target.revision}):"
    for change in rollback.changes:
        yield f"  {change}"


def _target(
    what: str,
    revisions: tuple[RevisionView, ...],
    current: RevisionView | None,
    to_revision: int | None,
) -> RevisionView:
    others = [r for r in revisions if current is None or r.revision != current.revision]
    there = ", ".join(f"{r.number} ({r.revision})" for r in others)
    if to_revision is None:
        if not others:
            raise CannotRollBackError(f"{what} has no earlier revision to go back to")
        return others[-1]
    found = next((r for r in revisions if r.number == to_revision), None)
    if found is None:
        rest = f"there are {there}" if others else "there is no earlier one"
        raise CannotRollBackError(f"{what} has no revision {to_revision}: {rest}")
    if current is not None and found.revision == current.revision:
        rest = f": choose another, of {there}" if others else ", and there is no earlier one"
        raise CannotRollBackError(
            f"revision {to_revision} is what the spec of {what} describes{rest}"
        )
    return found


def _patch(raw: Manifest, changed: list[str], wanted: Mapping[str, Any]) -> Iterator[Manifest]:
    version = raw["metadata"]["resourceVersion"]
    yield {"op": "test", "path": "/metadata/resourceVersion", "value": version}
    for part in changed:
        if part in wanted:
            yield {"op": "add", "path": f"/spec/{part}", "value": wanted[part]}
        elif part in raw["spec"]:
            yield {"op": "remove", "path": f"/spec/{part}"}


def _changes(field: str, before: object, after: object) -> Iterator[Change]:
    """Down to the fields that differ; lists of another length are one change."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _changes(f"{field}.{name}", before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(f"{field}[{number}]", old, new)
    elif before != after:
        yield Change(field, before, after)


def _short(value: object) -> str:
    if value is None:
        return "(absent)"
    text = str(value)
    return text if len(text) <= VALUE_SHOWN else f"{text[: VALUE_SHOWN - 3]}..."
