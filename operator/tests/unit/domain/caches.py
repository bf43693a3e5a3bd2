"""One builder for all that a decision about a CompileCache sees: `a_cache().bound().reporting()`.

Every method returns a new builder. `.snapshot()` gives what `decide` takes; `.after(plan)` the
world in which that plan was carried out.
"""

import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1 import CompileCache
from jaxop.domain.cache.reading import read_told_in_use
from jaxop.domain.cache.snapshot import ClaimView, KeeperPod, KeeperReport, Snapshot
from jaxop.domain.jaxjob.views import ContainerWaiting

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
IMAGE = "registry.test/jaxop-runtime:1"


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def _manifest() -> Manifest:
    return {
        "apiVersion": "jaxop.dev/v1alpha1",
        "kind": "CompileCache",
        "metadata": {"name": "team", "namespace": "ml", "uid": "uid-team", "generation": 1},
        "spec": {"storage": {"size": "100Gi"}},
    }


@dataclass(frozen=True)
class World:
    """A CompileCache, its children, and everything around it."""

    manifest: Manifest = field(default_factory=_manifest)
    rest: dict[str, Any] = field(default_factory=dict)

    def spec(self, **fields: Any) -> "World":
        manifest = copy.deepcopy(self.manifest)
        manifest["spec"].update(fields)
        manifest["metadata"]["generation"] += 1
        return replace(self, manifest=manifest)

    def on_claim(self, name: str) -> "World":
        return self.spec(storage={"claimName": name})

    def metadata(self, **fields: Any) -> "World":
        manifest = copy.deepcopy(self.manifest)
        manifest["metadata"].update(fields)
        return replace(self, manifest=manifest)

    def status(self, **fields: Any) -> "World":
        manifest = copy.deepcopy(self.manifest)
        manifest["status"] = {**manifest.get("status", {}), **fields}
        return replace(self, manifest=manifest)

    def seeing(self, **fields: Any) -> "World":
        """Fields of the Snapshot."""
        return replace(self, rest={**self.rest, **fields})

    def claim(self, phase: str = "Bound", **fields: Any) -> "World":
        """Made for it, unless said otherwise."""
        return self.seeing(claim=ClaimView(phase, **{"controller_uid": "uid-team", **fields}))

    def pod(self, phase: str = "Running", **fields: Any) -> "World":
        fields = {"ip": "10.0.0.7", "ready": True, "created_at": NOW, **fields}
        return self.seeing(pods=(KeeperPod("team-keeper-x", phase, **fields),))

    def waiting(self, reason: str, message: str = "") -> "World":
        held = ContainerWaiting("keeper", IMAGE, reason, message)
        return self.pod("Pending", ready=False, waiting=(held,))

    def reporting(self, **fields: Any) -> "World":
        report = KeeperReport(**{"healthy": True, **fields})
        return self.seeing(report=report, unheard_since=None)

    def unheard(self, since: datetime = NOW, asked_since: datetime | None = None) -> "World":
        return self.seeing(unheard_since=since, asked_since=asked_since or since)

    def using(self, *digests: str) -> "World":
        return self.seeing(in_use=frozenset(digests))

    def after(self, plan: Plan, now: datetime = NOW) -> "World":
        """As the stores are when everything was written at `now`."""
        world = self
        for child in plan.apply:
            told = read_told_in_use(child)
            if child["kind"] == "ConfigMap" and told != self.rest.get("told_in_use"):
                world = world.seeing(told_in_use=told, told_at=now)
        if plan.status is None:
            return world
        return replace(world, manifest={**world.manifest, "status": plan.status}).seeing(
            written_at=now
        )

    def snapshot(self) -> Snapshot:
        return Snapshot(CompileCache.model_validate(self.manifest), IMAGE, **self.rest)


def a_cache() -> World:
    """Just created: nothing is there, and nobody has been heard."""
    return World().unheard()


def a_ready_cache() -> World:
    """With what `decide` makes of it already written."""
    from jaxop.domain.cache import decide

    world = a_cache().claim().pod().reporting()
    return world.after(decide(world.snapshot(), NOW))
