"""Own kinds fed from outside, as kopf does: which never says what vanished behind its back."""

from typing import Any

import pytest
from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import NotFound
from jaxop.kube.fed import FedStore
from jaxop.kube.loop import Loop
from jaxop.kube.resources import CONFIGMAPS
from jaxop.kube.store import ObjectStore
from waiting import until
from widget import WIDGETS, Running, WidgetController, a_widget
from wire import Wire

FED = frozenset({WIDGETS})


async def fed(client: ApiClient, loop: Loop, obj: Manifest, kind: str = "ADDED") -> Manifest:
    """Creates it, and tells the loop as kopf would."""
    made = await client.create(WIDGETS, obj, manager="test")
    loop.feed(WIDGETS, kind, made)
    return made


async def ready(client: ApiClient, namespace: str) -> None:
    async def is_ready() -> bool:
        found = await client.get(WIDGETS, namespace, "w")
        return (found.get("status") or {}).get("ready") == 2

    await until(is_ready, "the widget is ready")


def gets(wire: Wire) -> int:
    return sum(sent.method == "GET" and sent.path.endswith("/widgets/w") for sent in wire.sent)


async def test_events_from_outside(running: Running, client: ApiClient, namespace: str) -> None:
    await client.create(WIDGETS, a_widget(namespace, "before"), manager="test")
    async with running(WidgetController(), fed=FED) as loop:
        assert loop.stores[WIDGETS].get(namespace, "before") is not None
        made = await fed(client, loop, a_widget(namespace))
        await ready(client, namespace)
        loop.feed(WIDGETS, "DELETED", made)
        assert loop.stores[WIDGETS].get(namespace, "w") is None


async def test_a_new_object_costs_no_extra_request(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    async with running(WidgetController(), fed=FED) as loop:
        await fed(client, loop, a_widget(namespace))
        await ready(client, namespace)
        await until(lambda: loop.queue.idle, "the loop is at rest")
        assert gets(wire) == 0


async def test_a_vanished_owner_gets_no_children_again(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    """The owner goes unannounced; then the garbage collector takes its children."""
    controller = WidgetController()
    async with running(controller, fed=FED) as loop:
        await fed(client, loop, a_widget(namespace))
        await ready(client, namespace)
        await until(lambda: loop.queue.idle, "the loop is at rest")
        await client.delete(WIDGETS, namespace, "w")
        wire.sent.clear()
        await client.delete(CONFIGMAPS, namespace, "w-0")
        await until(lambda: not len(loop.stores[WIDGETS]), "it is noticed")
        await client.delete(CONFIGMAPS, namespace, "w-1")
        await until(lambda: not len(loop.stores[CONFIGMAPS]), "the children are gone")
        await until(lambda: loop.queue.idle, "the loop is at rest")
        assert wire.writes() == []
        assert gets(wire) == 1


async def test_a_new_object_that_vanished_before_its_first_pass(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    """Its children are made in vain, and nothing after them."""
    controller = WidgetController()
    async with running(controller, fed=FED) as loop:
        made = await client.create(WIDGETS, a_widget(namespace), manager="test")
        await client.delete(WIDGETS, namespace, "w")
        loop.feed(WIDGETS, "ADDED", made)
        await until(lambda: not len(loop.stores[WIDGETS]) and loop.queue.idle, "it is noticed")
        for name in ("w-0", "w-1"):
            await client.delete(CONFIGMAPS, namespace, name)
        await until(lambda: not len(loop.stores[CONFIGMAPS]), "the children are gone")
        await until(lambda: loop.queue.idle, "the loop is at rest")
        assert sum(write.endswith("/configmaps") for write in wire.writes()) == 2


async def test_a_vanished_owner_recreated_under_its_name(
    running: Running, client: ApiClient, namespace: str
) -> None:
    async with running(WidgetController(), fed=FED) as loop:
        await fed(client, loop, a_widget(namespace))
        await ready(client, namespace)
        await client.delete(WIDGETS, namespace, "w")
        new = await client.create(WIDGETS, a_widget(namespace, data={"z": "1"}), manager="test")
        for name in ("w-0", "w-1"):
            await client.delete(CONFIGMAPS, namespace, name)

        async def replaced() -> bool:
            try:
                found = await client.get(CONFIGMAPS, namespace, "w-0")
            except NotFound:
                return False
            owner = found["metadata"]["ownerReferences"][0]["uid"]
            return bool(owner == new["metadata"]["uid"] and found["data"] == {"z": "1"})

        await until(replaced, "the new one's children exist")


@pytest.fixture
def fed_store(wire: Wire, namespace: str, widget_kind: None) -> FedStore:
    return FedStore(ApiClient(wire), ObjectStore(WIDGETS), namespace=namespace)


async def test_resync_sets_the_store_right(
    fed_store: FedStore, client: ApiClient, namespace: str, wire: Wire
) -> None:
    store = fed_store._store
    made: dict[str, Any] = {}
    for name in ("gone", "again", "behind", "same"):
        made[name] = await client.create(WIDGETS, a_widget(namespace, name), manager="test")
        fed_store.feed("ADDED", made[name])
    await client.delete(WIDGETS, namespace, "gone")
    await client.delete(WIDGETS, namespace, "again")
    again = await client.create(WIDGETS, a_widget(namespace, "again"), manager="test")
    await client.create(WIDGETS, a_widget(namespace, "missed"), manager="test")
    await client.patch(WIDGETS, namespace, "behind", {"spec": {"children": 9}}, manager="test")
    told: list[str] = []
    store.listeners.append(lambda old, new, _: told.append((new or old or {})["metadata"]["name"]))
    wire.sent.clear()
    await fed_store.resync()
    assert {obj["metadata"]["name"] for obj in store.all()} == {"again", "behind", "missed", "same"}
    assert (store.get(namespace, "behind") or {})["spec"]["children"] == 9
    assert (store.get(namespace, "again") or {})["metadata"]["uid"] == again["metadata"]["uid"]
    assert sorted(set(told)) == ["again", "behind", "gone", "missed"]
    assert len(wire.sent) == 4, "one list, and a get for each that was missed"
