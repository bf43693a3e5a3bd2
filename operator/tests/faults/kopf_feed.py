"""kopf's part in the operator, played: it feeds our own kinds, with kopf's own weakness.

After a 410 it lists anew and tells of what is there, but never of what vanished meanwhile. kopf
itself brings its own connections, which no fault can be put into.
"""

import asyncio
from collections.abc import Callable

from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import ApiError, Gone, Unreachable
from jaxop.kube.resources import Resource

Feed = Callable[[Resource, str | None, Manifest], None]

RECONNECT_SECONDS = 0.1
BACKOFF_SECONDS = 5.0


async def feed_as_kopf_does(
    client: ApiClient, resource: Resource, namespace: str, feed: Feed
) -> None:
    """For ever."""
    while True:
        try:
            page = await client.list_page(resource, namespace if resource.namespaced else None)
        except (ApiError, Unreachable):
            await asyncio.sleep(BACKOFF_SECONDS)
            continue
        for item in page.items:
            feed(resource, None, item)
        await _watch(client, resource, namespace, page.resource_version, feed)


async def _watch(
    client: ApiClient, resource: Resource, namespace: str, version: str, feed: Feed
) -> None:
    """Returns after a 410."""
    where = namespace if resource.namespaced else None
    while True:
        try:
            async for event in client.watch(resource, where, resource_version=version):
                version = event.object["metadata"]["resourceVersion"]
                if event.type != "BOOKMARK":
                    feed(resource, event.type, event.object)
        except Gone:
            return
        except (ApiError, Unreachable):
            await asyncio.sleep(BACKOFF_SECONDS)
        await asyncio.sleep(RECONNECT_SECONDS)
