"""Carries out a Plan: creations, children, deletions, then the status, then events.

- A child absent from the store is created; if its name turns out to be taken, it is ours by its
  controller's uid, or the leftover of a deleted namesake, or somebody else's: never touched.
- A child is written again only if the hash of what is wanted differs from the one it carries.
- Every result goes into the store at once, so the next pass does not repeat it.
- A refusal that only a person can end (a name conflict, an invalid template, a quota) does not
  stop the rest of the plan; the controller says what status it makes.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jaxop.api.plan import Manifest, ObjectRef, Plan, StatusPatch
from jaxop.kube.children import (
    controller_of,
    desired_child,
    desired_once,
    hash_of,
    is_leftover,
    is_managed,
    is_ours,
    is_terminating,
)
from jaxop.kube.client import ApiClient
from jaxop.kube.controller import Refusal
from jaxop.kube.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Superseded,
)
from jaxop.kube.events import EventRecorder
from jaxop.kube.resources import Key, Resource, key_of, ref_of, resource_of
from jaxop.kube.status import status_patch
from jaxop.kube.store import ObjectStore

CONCURRENT_WRITES = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """`writes` counts those that changed something; `refusals` are to be tried again later, and
    so is what was `waiting` for an object of that name to go away."""

    writes: int = 0
    refusals: tuple[Refusal, ...] = ()
    waiting: bool = False


class _Waiting:
    pass


_WAITING = _Waiting()


class Executor:
    """For one controller: `manager` is the field manager of all its writes."""

    def __init__(
        self,
        client: ApiClient,
        stores: Mapping[Resource, ObjectStore],
        *,
        manager: str,
        events: EventRecorder | None = None,
        concurrent_writes: int = CONCURRENT_WRITES,
    ) -> None:
        self._client = client
        self._stores = stores
        self._manager = manager
        self._events = events or EventRecorder(client, manager)
        self._concurrent_writes = concurrent_writes

    async def execute(
        self, owner: Manifest, plan: Plan, refused: Callable[[tuple[Refusal, ...]], Plan]
    ) -> Outcome:
        """Raises Superseded or Conflict if the owner changed meanwhile, else what the client
        raises; what could be written has then been written."""
        by = key_of(owner)
        wanted = [] if is_terminating(owner) else self._to_write(owner, plan)
        makes_again = owner.get("status") and any(current is None for _, current in wanted)
        if makes_again and not await self._is_alive(owner):
            return Outcome()
        results = await self._all(self._write(desired, current, by) for desired, current in wanted)
        writes = sum(result for result in results if isinstance(result, int))
        refusals = tuple(result for result in results if isinstance(result, Refusal))
        writes += sum(await self._all(self._end(ref, by) for ref in plan.end))
        writes += sum(await self._all(self._delete(ref, by, owner) for ref in plan.delete))
        if plan.discard and await self._is_alive(owner):
            writes += sum(await self._all(self._delete(ref, by, owner) for ref in plan.discard))
        writes += sum(await self._all(self._tell(patch, by) for patch in plan.child_status))
        final = refused(refusals) if refusals else plan
        if final.status is not None and await self._write_status(owner, final.status, by):
            writes += 1
            for event in final.events:
                await self._events.record(owner, event)
        return Outcome(writes, refusals, _WAITING in results)

    async def _is_alive(self, owner: Manifest) -> bool:
        """Asked before children are made for an owner that may have had some: they may be gone
        because it is, or because it goes on without them, and its own store hear of that later, or
        never (see `fed`). And before what cannot be made again is deleted, for what was wanted a
        while ago. Raises Superseded where the owner has changed."""
        key = key_of(owner)
        store = self._store(resource_of(owner))
        try:
            live = await self._client.get(store.resource, key.namespace, key.name)
        except NotFound:
            store.remove_deleted(owner, by=None)
            return False
        store.put(live)
        metadata = live["metadata"]
        if metadata["uid"] != owner["metadata"]["uid"] or is_terminating(live):
            return False
        if metadata["resourceVersion"] != owner["metadata"]["resourceVersion"]:
            raise Superseded(f"{key} has changed: what it needs is decided anew")
        return True

    def _to_write(self, owner: Manifest, plan: Plan) -> list[tuple[Manifest, Manifest | None]]:
        """(desired, current) of what is absent or was last written otherwise; what is created
        once, which has no hash, only if absent, or if a deleted namesake's is all there is."""
        found: list[tuple[Manifest, Manifest | None]] = []
        for manifest in plan.create:
            desired = desired_once(owner, manifest)
            current = self._current(desired)
            if current is None or is_leftover(current, desired):
                found.append((desired, current))
        for manifest in plan.apply:
            desired = desired_child(owner, manifest)
            current = self._current(desired)
            if current is None or hash_of(current) != hash_of(desired):
                found.append((desired, current))
        return found

    def _current(self, desired: Manifest) -> Manifest | None:
        metadata = desired["metadata"]
        return self._store(resource_of(desired)).get(
            metadata.get("namespace", ""), metadata["name"]
        )

    def _store(self, resource: Resource) -> ObjectStore:
        try:
            return self._stores[resource]
        except KeyError:
            raise LookupError(
                f"a plan of {self._manager} writes {resource}, which no controller watches: "
                "without a store it would be written in every pass"
            ) from None

    async def _write(
        self, desired: Manifest, current: Manifest | None, by: Key
    ) -> int | Refusal | _Waiting:
        try:
            if current is not None and (is_terminating(current) or is_leftover(current, desired)):
                current = await self._look_again(current, by)
            if current is None:
                return await self._create(desired, by)
            return await self._change(desired, current, by)
        except (BadRequest, Invalid) as error:
            return _refusal(desired, "Invalid", f"{_name(desired)} is refused: {error.message}")
        except Forbidden as error:
            if error.has_cause("NamespaceTerminating"):
                return 0
            return _refusal(desired, "Forbidden", f"{_name(desired)}: {error.message}")

    async def _look_again(self, current: Manifest, by: Key) -> Manifest | None:
        """What is in the way may be gone, and the news of that late."""
        resource, metadata = resource_of(current), current["metadata"]
        try:
            return await self._client.get(resource, metadata.get("namespace", ""), metadata["name"])
        except NotFound:
            self._store(resource).remove_deleted(current, by=by)
            return None

    async def _create(self, desired: Manifest, by: Key) -> int | Refusal | _Waiting:
        resource = resource_of(desired)
        try:
            created = await self._client.create(resource, desired, manager=self._manager)
        except AlreadyExists:
            metadata = desired["metadata"]
            live = await self._client.get(resource, metadata.get("namespace", ""), metadata["name"])
            if is_managed(live):
                self._store(resource).put(live)
            return await self._change(desired, live, by)
        except NotFound as error:
            if error.details.get("kind") == "namespaces":
                return 0
            raise
        self._store(resource).put(created, by=by)
        return 1

    async def _change(
        self, desired: Manifest, current: Manifest, by: Key
    ) -> int | Refusal | _Waiting:
        if is_terminating(current) or is_leftover(current, desired):
            return _WAITING
        if not is_ours(current, desired):
            return _refusal(desired, "NameConflict", _name_conflict(desired, current))
        if hash_of(desired) in ("", hash_of(current)):
            return 0
        resource, metadata = resource_of(desired), current["metadata"]
        await self._own_by_apply(resource, metadata.get("namespace", ""), metadata["name"])
        same = {**desired, "metadata": {**desired["metadata"], "uid": metadata["uid"]}}
        applied = await self._client.apply(resource, same, manager=self._manager)
        self._store(resource).put(applied, by=by)
        return 1

    async def _own_by_apply(self, resource: Resource, namespace: str, name: str) -> None:
        """A created object's fields are owned by "Update": until that is changed to "Apply",
        server-side apply could not take a field away again."""
        live = await self._client.get(resource, namespace, name)
        entries = live["metadata"].get("managedFields") or []
        patch: list[Manifest] = [
            {"op": "replace", "path": f"/metadata/managedFields/{i}/operation", "value": "Apply"}
            for i, entry in enumerate(entries)
            if entry.get("manager") == self._manager
            and entry.get("operation") == "Update"
            and not entry.get("subresource")
        ]
        if not patch:
            return
        version = live["metadata"]["resourceVersion"]
        patch.append({"op": "replace", "path": "/metadata/resourceVersion", "value": version})
        await self._client.patch(resource, namespace, name, patch, manager=self._manager)

    async def _end(self, ref: ObjectRef, by: Key) -> int:
        """A Job fails of a pod that has failed; without any it can only be suspended."""
        resource = resource_of(ref)
        store = self._store(resource)
        known = store.get(ref.namespace, ref.name)
        if known is None or known["metadata"]["uid"] != ref.uid or known["spec"].get("suspend"):
            return 0
        _must_be_controlled(known, ref, by, "not ended")
        patch = {"metadata": {"uid": ref.uid}, "spec": {"suspend": True, "backoffLimit": 0}}
        try:
            written = await self._client.patch(
                resource, ref.namespace, ref.name, patch, manager=self._manager
            )
        except (NotFound, Conflict):  # gone, or gone and its name taken by another
            store.remove_deleted(known, by=by)
            return 0
        store.put(written, by=by)
        return 1

    async def _delete(self, ref: ObjectRef, by: Key, owner: Manifest) -> int:
        resource = resource_of(ref)
        if ref == ref_of(owner):
            return await self._delete_itself(resource, owner, by)
        store = self._store(resource)
        known = store.get(ref.namespace, ref.name)
        if known is None or (ref.uid and known["metadata"]["uid"] != ref.uid):
            return 0
        if not self._is_grandchild(known, by):
            _must_be_controlled(known, ref, by, "not deleted")
        if is_terminating(known):
            return 0
        try:
            left = await self._client.delete(
                resource, ref.namespace, ref.name, uid=known["metadata"]["uid"]
            )
        except (NotFound, Conflict):  # gone, or gone and its name taken by another
            store.remove_deleted(known, by=by)
            return 0
        if left.get("kind") == resource.kind and is_terminating(left):
            store.put(left, by=by)
        else:
            store.remove_deleted(known, by=by)
        return 1

    async def _delete_itself(self, resource: Resource, owner: Manifest, by: Key) -> int:
        """Only as it was when that was decided: the user may have changed his mind since."""
        store, metadata = self._store(resource), owner["metadata"]
        if is_terminating(owner):
            return 0
        try:
            left = await self._client.delete(
                resource,
                by.namespace,
                by.name,
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
            )
        except NotFound:
            store.remove_deleted(owner, by=None)
            return 0
        if left.get("kind") == resource.kind and is_terminating(left):
            store.put(left, by=by)
        else:
            store.remove_deleted(owner, by=by)
        return 1

    def _is_grandchild(self, known: Manifest, by: Key) -> bool:
        """Whether it is controlled by something that is controlled by the object: a Job's pod."""
        above = controller_of(known)
        if above is None or (above["kind"], above["name"]) == (by.kind, by.name):
            return False
        child = self._store(resource_of(above)).get(by.namespace, above["name"])
        if child is None or child["metadata"]["uid"] != above["uid"]:
            return False
        top = controller_of(child) or {}
        return (top.get("kind"), top.get("name")) == (by.kind, by.name)

    async def _tell(self, patch: StatusPatch, by: Key) -> int:
        ref, resource = patch.ref, resource_of(patch.ref)
        store = self._store(resource)
        known = store.get(ref.namespace, ref.name)
        if known is None or known["metadata"]["uid"] != ref.uid:
            return 0
        _must_be_controlled(known, ref, by, "not written to")
        only_if = {"uid": ref.uid, "resourceVersion": patch.resource_version}
        try:
            written = await self._client.patch(
                resource,
                ref.namespace,
                ref.name,
                {"metadata": only_if, "status": patch.status},
                manager=self._manager,
                subresource="status",
            )
        except NotFound:
            store.remove_deleted(known, by=by)
            return 0
        store.put(written, by=by)
        return 1

    async def _write_status(self, owner: Manifest, status: Manifest, by: Key) -> bool:
        patch = status_patch(owner.get("status"), status)
        if patch is None:
            return False
        resource, metadata = resource_of(owner), owner["metadata"]
        store = self._store(resource)
        latest = store.get(by.namespace, by.name)
        if latest is None or latest["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
            raise Superseded(f"{by} changed during the pass")
        only_if = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        try:
            written = await self._client.patch(
                resource,
                by.namespace,
                by.name,
                {"metadata": only_if, "status": patch},
                manager=self._manager,
                subresource="status",
            )
        except NotFound:
            store.remove_deleted(owner, by=None)
            raise Superseded(f"{by} was deleted during the pass") from None
        store.put(written, by=by)
        return True

    async def _all(self, writes: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
        """Runs them all to their end, at most `concurrent_writes` at once; then raises the first
        error: a write that is broken off may or may not have happened."""
        coroutines = list(writes)
        if len(coroutines) <= 1:
            return [await coroutine for coroutine in coroutines]
        room = asyncio.Semaphore(self._concurrent_writes)

        async def one(coroutine: Coroutine[Any, Any, Any]) -> Any:
            async with room:
                return await coroutine

        results = await asyncio.gather(*map(one, coroutines), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results


def _must_be_controlled(known: Manifest, ref: ObjectRef, by: Key, otherwise: str) -> None:
    controller = controller_of(known) or {}
    if (controller.get("kind"), controller.get("name")) != (by.kind, by.name):
        raise PermissionError(f"{ref} is not controlled by {by}: {otherwise}")


def _name(desired: Manifest) -> str:
    return str(ref_of(desired))


def _refusal(desired: Manifest, reason: Any, message: str) -> Refusal:
    return Refusal(ref_of(desired), reason, message)


def _name_conflict(desired: Manifest, current: Manifest) -> str:
    has = controller_of(current)
    whose = f"it belongs to {has['kind']} {has['name']}" if has else "it was made by somebody else"
    return f"{_name(desired)} exists already and {whose}: delete it, or use another name"
