"""The one reconcile loop for all kinds. It owns stores, reflectors, the queue and its workers.

key -> observe(key, stores) -> decide(snapshot, now) -> Executor.execute(owner, plan)
"""

from collections.abc import Sequence
from typing import Any

from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.controller import Controller
from jaxop.kube.resources import Resource


class Loop:
    """Runs controllers until cancelled.

    `fed` names own kinds whose events arrive through `feed` (from kopf's `on.event`) instead of a
    reflector. `lead`/`stand_by` are called by the leader election.
    """

    def __init__(
        self,
        client: ApiClient,
        controllers: Sequence[Controller[Any]],
        *,
        namespace: str | None = None,
        workers: int = 16,
        fed: frozenset[Resource] = frozenset(),
    ) -> None: ...

    def feed(self, resource: Resource, event_type: str | None, obj: Manifest) -> None:
        """One event of a fed kind; `event_type` None is kopf's word for the initial listing."""

    async def watch(self) -> None:
        """Keeps the stores warm, for ever. Raises FatalError."""

    async def work(self) -> None:
        """Runs the workers, for ever; all keys are queued first. Only while leading."""
