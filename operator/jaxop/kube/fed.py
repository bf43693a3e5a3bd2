"""A store of one of our own kinds that kopf feeds, made safe.

kopf never reports objects that vanished while its watch was broken. Our copy would live on, its
children would be collected as orphans, and we would create them again, for ever. Hence the executor
asks whether the owner still is, before it makes children again; and here, now and then, all names
and uids are listed (metadata only), and the store is set right.
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

RESYNC_SECONDS = 600.0


class FedStore:
    """Wraps the store of a fed kind. `event_type` None is kopf's word for its initial listing."""

    def __init__(
        self,
        client: ApiClient,
        store: ObjectStore,
        *,
        namespace: str | None = None,
        resync_seconds: float = RESYNC_SECONDS,
    ) -> None:
        self.synced = asyncio.Event()
        self._client = client
        self._store = store
        self._namespace = namespace
        self._resync_seconds = resync_seconds

    def feed(self, event_type: str | None, obj: Manifest) -> None:
        if event_type == "DELETED":
            self._store.remove(obj)
        else:
            self._store.put(obj)

    async def run(self) -> None:
        """Lists all once, then sets the store right for ever. Raises FatalError as a reflector."""
        await Reflector(self._client, self._store, namespace=self._namespace).fill()
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
                self._store.put(await self._client.get(self._store.resource, namespace, name))
            except NotFound:
                continue
