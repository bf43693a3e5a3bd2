"""The API server's verbs on raw JSON objects: retries, timeouts, typed errors, and the fence."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jaxop.api.plan import Manifest
from jaxop.kube import metrics
from jaxop.kube.errors import (
    Conflict,
    Invalid,
    Malformed,
    ServerError,
    TooManyRequests,
    Unreachable,
    api_error,
)
from jaxop.kube.resources import Resource
from jaxop.kube.transport import Method, Refused, Request, Response, Transport

Propagation = Literal["Background", "Foreground", "Orphan"]
WatchType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]

Fence = Callable[[], None]
"""Called before every write, each attempt anew; raises NotLeading to hold it back."""

ATTEMPTS = 5
MAX_RETRY_AFTER_SECONDS = 30.0
WATCH_SILENCE_SECONDS = 150.0
"""Bookmarks come every minute or so: a watch silent for longer than this is dead."""

_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


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


def _no_fence() -> None:
    return None


class ApiClient:
    """What the core needs of the API server, over a `Transport`.

    Every method raises an ApiError of `kube.errors`, Unreachable, or (writes only) NotLeading.
    429 is retried for all verbs, as nothing was done; 5xx and lost connections only for those
    that may be repeated. `namespace` is "" for cluster-scoped kinds; None means all namespaces.
    `timeout` is in seconds and bounds each attempt, here and in the server.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        fence: Fence = _no_fence,
        timeout: float = 30.0,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._transport = transport
        self._fence = fence
        self._timeout = timeout
        self._attempts = attempts

    async def get(
        self, resource: Resource, namespace: str, name: str, *, subresource: str = ""
    ) -> Manifest:
        path = resource.path(namespace, name, subresource)
        return await self._call("get", resource, "GET", path)

    async def list_page(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        selector: str = "",
        limit: int = 500,
        continue_token: str = "",
        metadata_only: bool = False,
    ) -> Page:
        """`limit` 0 asks for all at once. Items get the apiVersion and kind that a LIST omits."""
        query = {"labelSelector": selector, "continue": continue_token}
        query["limit"] = str(limit) if limit else ""
        listed = await self._call(
            "list",
            resource,
            "GET",
            resource.path(namespace),
            query={k: v for k, v in query.items() if v},
            accept=_METADATA_LIST if metadata_only else "application/json",
        )
        items = listed.get("items") or []
        for item in items:
            item["apiVersion"], item["kind"] = resource.api_version, resource.kind
        metadata = listed["metadata"]
        return Page(items, metadata["resourceVersion"], metadata.get("continue") or "")

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        selector: str = "",
        resource_version: str,
        timeout_seconds: int = 300,
    ) -> AsyncIterator[WatchEvent]:
        """Ends when the server ends it, at the latest after `timeout_seconds`.

        Raises Gone if `resource_version` is too old, at once or later; Malformed for what is not
        a watch event; other ApiErrors, Unreachable. Never retries: the reflector does.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
        }
        if selector:
            query["labelSelector"] = selector
        request = Request(
            "GET", resource.path(namespace), query=query, timeout=WATCH_SILENCE_SECONDS
        )
        code = 200
        try:
            async for line in self._transport.stream(request):
                yield _watch_event(line, request)
        except Refused as refused:
            code = refused.response.status
            raise api_error(f"watch {resource}", code, _status_of(refused.response)) from None
        except Unreachable:
            code = 0
            raise
        finally:
            metrics.API_REQUESTS.labels("watch", resource.kind, code).inc()

    async def create(self, resource: Resource, obj: Manifest, *, manager: str) -> Manifest:
        """Not repeated when the answer is lost: the next pass will meet AlreadyExists."""
        path = resource.path(obj["metadata"].get("namespace"))
        query = {"fieldManager": manager}
        return await self._call("create", resource, "POST", path, query=query, body=obj)

    async def apply(self, resource: Resource, obj: Manifest, *, manager: str) -> Manifest:
        """Server-side apply, forced: what this manager declares is what it owns.

        With `metadata.uid` it neither creates nor touches another object of that name: Conflict.
        """
        metadata = obj["metadata"]
        try:
            return await self._call(
                "apply",
                resource,
                "PATCH",
                resource.path(metadata.get("namespace"), metadata["name"]),
                query={"fieldManager": manager, "force": "true"},
                body=obj,
                content_type="application/apply-patch+yaml",
            )
        except Invalid as error:
            if any(c.get("field") == "metadata.uid" for c in error.details.get("causes") or ()):
                raise Conflict(error.request, 409, error.body) from None
            raise

    async def replace(self, resource: Resource, obj: Manifest) -> Manifest:
        """PUT; `metadata.resourceVersion` in `obj` makes it conditional."""
        metadata = obj["metadata"]
        path = resource.path(metadata.get("namespace"), metadata["name"])
        return await self._call("replace", resource, "PUT", path, body=obj)

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Manifest | list[Manifest],
        *,
        manager: str,
        subresource: str = "",
    ) -> Manifest:
        """A merge patch if `patch` is an object, a JSON patch if it is a list of operations."""
        kind = "json-patch" if isinstance(patch, list) else "merge-patch"
        return await self._call(
            "patch",
            resource,
            "PATCH",
            resource.path(namespace, name, subresource),
            query={"fieldManager": manager},
            body=patch,
            content_type=f"application/{kind}+json",
        )

    async def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
    ) -> Manifest:
        """The object if it lingers (finalizers), else a Status. Conflict if the uid or, where it is
        given, the version is another."""
        options: Manifest = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        only_if = {"uid": uid, "resourceVersion": resource_version}
        if any(only_if.values()):
            options["preconditions"] = {name: value for name, value in only_if.items() if value}
        path = resource.path(namespace, name)
        return await self._call("delete", resource, "DELETE", path, body=options)

    async def _call(
        self,
        verb: str,
        resource: Resource,
        method: Method,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Manifest:
        request = Request(
            method,
            path,
            query={**(query or {}), "timeout": f"{max(1, int(self._timeout))}s"},
            body=body,
            content_type=content_type,
            accept=accept,
            timeout=self._timeout,
        )
        attempt = 1
        while True:
            if method != "GET":
                self._fence()
            try:
                return await self._once(verb, resource, request)
            except TooManyRequests as error:
                if attempt >= self._attempts:
                    raise
                wait = min(error.retry_after or 0.0, MAX_RETRY_AFTER_SECONDS)
            except (ServerError, Unreachable):
                if attempt >= self._attempts or method == "POST":
                    raise
                wait = 0.0
            await asyncio.sleep(wait + _jittered(0.1 * 2**attempt))
            attempt += 1

    async def _once(self, verb: str, resource: Resource, request: Request) -> Manifest:
        code = 0
        try:
            response = await self._transport.request(request)
            code = response.status
        finally:
            metrics.API_REQUESTS.labels(verb, resource.kind, code).inc()
        if code >= 400:
            raise api_error(str(request), code, _status_of(response), response.retry_after)
        try:
            decoded: Manifest = json.loads(response.body)
        except ValueError as error:
            raise Unreachable(f"{request}: the answer is not JSON: {error}") from error
        return decoded


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311


def _status_of(response: Response) -> Manifest:
    """A proxy between us and the API server may answer with something else than a Status."""
    try:
        status = json.loads(response.body)
    except ValueError:
        status = None
    if isinstance(status, dict):
        return status
    return {"message": response.body[:200].decode(errors="replace")}


def _watch_event(line: bytes, request: Request) -> WatchEvent:
    try:
        event = json.loads(line)
        kind, obj = event["type"], event["object"]
        if kind == "ERROR":
            expired = obj.get("reason") in ("Expired", "Gone")
            code = 410 if expired else int(obj.get("code") or 500)
            raise api_error(f"watch {request.path}", code, obj)
        if kind not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
            raise ValueError(f"unknown type {kind!r}")
        obj["metadata"]["resourceVersion"]
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed(f"watch {request.path}: {error!r} in {line[:200]!r}") from error
    return WatchEvent(kind, obj)
