"""What nobody can make again is deleted only for an object that is still as it was seen."""

from dataclasses import dataclass, replace
from datetime import datetime

from jaxop.api.plan import Plan
from jaxop.kube.client import ApiClient
from jaxop.kube.resources import CONFIGMAPS, ref_of
from jaxop.kube.transport import Request
from waiting import until
from widget import WIDGETS, Running, Snapshot, WidgetController, a_widget
from wire import Wire


@dataclass
class _Forgetful(WidgetController):
    """Discards the children of a widget whose data say so."""

    def decide(self, snapshot: Snapshot, now: datetime) -> Plan:
        plan = super().decide(snapshot, now)
        if "forget" not in snapshot.widget["spec"]["data"]:
            return plan
        return replace(plan, apply=(), delete=(), discard=tuple(map(ref_of, snapshot.children)))


async def test_it_is_deleted(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    async with running(_Forgetful()) as loop:
        await _has_children(client, namespace)
        await client.patch(WIDGETS, namespace, "w", _data(forget="1"), manager="test")
        await until(lambda: len(_deletions(wire)) == 2, "both are deleted")
        await until(lambda: loop.queue.idle, "the loop is at rest")
    assert len(_deletions(wire)) == 2


async def test_it_stays_if_the_object_changed_meanwhile(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    """Given a user takes back what that was decided on, before the operator has heard of it."""
    taken_back: list[str] = []

    async def take_back(request: Request) -> None:
        if request.method == "GET" and request.path.endswith("/widgets/w") and not taken_back:
            taken_back.append(request.path)
            await client.patch(WIDGETS, namespace, "w", _data(forget=None, b="2"), manager="test")

    async with running(_Forgetful()):
        await _has_children(client, namespace)
        wire.before = take_back
        await client.patch(WIDGETS, namespace, "w", _data(forget="1"), manager="test")

        async def goes_on() -> bool:
            child = await client.get(CONFIGMAPS, namespace, "w-0")
            return "b" in child["data"]

        await until(goes_on, "its children are as the user wants them now")
    assert taken_back
    assert _deletions(wire) == []


async def _has_children(client: ApiClient, namespace: str) -> None:
    await client.create(WIDGETS, a_widget(namespace), manager="test")

    async def there() -> bool:
        widget = await client.get(WIDGETS, namespace, "w")
        return bool(widget.get("status", {}).get("ready") == 2)

    await until(there, "it has its children")


def _data(**data: str | None) -> dict[str, dict[str, dict[str, str | None]]]:
    return {"spec": {"data": data}}


def _deletions(wire: Wire) -> list[str]:
    return [write for write in wire.writes() if write.startswith("DELETE")]
