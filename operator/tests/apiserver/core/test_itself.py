"""An object whose life is over is deleted itself, if it still is as when that was decided."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from jaxop.api.plan import Plan
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import NotFound
from jaxop.kube.resources import ref_of
from jaxop.kube.transport import Request
from waiting import until
from widget import WIDGETS, Running, Snapshot, WidgetController, a_widget
from wire import Wire


@dataclass
class _Ending(WidgetController):
    """Deletes a widget whose data say that its time is over."""

    def decide(self, snapshot: Snapshot, now: datetime) -> Plan:
        plan = super().decide(snapshot, now)
        over = "over" in snapshot.widget["spec"]["data"]
        return Plan(delete=(ref_of(snapshot.widget),)) if over else plan


async def test_an_object_whose_life_is_over_is_deleted_itself(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    async with running(_Ending()) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await until(lambda: loop.queue.idle and wire.writes(), "the loop is at rest")
        over = {"spec": {"data": {"over": "1"}}}
        await client.patch(WIDGETS, namespace, "w", over, manager="test")
        await until(lambda: not len(loop.stores[WIDGETS]), "it is deleted")
        await until(lambda: loop.queue.idle, "the loop is at rest")
    assert [w for w in wire.writes() if w.startswith("DELETE")] == [
        f"DELETE /apis/test.jaxop.dev/v1/namespaces/{namespace}/widgets/w"
    ]
    with pytest.raises(NotFound):
        await client.get(WIDGETS, namespace, "w")


async def test_an_object_that_changed_meanwhile_is_not_deleted(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    """Given a user takes back, at that very moment, what its deletion was decided on."""
    taken_back: list[str] = []

    async def change_first(request: Request) -> None:
        if request.method == "DELETE" and not taken_back:
            taken_back.append(request.path)
            patch = {"spec": {"data": {"over": None}}}
            await client.patch(WIDGETS, namespace, "w", patch, manager="test")

    wire.before = change_first
    async with running(_Ending()):
        made = a_widget(namespace, data={"over": "1", "a": "1"})
        await client.create(WIDGETS, made, manager="test")

        async def goes_on() -> bool:
            widget = await client.get(WIDGETS, namespace, "w")
            return bool(widget.get("status", {}).get("ready") == 2)

        await until(goes_on, "it has its children")
    assert taken_back
