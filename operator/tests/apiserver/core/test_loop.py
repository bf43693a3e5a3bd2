"""The one loop, on a real API server: given Widgets, then their ConfigMaps, status and events."""

import asyncio
from dataclasses import replace

import pytest
from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.controller import Watch
from jaxop.kube.errors import NotFound, Unreachable
from jaxop.kube.loop import RESTLESS, Loop
from jaxop.kube.resources import CONFIGMAPS, EVENTS
from jaxop.kube.transport import Request, Response
from prometheus_client import REGISTRY
from waiting import until
from widget import WIDGETS, Running, Snapshot, WidgetController, a_widget
from wire import Wire, status

FOREIGN = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"mine": "yes"}}


async def names(client: ApiClient, namespace: str) -> list[str]:
    page = await client.list_page(CONFIGMAPS, namespace)
    return sorted(item["metadata"]["name"] for item in page.items)


async def status_of(client: ApiClient, namespace: str, name: str = "w") -> Manifest:
    found: Manifest = (await client.get(WIDGETS, namespace, name)).get("status") or {}
    return found


async def settled(client: ApiClient, loop: Loop, namespace: str, **wanted: object) -> None:
    async def reached() -> object:
        seen = await status_of(client, namespace)
        return (loop.queue.idle and wanted.items() <= seen.items()) or None

    await until(reached, f"the status has {wanted}")


