"""The API server as users and the other parts of a cluster use it: nothing goes wrong here."""

import json
from typing import Any

from jaxop.api.plan import Manifest
from jaxop.kube.errors import api_error
from jaxop.kube.resources import Resource
from jaxop.kube.transport import Method, Request
from line import Line

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


class RawApi:
    """All methods raise an ApiError for an answer of 400 or more."""

    def __init__(self, line: Line, namespace: str) -> None:
        self.namespace = namespace
        self._line = line

    async def create(self, resource: Resource, obj: Manifest) -> Manifest:
        path = resource.path(self.namespace)
        return await self._call("POST", path, obj)

    async def get(self, resource: Resource, name: str) -> Manifest:
        return await self._call("GET", resource.path(self.namespace, name))

    async def all(self, resource: Resource) -> list[Manifest]:
        """In order of name."""
        listed = await self._call("GET", resource.path(self.namespace))
        return sorted(listed["items"], key=lambda item: str(item["metadata"]["name"]))

    async def patch(
        self, resource: Resource, name: str, patch: Manifest, subresource: str = ""
    ) -> Manifest:
        """A merge patch."""
        path = resource.path(self.namespace, name, subresource)
        return await self._call("PATCH", path, patch, MERGE)

    async def apply(self, resource: Resource, obj: Manifest) -> Manifest:
        path = resource.path(self.namespace, obj["metadata"]["name"])
        query = {"fieldManager": "the-test", "force": "true"}
        return await self._call("PATCH", path, obj, APPLY, query)

    async def bind(self, resource: Resource, name: str, node: str) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": self.namespace},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        await self._call("POST", resource.path(self.namespace, name, "binding"), body)

    async def delete(
        self, resource: Resource, name: str, uid: str = "", grace: int | None = None
    ) -> None:
        """`grace` is in seconds; without it the object's own."""
        options: Manifest = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
        }
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        await self._call("DELETE", resource.path(self.namespace, name), options)

    async def _call(
        self,
        method: Method,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        query: dict[str, str] | None = None,
    ) -> Manifest:
        request = Request(method, path, body=body, content_type=content_type, query=query or {})
        response = await self._line.request(request)
        answer: Manifest = json.loads(response.body)
        if response.status >= 400:
            raise api_error(str(request), response.status, answer)
        return answer
