"""A store of one of our own kinds that kopf feeds, made safe.

kopf never reports objects that vanished while its watch was broken. Our copy would live on, its
children would be collected as orphans, and we would create them again, for ever. Hence:
- before children are created, the owner must have been heard of within seconds, or is asked for;
- now and then all names and uids are listed (metadata only), and the store is set right.
"""

import asyncio
import logging
import random

from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import ApiError, NotFound, Unreachable
from jaxop.kube.reflector import PAGE_SIZE, Reflector
from jaxop.kube.store import ObjectStore, version

log = logging.getLogger(__name__)

HEARD_OF_SECONDS = 10.0
RESYNC_SECONDS = 600.0


class FedStore:
    """Wraps the store of a fed kind. `event_type` None is kopf's word for its initial listing."""

    def __init__(
        self,
        client: ApiClient,
        store: ObjectStore,
        *,
        namespace: str | None = None,
        heard_of_seconds: float = HEARD_OF_SECONDS,
        resync_seconds: float = RESYNC_SECONDS,
    ) -> None:
        self.synced = asyncio.Event()
        self._client = client
        self._store = store
        self._namespace = namespace
        self._heard_of_seconds = heard_of_seconds
        self._resync_seconds = resync_seconds
        self._heard_of: dict[str, float] = {}

    def feed(self, event_type: str | None, obj: Manifest) -> None:
        if event_type == "DELETED":
            self._remove(obj)
        elif self._store.put(obj):
            self._hear_of(obj)

    async def is_alive(self, owner: Manifest) -> bool:
        """Whether exactly this object exists and is not being deleted; sets the store right."""
        heard_of = self._heard_of.get(owner["metadata"]["uid"], float("-inf"))
        if _now() - heard_of < self._heard_of_seconds:
            return True
        metadata = owner["metadata"]
        try:
            live = await self._client.get(
                self._store.resource, metadata.get("namespace", ""), metadata["name"]
            )
        except NotFound:
            log.info("%s %s is gone unannounced", owner["kind"], metadata["name"])
            self._remove(owner)
            return False
        self.feed("MODIFIED", live)
        self._hear_of(live)
        found = live["metadata"]
        return bool(found["uid"] == metadata["uid"] and "deletionTimestamp" not in found)

    async def run(self) -> None:
        """Lists all once, then sets the store right for ever. Raises FatalError as a reflector."""
        await Reflector(self._client, self._store, namespace=self._namespace).fill()
        for obj in self._store.all():
            self._hear_of(obj)
        self.synced.set()
        while True:
            await asyncio.sleep(self._resync_seconds * random.uniform(0.8, 1.2))  # noqa: S311
            try:
                await self.resync()
            except (ApiError, Unreachable) as error:
                log.warning("%s are not resynced: %s", self._store.resource, error)

    async def resync(self) -> None:
        """Deletes what is gone, gets what was missed or is behind."""
        listing, behind, token, taken_at = self._store.listing(), [], "", ""
        while True:
            page = await self._client.list_page(
                self._store.resource,
                self._namespace,
                limit=PAGE_SIZE,
                continue_token=token,
                metadata_only=True,
            )
            for item in page.items:
                metadata = item["metadata"]
                listing.mark(metadata["uid"])
                known = self._store.get(metadata.get("namespace", ""), metadata["name"])
                if known is None or version(known["metadata"]["resourceVersion"]) < version(
                    metadata["resourceVersion"]
                ):
                    behind.append((metadata.get("namespace", ""), metadata["name"]))
            taken_at, token = page.resource_version, page.continue_token
            if not token:
                break
        listing.finish(taken_at)
        for namespace, name in behind:
            try:
                self.feed("MODIFIED", await self._client.get(self._store.resource, namespace, name))
            except NotFound:
                continue
        uids = {obj["metadata"]["uid"] for obj in self._store.all()}
        self._heard_of = {uid: at for uid, at in self._heard_of.items() if uid in uids}

    def _remove(self, obj: Manifest) -> None:
        self._heard_of.pop(obj["metadata"]["uid"], None)
        self._store.remove(obj)

    def _hear_of(self, obj: Manifest) -> None:
        self._heard_of[obj["metadata"]["uid"]] = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