async def test_children_status_and_events(
    running: Running, client: ApiClient, namespace: str
) -> None:
    async with running(WidgetController()) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=2, wanted=2)
        assert await names(client, namespace) == ["w-0", "w-1"]
        child = await client.get(CONFIGMAPS, namespace, "w-0")
        widget = await client.get(WIDGETS, namespace, "w")
        assert child["metadata"]["ownerReferences"] == [
            {
                "apiVersion": "test.jaxop.dev/v1",
                "kind": "Widget",
                "name": "w",
                "uid": widget["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
        told = (await client.list_page(EVENTS, namespace)).items
        assert sorted(event["message"] for event in told) == [
            "0 of 2 are ready",
            "2 of 2 are ready",
        ]
        assert all(event["involvedObject"]["name"] == "w" for event in told)


async def test_a_second_pass_writes_nothing(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    controller = WidgetController()
    async with running(controller) as loop:
        widget = await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=2)
        first = wire.writes()
        assert len(first) == 6, first  # two children, two statuses, an event for each
        wire.sent.clear()
        passes = len(controller.passes)
        loop.queue.add(controller.passes[0])
        await until(lambda: len(controller.passes) > passes and loop.queue.idle, "another pass")
        assert wire.sent == []
    async with running(WidgetController()) as loop:  # nor does another process
        await settled(client, loop, namespace, ready=2)
        assert wire.writes() == []
        seen = loop.stores[WIDGETS].get(namespace, "w")
        assert seen is not None
        assert seen["metadata"]["uid"] == widget["metadata"]["uid"]


async def test_own_writes_do_not_echo(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    """The pass after a writing pass must see its writes, though the watch says nothing yet."""
    controller = WidgetController()
    async with running(controller) as loop:
        wire.meddle = lambda r: Unreachable("held") if r.query.get("watch") else None
        wire.cut()
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        loop.stores[WIDGETS].put(await client.get(WIDGETS, namespace, "w"))
        await settled(client, loop, namespace, ready=2)
        assert len([w for w in wire.writes() if w.endswith("/configmaps")]) == 2
        assert len(controller.passes) == 3, "create, count, nothing"


async def test_a_changed_child_is_applied_and_lost_fields_go(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    async with running(WidgetController()) as loop:
        made = a_widget(namespace, data={"a": "1", "b": "2"})
        await client.create(WIDGETS, made, manager="test")
        await settled(client, loop, namespace, ready=2)
        wire.sent.clear()
        patch = {"spec": {"data": {"a": "3", "b": None}}}
        await client.patch(WIDGETS, namespace, "w", patch, manager="test")

        async def changed() -> bool:
            found = await client.get(CONFIGMAPS, namespace, "w-1")
            return found["data"] == {"a": "3"}

        await until(changed, "the field b is gone from the child")
        await settled(client, loop, namespace, ready=2)
        patches = len(wire.writes())
        assert patches == 4, wire.writes()  # for each child: take over, apply
        await client.patch(WIDGETS, namespace, "w", {"spec": {"data": {"a": "4"}}}, manager="test")
        await until(lambda: len(wire.writes()) == patches + 2, "one write for each child")


async def test_another_managers_fields_stay(
    running: Running, client: ApiClient, namespace: str
) -> None:
    async with running(WidgetController()) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=2)
        theirs = {"metadata": {"labels": {"team": "blue"}}}
        await client.patch(CONFIGMAPS, namespace, "w-0", theirs, manager="somebody")
        await client.patch(WIDGETS, namespace, "w", {"spec": {"data": {"a": "9"}}}, manager="test")

        async def changed() -> Manifest | None:
            found = await client.get(CONFIGMAPS, namespace, "w-0")
            return found if found["data"] == {"a": "9"} else None

        found = await until(changed, "the child has the new value")
        assert found["metadata"]["labels"]["team"] == "blue"


async def test_a_deleted_child_is_made_again_and_a_surplus_one_deleted(
    running: Running, client: ApiClient, namespace: str
) -> None:
    async with running(WidgetController()) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=2)
        old = await client.get(CONFIGMAPS, namespace, "w-0")
        await client.delete(CONFIGMAPS, namespace, "w-0")

        async def again() -> bool:
            try:
                found = await client.get(CONFIGMAPS, namespace, "w-0")
            except NotFound:
                return False
            return bool(found["metadata"]["uid"] != old["metadata"]["uid"])

        await until(again, "w-0 exists again")
        await client.patch(WIDGETS, namespace, "w", {"spec": {"children": 1}}, manager="test")
        await settled(client, loop, namespace, ready=1, wanted=1)
        assert await names(client, namespace) == ["w-0"]


async def test_a_taken_name_stalls_and_is_not_touched(
    running: Running, client: ApiClient, namespace: str
) -> None:
    taken = {**FOREIGN, "metadata": {"name": "w-1", "namespace": namespace}}
    before = await client.create(CONFIGMAPS, taken, manager="somebody")
    async with running(WidgetController()):
        await client.create(WIDGETS, a_widget(namespace), manager="test")

        async def stalled() -> Manifest | None:
            return (await status_of(client, namespace)).get("stalled")

        said = await until(stalled, "the status says so")
        assert said == [
            f"NameConflict: ConfigMap {namespace}/w-1 exists already and it was made by somebody "
            "else: delete it, or use another name"
        ]
        assert await client.get(CONFIGMAPS, namespace, "w-1") == before
        await client.delete(CONFIGMAPS, namespace, "w-1")
        await until(lambda: _ready(client, namespace, 2), "it goes on when the name is free")


async def _ready(client: ApiClient, namespace: str, count: int) -> bool:
    seen = await status_of(client, namespace)
    return seen.get("ready") == count and "stalled" not in seen


async def test_an_invalid_child_stalls_with_the_servers_words(
    running: Running, client: ApiClient, namespace: str
) -> None:
    async with running(WidgetController()) as loop:
        bad = a_widget(namespace, data={"not a key!": "1"})
        await client.create(WIDGETS, bad, manager="test")

        async def stalled() -> list[str] | None:
            return (await status_of(client, namespace)).get("stalled")

        said = await until(stalled, "the status says so")
        assert len(said) == 2
        assert said[0].startswith(f"Invalid: ConfigMap {namespace}/w-0 is refused: ")
        assert "not a key!" in said[0]
        patch = {"spec": {"data": {"not a key!": None, "good": "1"}}}
        await client.patch(WIDGETS, namespace, "w", patch, manager="test")
        await settled(client, loop, namespace, ready=2)
        assert "stalled" not in await status_of(client, namespace)


async def test_an_owner_that_is_being_deleted_gets_no_children(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    made = a_widget(namespace, finalizers=["test.jaxop.dev/hold"])
    await client.create(WIDGETS, made, manager="test")
    await client.delete(WIDGETS, namespace, "w")
    async with running(WidgetController()) as loop:
        await settled(client, loop, namespace, ready=0)
        assert await names(client, namespace) == []
        assert not [w for w in wire.writes() if "configmaps" in w]
        await client.patch(
            WIDGETS, namespace, "w", {"metadata": {"finalizers": None}}, manager="test"
        )
        await until(lambda: not len(loop.stores[WIDGETS]), "it is forgotten")


async def test_deleted_during_its_pass(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    async def delete_owner(request: Request, _: Response) -> None:
        if request.method == "POST" and request.path.endswith("configmaps"):
            wire.after = lambda _, __: None
            await client.delete(WIDGETS, namespace, "w")

    wire.after = delete_owner
    controller = WidgetController()
    async with running(controller) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await until(lambda: controller.passes and not len(loop.stores[WIDGETS]), "it is forgotten")
        await until(lambda: loop.queue.idle, "the loop is at rest")
        assert not [w for w in wire.writes() if w.startswith("POST") and "events" in w]


async def test_recreated_with_the_same_name(
    running: Running, client: ApiClient, namespace: str
) -> None:
    """No garbage collector runs here: the test plays it, late."""
    controller = WidgetController()
    async with running(controller) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=2)
        await client.delete(WIDGETS, namespace, "w")
        new = await client.create(WIDGETS, a_widget(namespace, data={"b": "2"}), manager="test")
        passes = len(controller.passes)
        await until(lambda: len(controller.passes) > passes + 1, "it tries, and waits")
        left = await client.get(CONFIGMAPS, namespace, "w-0")
        assert left["data"] == {"a": "1"}, "a leftover of the dead one is not touched"
        assert "stalled" not in await status_of(client, namespace), "it will go by itself"
        for name in ("w-0", "w-1"):
            await client.delete(CONFIGMAPS, namespace, name)

        async def replaced() -> bool:
            try:
                found = await client.get(CONFIGMAPS, namespace, "w-0")
            except NotFound:
                return False
            owner = found["metadata"]["ownerReferences"][0]["uid"]
            return bool(owner == new["metadata"]["uid"] and found["data"] == {"b": "2"})

        await until(replaced, "the new one has its own children")
        await settled(client, loop, namespace, ready=2)


async def test_a_conflicting_status_is_decided_anew(
    running: Running, client: ApiClient, namespace: str
) -> None:
    """Somebody changes the spec between observe and the status write."""
    disturbed = asyncio.Event()

    def disturb(_: Snapshot) -> None:
        if not disturbed.is_set():
            disturbed.set()
            tasks.append(asyncio.create_task(change()))

    async def change() -> None:
        await client.patch(WIDGETS, namespace, "w", {"spec": {"children": 3}}, manager="test")

    tasks: list[asyncio.Task[None]] = []
    async with running(WidgetController(before_decide=disturb)) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=3, wanted=3)


async def test_a_status_is_written_only_to_what_was_decided_on(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    """The spec changes when the status is on its way already."""
    codes: list[int] = []

    async def change_spec(request: Request) -> None:
        if request.path.endswith("/status"):
            wire.before = lambda _: None
            patch = {"spec": {"children": 3}}
            await client.patch(WIDGETS, namespace, "w", patch, manager="test")

    def note(request: Request, response: Response) -> None:
        if request.path.endswith("/status"):
            codes.append(response.status)

    wire.before, wire.after = change_spec, note
    async with running(WidgetController()) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=3, wanted=3)
        assert codes[0] == 409
        assert set(codes[1:]) == {200}


async def test_a_failing_key_backs_off_and_hurts_no_other(
    running: Running, client: ApiClient, namespace: str
) -> None:
    controller = WidgetController()

    def fail_on_bad(snapshot: Snapshot) -> None:
        if snapshot.widget["metadata"]["name"] == "bad":
            raise RuntimeError("a bug")

    controller.before_decide = fail_on_bad
    async with running(controller) as loop:
        await client.create(WIDGETS, a_widget(namespace, "bad"), manager="test")
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=2)
        bad = next(key for key in controller.passes if key.name == "bad")
        await until(lambda: loop.queue.retries(bad) >= 3, "it is tried again")
        controller.before_decide = lambda _: None
        await until(lambda: loop.queue.retries(bad) == 0, "and forgotten once it works")
        assert (await status_of(client, namespace, "bad"))["ready"] == 2


async def test_requeue_after(running: Running, client: ApiClient, namespace: str) -> None:
    controller = WidgetController(requeue_after=0.05)
    async with running(controller):
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await until(lambda: len(controller.passes) > 8, "it comes back by itself")


async def test_no_event_without_its_status(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    def refuse_status(request: Request) -> Response | None:
        return status(409, "Conflict") if request.path.endswith("/status") else None

    wire.meddle = refuse_status
    controller = WidgetController()
    async with running(controller) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await until(lambda: len(controller.passes) > 3, "it tries again and again")
        assert not [w for w in wire.writes() if w.endswith("/events")]
        wire.meddle = lambda _: None
        await settled(client, loop, namespace, ready=2)
        assert [w for w in wire.writes() if w.endswith("/events")]


async def test_a_status_that_the_server_does_not_keep_does_not_spin(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    """Each pass writes: after some in a row they come ever more rarely."""
    counter = iter(range(10**9))

    class Restless(WidgetController):
        def decide(self, snapshot: Snapshot, now: object) -> object:  # type: ignore[override]
            plan = super().decide(snapshot, now)  # type: ignore[arg-type]
            assert plan.status is not None
            plan.status["counter"] = next(counter)
            return plan

    controller = Restless()
    async with running(controller) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await until(
            lambda: loop.queue.idle and loop.queue._timers and len(controller.passes) > RESTLESS,
            "it rests between passes",
        )
        assert loop.queue.retries(controller.passes[0]) > 0


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_lost_create_is_not_made_twice(
    running: Running, client: ApiClient, namespace: str, wire: Wire, lost: str
) -> None:
    def lose(request: Request) -> Unreachable | None:
        if request.method != "POST" or not request.path.endswith("configmaps"):
            return None
        wire.meddle = lambda _: None
        return Unreachable("lost")

    async def lose_answer(request: Request, _: Response) -> None:
        if request.method == "POST" and request.path.endswith("configmaps"):
            wire.after = lambda _, __: None
            raise Unreachable("lost")

    if lost == "request":
        wire.meddle = lose
    else:
        wire.after = lose_answer
    async with running(WidgetController()) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=2)
        assert await names(client, namespace) == ["w-0", "w-1"]


async def test_a_shared_object_is_made_once_and_stays(
    running: Running, client: ApiClient, namespace: str, wire: Wire
) -> None:
    async with running(WidgetController()) as loop:
        await asyncio.gather(
            *(
                client.create(WIDGETS, a_widget(namespace, f"w{i}", shared="token"), manager="t")
                for i in range(10)
            ),
            client.create(WIDGETS, a_widget(namespace, shared="token"), manager="test"),
        )
        await settled(client, loop, namespace, ready=2)
        made = await client.get(CONFIGMAPS, namespace, "token")
        assert "ownerReferences" not in made["metadata"]
        await client.patch(WIDGETS, namespace, "w", {"spec": {"data": {"a": "2"}}}, manager="test")
        await until(lambda: [w for w in wire.writes() if w.startswith("PATCH")], "it is applied")
        await settled(client, loop, namespace, ready=2)
        assert await client.get(CONFIGMAPS, namespace, "token") == made
        assert (await status_of(client, namespace))["wanted"] == 2


async def test_a_shared_object_of_somebody_else_stalls(
    running: Running, client: ApiClient, namespace: str
) -> None:
    theirs = {**FOREIGN, "metadata": {"name": "token", "namespace": namespace}}
    await client.create(CONFIGMAPS, theirs, manager="somebody")
    async with running(WidgetController()):
        await client.create(WIDGETS, a_widget(namespace, shared="token"), manager="test")

        async def stalled() -> list[str] | None:
            return (await status_of(client, namespace)).get("stalled")

        [said] = await until(stalled, "the status says so")
        assert said.startswith(f"NameConflict: ConfigMap {namespace}/token exists already")


async def test_many_new_objects_do_not_starve_second_passes(
    running: Running, client: ApiClient, namespace: str
) -> None:
    """The first of 100 created at once is counted ready long before the last has children."""
    for i in range(100):
        await client.create(WIDGETS, a_widget(namespace, f"w{i:03}"), manager="test")
    controller = WidgetController()
    async with running(controller, workers=2) as loop:
        await until(lambda: loop.queue.idle and len(controller.passes) >= 300, "all are done")
    order = [key.name for key in controller.passes]
    second = {name: nth_pass(order, name, 2) for name in order}
    last_first = max(nth_pass(order, name, 1) for name in order)
    assert second[order[0]] < 10
    assert sum(at < last_first for at in second.values()) > 90


def nth_pass(order: list[str], name: str, nth: int) -> int:
    return [i for i, each in enumerate(order) if each == name][nth - 1]


async def test_a_burst_of_children_makes_one_pass(
    running: Running, client: ApiClient, namespace: str
) -> None:
    class Settling(WidgetController):
        @property
        def watches(self) -> tuple[Watch, ...]:
            own, children = super().watches
            return own, replace(children, settle_seconds=0.5)

    controller = Settling()
    async with running(controller) as loop:
        await client.create(WIDGETS, a_widget(namespace, children=20), manager="test")
        await settled(client, loop, namespace, ready=20)
        await until(lambda: not loop.queue._timers, "nothing is to come")
        passes = len(controller.passes)
        for i in range(20):
            patch = {"data": {"touched": "yes"}}
            await client.patch(CONFIGMAPS, namespace, f"w-{i}", patch, manager="somebody")
        await until(lambda: len(controller.passes) > passes, "a pass")
        await until(lambda: loop.queue.idle and not loop.queue._timers, "nothing is to come")
        assert len(controller.passes) - passes <= 3


async def test_woken_from_outside(running: Running, client: ApiClient, namespace: str) -> None:
    controller = WidgetController()
    async with running(controller) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=2)
        passes = len(controller.passes)
        loop.wake(controller.passes[0])
        await until(lambda: len(controller.passes) == passes + 1, "a pass")


async def test_it_measures_itself(running: Running, client: ApiClient, namespace: str) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    created = value("jaxop_api_requests_total", verb="create", kind="ConfigMap", code="201")
    controller = WidgetController(name="measured")
    async with running(controller) as loop:
        await client.create(WIDGETS, a_widget(namespace), manager="test")
        await settled(client, loop, namespace, ready=2)
        made = value("jaxop_api_requests_total", verb="create", kind="ConfigMap", code="201")
        assert made == created + 2
        passes = {
            result: value("jaxop_reconcile_seconds_count", controller="measured", result=result)
            for result in ("written", "unchanged")
        }
        assert passes["written"] == 2
        assert passes["unchanged"] >= 1
        assert value("jaxop_store_objects", kind="ConfigMap") == 2
        assert value("jaxop_workqueue_depth") == 0
