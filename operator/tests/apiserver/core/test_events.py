"""Events: few, and the same again only counts."""

import pytest
from jaxop.api.plan import Event, Manifest
from jaxop.kube import events as events_module
from jaxop.kube.client import ApiClient
from jaxop.kube.events import ALIKE, EventRecorder
from jaxop.kube.resources import EVENTS
from widget import WIDGETS, a_widget
from wire import Wire, status

COUNTED = Event("Normal", "Counted", "2 of 2 are ready")


@pytest.fixture
async def about(client: ApiClient, namespace: str, widget_kind: None) -> Manifest:
    return await client.create(WIDGETS, a_widget(namespace), manager="test")


async def found(client: ApiClient, namespace: str) -> list[Manifest]:
    return (await client.list_page(EVENTS, namespace)).items


async def test_an_event(client: ApiClient, namespace: str, about: Manifest) -> None:
    await EventRecorder(client, "jax-operator-test").record(about, COUNTED)
    [event] = await found(client, namespace)
    assert event["involvedObject"]["uid"] == about["metadata"]["uid"]
    assert event["source"] == {"component": "jax-operator-test"}
    assert (event["type"], event["reason"], event["message"]) == (
        "Normal",
        "Counted",
        "2 of 2 are ready",
    )
    assert event["count"] == 1
    assert event["firstTimestamp"] == event["lastTimestamp"]


async def test_a_repeat_soon_after_costs_nothing(
    wire: Wire, client: ApiClient, namespace: str, about: Manifest
) -> None:
    recorder = EventRecorder(ApiClient(wire), "c")
    for _ in range(5):
        await recorder.record(about, COUNTED)
    assert len(wire.writes()) == 1


async def test_a_later_repeat_counts(
    client: ApiClient, namespace: str, about: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = EventRecorder(client, "c")
    await recorder.record(about, COUNTED)
    await recorder.record(about, COUNTED)
    monkeypatch.setattr(events_module, "REPEAT_SECONDS", 0.0)
    await recorder.record(about, COUNTED)
    [event] = await found(client, namespace)
    assert event["count"] == 3


async def test_a_repeat_by_another_process_counts_on(
    client: ApiClient, namespace: str, about: Manifest
) -> None:
    await EventRecorder(client, "c").record(about, COUNTED)
    await EventRecorder(client, "c").record(about, COUNTED)
    [event] = await found(client, namespace)
    assert event["count"] == 2


async def test_one_that_expired_is_written_anew(
    client: ApiClient, namespace: str, about: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "REPEAT_SECONDS", 0.0)
    recorder = EventRecorder(client, "c")
    await recorder.record(about, COUNTED)
    [event] = await found(client, namespace)
    await client.delete(EVENTS, namespace, event["metadata"]["name"])
    await recorder.record(about, COUNTED)
    [event] = await found(client, namespace)
    assert event["count"] == 1


async def test_many_alike_become_one(
    client: ApiClient, namespace: str, about: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "REPEAT_SECONDS", 0.0)
    recorder = EventRecorder(client, "c")
    for i in range(ALIKE + 5):
        await recorder.record(about, Event("Warning", "PodFailed", f"pod {i} failed"))
    events = await found(client, namespace)
    assert len(events) == ALIKE + 1
    [combined] = [event for event in events if event["count"] > 1]
    last = f"(combined from similar events) pod {ALIKE + 4} failed"
    assert (combined["message"], combined["count"]) == (last, 5)


async def test_long_messages_are_cut(client: ApiClient, namespace: str, about: Manifest) -> None:
    await EventRecorder(client, "c").record(about, Event("Normal", "Long", "ü" * 2000))
    [event] = await found(client, namespace)
    assert event["message"] == "ü" * 512


async def test_a_refused_event_hurts_nobody(wire: Wire, about: Manifest) -> None:
    wire.meddle = lambda _: status(403, "Forbidden")
    await EventRecorder(ApiClient(wire), "c").record(about, COUNTED)
    assert len(wire.writes()) == 1
