"""The API server's verbs on raw JSON objects: retries, timeouts, typed errors, and the fence."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from jaxop.api.plan import Manifest
from jaxop.kube.resources import Resource

Propagation = Literal["Background", "Foreground", "Orphan"]
WatchType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


@dataclass(frozen=True, slots=True)
class Page:
    """One chunk of a LIST. `continue_token` is "" on the last."""

    items: list[Manifest]
    resource_version: str
    continue_token: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    type: WatchType
    object: Manifest


class ApiClient(Protocol):
    """What the core needs of the API server.

    Every method raises an ApiError of `kube.errors`, Unreachable, or (writes only) NotLeading.
    429 is retried for all verbs, 5xx and lost connections for idempotent ones.
    `namespace` is "" for cluster-scoped kinds; None lists all namespaces.
    """

    async def get(self, resource: Resource, namespace: str, name: str) -> Manifest: ...

    async def list_page(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        selector: str = "",
        limit: int = 500,
        continue_token: str = "",
        metadata_only: bool = False,
    ) -> Page: ...

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        selector: str = "",
        resource_version: str,
        timeout_seconds: int = 300,
    ) -> AsyncIterator[WatchEvent]: ...

    async def create(self, resource: Resource, obj: Manifest, *, manager: str) -> Manifest: ...

    async def apply(self, resource: Resource, obj: Manifest, *, manager: str) -> Manifest:
        """Server-side apply, forced: what this manager declares is what it owns."""
        ...

    async def replace(self, resource: Resource, obj: Manifest) -> Manifest:
        """PUT; `metadata.resourceVersion` in `obj` makes it conditional."""
        ...

    async def merge_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Manifest,
        *,
        manager: str,
        subresource: str = "",
    ) -> Manifest: ...

    async def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        propagation: Propagation = "Background",
    ) -> Manifest:
        """The object if it lingers (finalizers), else a Status."""
        ...


Fence = Callable[[], None]
"""Called before every write, each attempt anew; raises NotLeading to hold it back."""
