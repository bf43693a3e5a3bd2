"""Operators that are broken in one way each, which only a fault at the wrong moment shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from unittest.mock import patch

from jaxop.api.plan import Manifest, Plan
from jaxop.controllers.jaxjob import JaxJobController
from jaxop.domain.jaxjob import Snapshot
from jaxop.domain.jaxjob.pods import children
from jaxop.kube.apply import Executor
from jaxop.kube.reflector import Reflector
from jaxop.kube.resources import Key, resource_of

_decide = JaxJobController.decide
_write_status = Executor._write_status
_list = Reflector._list


def _delete_first(self: JaxJobController, snapshot: Snapshot, now: datetime) -> Plan:
    plan = _decide(self, snapshot, now)
    if plan.status is None or plan.status.get("attempt", 0) == snapshot.attempt:
        return plan
    failed = tuple(children.reference(snapshot, job) for job in snapshot.current_jobs)
    return replace(plan, delete=plan.delete + failed)


async def _count_first(self: Executor, owner: Manifest, status: Manifest, by: Key) -> bool:
    old = owner.get("status") or {}
    if status.get("restarts", 0) > old.get("restarts", 0):
        counted = {name: status[name] for name in ("restarts", "restartLedger")}
        await _write_status(self, owner, {**old, **counted}, by)
        owner = self._store(resource_of(owner)).get(by.namespace, by.name) or owner
    return await _write_status(self, owner, status, by)


async def _go_on_from_now(self: Reflector) -> None:
    if not self.synced.is_set():
        await _list(self)
        return
    page = await self._client.list_page(self._resource, self._namespace, limit=1)
    self.resource_version = page.resource_version


SABOTAGES = {
    "deletes the evidence before the verdict": (JaxJobController, "decide", _delete_first),
    "counts a restart, then restarts": (Executor, "_write_status", _count_first),
    "forgets what it missed": (Reflector, "_list", _go_on_from_now),
}


@contextmanager
def sabotaged(name: str) -> Iterator[None]:
    target, method, broken = SABOTAGES[name]
    with patch.object(target, method, broken):
        yield
