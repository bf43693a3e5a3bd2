"""Kubernetes Events, few of them: the same again only counts, many alike become one.

An Event's name is derived from what it says, so a repeat meets the first one, also after the
operator was restarted. Events are a courtesy: a failure to write one is logged and no more.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from jaxop.api.plan import Event, Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import AlreadyExists, ApiError, NotFound, Unreachable
from jaxop.kube.resources import EVENTS

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

REPEAT_SECONDS = 60.0
"""A repeat within this time after the last write is only counted."""
ALIKE = 10
"""So many different messages of one reason on one object within the window, and the further ones
share one Event."""
WINDOW_SECONDS = 600.0
REMEMBERED = 4096
MAX_MESSAGE_BYTES = 1024


@dataclass(slots=True)
class _Told:
    count: int = 0
    first: str = ""
    written_at: float = float("-inf")
    exists: bool = False


@dataclass(slots=True)
class _Alike:
    since: float
    messages: set[str] = field(default_factory=set)


class EventRecorder:
    """Writes the Events of one controller, `component`."""

    def __init__(self, client: ApiClient, component: str, *, instance: str = "") -> None:
        self._client = client
        self._component = component
        self._instance = instance or component
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._alike: OrderedDict[tuple[str, str, str], _Alike] = OrderedDict()

    async def record(self, about: Manifest, event: Event) -> bool:
        """Whether the API server was asked."""
        event = self._combined(about, event)
        name = _name(about, event)
        told = _remember(self._told, name, _Told())
        told.count += 1
        clock = asyncio.get_running_loop().time
        if clock() - told.written_at < REPEAT_SECONDS:
            return False
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told.first = told.first or now
        told.written_at = clock()
        try:
            await self._write(about, event, name, told, now)
        except (ApiError, Unreachable) as error:
            log.warning("no event %s for %s: %s", event.reason, about["metadata"]["name"], error)
        return True

    def _combined(self, about: Manifest, event: Event) -> Event:
        now = asyncio.get_running_loop().time()
        group = about["metadata"]["uid"], event.type, event.reason
        alike = _remember(self._alike, group, _Alike(now))
        if now - alike.since > WINDOW_SECONDS:
            alike.since, alike.messages = now, set()
        if event.message in alike.messages:
            return event
        if len(alike.messages) < ALIKE:
            alike.messages.add(event.message)
            return event
        return Event(event.type, event.reason, f"(combined from similar events) {event.message}")

    async def _write(self, about: Manifest, event: Event, name: str, told: _Told, now: str) -> None:
        namespace = about["metadata"].get("namespace") or "default"
        message = event.message.encode()[:MAX_MESSAGE_BYTES].decode(errors="ignore")
        if told.exists:
            patch = {"count": told.count, "lastTimestamp": now, "message": message}
            try:
                await self._client.patch(EVENTS, namespace, name, patch, manager=self._component)
                return
            except NotFound:  # events live for an hour
                told.count, told.first = 1, now
        body = self._body(about, event, namespace, name, message, told, now)
        try:
            await self._client.create(EVENTS, body, manager=self._component)
        except AlreadyExists:
            known = await self._client.get(EVENTS, namespace, name)
            told.count += known.get("count") or 0
            patch = {"count": told.count, "lastTimestamp": now}
            await self._client.patch(EVENTS, namespace, name, patch, manager=self._component)
        told.exists = True

    def _body(
        self,
        about: Manifest,
        event: Event,
        namespace: str,
        name: str,
        message: str,
        told: _Told,
        now: str,
    ) -> Manifest:
        metadata = about["metadata"]
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "namespace": metadata.get("namespace", ""),
                "name": metadata["name"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "type": event.type,
            "reason": event.reason,
            "message": message,
            "count": told.count,
            "firstTimestamp": told.first,
            "lastTimestamp": now,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": self._instance,
        }


def _name(about: Manifest, event: Event) -> str:
    combined = event.message.startswith("(combined")
    said = "" if combined else event.message
    parts = (about["metadata"]["uid"], event.type, event.reason, said)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return f"{about['metadata']['name']}.{digest}"


def _remember(memory: OrderedDict[K, V], key: K, new: V) -> V:
    value = memory.setdefault(key, new)
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
    return value
