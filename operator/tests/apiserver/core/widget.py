"""A kind and a controller for the tests: a Widget becomes `spec.children` ConfigMaps."""

import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jaxop.api.plan import Event, Manifest, Plan
from jaxop.kube.controller import Refusal, Watch, wake_itself, wake_label
from jaxop.kube.loop import Loop
from jaxop.kube.resources import CONFIGMAPS, Key, Resource, ref_of, register
from jaxop.kube.store import Stores

WIDGETS = Resource("test.jaxop.dev", "v1", "widgets", "Widget")
CRDS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False
)
register(WIDGETS)

Running = Callable[..., AbstractAsyncContextManager[Loop]]
"""`async with running(controller) as loop`: what the fixture of that name gives."""

_OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
WIDGET_CRD: Manifest = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.test.jaxop.dev"},
    "spec": {
        "group": "test.jaxop.dev",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": _OPEN, "status": _OPEN},
                    }
                },
            }
        ],
    },
}


def a_widget(
    namespace: str,
    name: str = "w",
    *,
    children: int = 2,
    shared: str = "",
    data: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    finalizers: list[str] | None = None,
) -> Manifest:
    return {
        "apiVersion": "test.jaxop.dev/v1",
        "kind": "Widget",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels or {},
            "finalizers": finalizers or [],
        },
        "spec": {"children": children, "data": data or {"a": "1"}, "shared": shared},
    }


@dataclass(frozen=True)
class Snapshot:
    widget: Manifest
    children: tuple[Manifest, ...]


@dataclass
class WidgetController:
    """`before_decide` lets a test see or disturb each pass."""

    name: str = "widget-test"
    resource: Resource = WIDGETS
    passes: list[Key] = field(default_factory=list)
    before_decide: Callable[[Snapshot], None] = lambda _: None
    fail: Exception | None = None
    requeue_after: float | None = None

    @property
    def watches(self) -> tuple[Watch, ...]:
        by_widget = {"widget": _widget_of}
        return (
            Watch(WIDGETS, wake_itself, selector=""),
            Watch(CONFIGMAPS, wake_label("Widget", "test.jaxop.dev/widget"), indexes=by_widget),
        )

    def observe(self, key: Key, stores: Stores) -> Snapshot | None:
        self.passes.append(key)
        widget = stores[WIDGETS].get(key.namespace, key.name)
        if widget is None:
            return None
        index = f"{key.namespace}/{key.name}"
        return Snapshot(widget, tuple(stores[CONFIGMAPS].by_index("widget", index)))

    def decide(self, snapshot: Snapshot, now: datetime) -> Plan:
        self.before_decide(snapshot)
        if self.fail:
            raise self.fail
        widget, spec = snapshot.widget, snapshot.widget["spec"]
        wanted = tuple(_child(widget, i, spec["data"]) for i in range(spec["children"]))
        names = {child["metadata"]["name"] for child in wanted}
        stale = [c for c in snapshot.children if c["metadata"]["name"] not in names]
        ready = len(snapshot.children) - len(stale)
        return Plan(
            create=(_shared(spec["shared"]),) if spec["shared"] else (),
            apply=wanted,
            delete=tuple(map(ref_of, stale)),
            status={"ready": ready, "wanted": len(wanted), "note": None},
            events=(Event("Normal", "Counted", f"{ready} of {len(wanted)} are ready"),),
            requeue_after=self.requeue_after,
        )

    def refused(self, snapshot: Snapshot, refusals: tuple[Refusal, ...], now: datetime) -> Plan:
        said = [f"{refusal.reason}: {refusal.message}" for refusal in refusals]
        return Plan(status={"stalled": said})


def _child(widget: Manifest, index: int, data: dict[str, Any]) -> Manifest:
    name = widget["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-{index}", "labels": {"test.jaxop.dev/widget": name}},
        "data": data,
    }


def _shared(name: str) -> Manifest:
    """As a token: other data each time, of which the first stay."""
    data = {"token": secrets.token_hex(4)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _widget_of(obj: Manifest) -> list[str]:
    metadata = obj["metadata"]
    return [f"{metadata['namespace']}/{metadata['labels'].get('test.jaxop.dev/widget', '')}"]
