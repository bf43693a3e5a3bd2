"""Two real processes, one Lease, one API server: who writes, and since when."""

import asyncio
import itertools
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import FatalError, NotFound, NotLeading, Unreachable
from jaxop.kube.leader import Elector
from jaxop.kube.resources import CONFIGMAPS, LEASES
from jaxop.kube.transport import KubernetesTransport, Request, Response
from kubernetes.aio.leaderelection import leaderelection
from waiting import until
from widget import WIDGETS, a_widget
from wire import Wire, status

HERE = Path(__file__).parent


class Replicas:
    def __init__(self, kubeconfig: Path, namespace: str, logs: Path) -> None:
        self._arguments = str(kubeconfig), namespace
        self._logs = logs
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str) -> asyncio.subprocess.Process:
        with (self._logs / name).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "leader_process.py",
                *self._arguments,
                name,
                cwd=HERE,
                stdout=log,
                stderr=log,
            )
        self.processes[name] = process
        return process

    def log(self, name: str) -> str:
        return (self._logs / name).read_text()

    async def stop(self) -> None:
        for process in self.processes.values():
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def replicas(
    kubeconfig: Path, namespace: str, tmp_path: Path, widget_kind: None
) -> AsyncIterator[Replicas]:
    replicas = Replicas(kubeconfig, namespace, tmp_path)
    yield replicas
    await replicas.stop()


async def holder(client: ApiClient, namespace: str) -> str:
    try:
        lease = await client.get(LEASES, namespace, "widgets")
    except NotFound:
        return ""
    return str(lease["spec"].get("holderIdentity", ""))


async def leads(client: ApiClient, namespace: str, name: str) -> None:
    async def it_does() -> bool:
        return await holder(client, namespace) == name

    await until(it_does, f"{name} holds the Lease", seconds=30)


async def create_widgets(client: ApiClient, namespace: str, first: int, count: int) -> None:
    await asyncio.gather(
        *(
            client.create(WIDGETS, a_widget(namespace, f"w{i}", children=3), manager="test")
            for i in range(first, first + count)
        )
    )


async def children(client: ApiClient, namespace: str) -> dict[str, Manifest]:
    found = (await client.list_page(CONFIGMAPS, namespace, limit=0)).items
    return {item["metadata"]["name"]: item for item in found}


async def all_ready(client: ApiClient, namespace: str, count: int) -> bool:
    found = (await client.list_page(WIDGETS, namespace, limit=0)).items
    ready = sum((item.get("status") or {}).get("ready") == 3 for item in found)
    return ready == len(found) == count


async def start_both(replicas: Replicas, client: ApiClient, namespace: str) -> None:
    """One leads, two stands by with warm stores."""
    await replicas.start("one")
    await leads(client, namespace, "one")
    await replicas.start("two")
    await until(lambda: "stores are filled" in replicas.log("two"), "two stands by")


async def test_killed_in_the_middle(replicas: Replicas, client: ApiClient, namespace: str) -> None:
    await start_both(replicas, client, namespace)
    await create_widgets(client, namespace, 0, 60)

    async def in_the_middle() -> bool:
        return len(await children(client, namespace)) > 40

    await until(in_the_middle, "some children exist")
    replicas.processes["one"].kill()
    before = await children(client, namespace)
    assert len(before) < 180, "too late: all was done"
    killed = time.monotonic()

    async def more() -> bool:
        return len(await children(client, namespace)) > len(before) + 5

    await until(more, "the standby goes on")
    assert time.monotonic() - killed < 10.0
    await until(lambda: all_ready(client, namespace, 60), "all are ready")
    after = await children(client, namespace)
    assert len(after) == 180
    for name, child in before.items():
        assert after[name]["metadata"]["uid"] == child["metadata"]["uid"], "made twice"
        assert after[name]["metadata"]["resourceVersion"] == child["metadata"]["resourceVersion"]


async def test_stopped_for_longer_than_its_lease_it_does_not_write(
    replicas: Replicas, client: ApiClient, namespace: str
) -> None:
    await start_both(replicas, client, namespace)
    one, two = replicas.processes["one"], replicas.processes["two"]
    one.send_signal(signal.SIGSTOP)
    await leads(client, namespace, "two")
    two.send_signal(signal.SIGSTOP)  # so that nobody else does the work that `one` wakes up to
    await create_widgets(client, namespace, 0, 20)
    one.send_signal(signal.SIGCONT)
    await until(lambda: "does not hold the Lease" in replicas.log("one"), "one tries to write")
    assert await children(client, namespace) == {}
    two.send_signal(signal.SIGCONT)
    await until(lambda: all_ready(client, namespace, 20), "somebody does the work", seconds=40)
    found = await client.list_page(WIDGETS, namespace)
    objects = [*(await children(client, namespace)).values(), *found.items]
    for obj in objects:
        wrote = {entry["manager"] for entry in obj["metadata"]["managedFields"]} - {"test"}
        assert len(wrote) == 1, f"two processes wrote {obj['metadata']['name']}: {wrote}"
    assert one.returncode is None, "it stands by again"


async def test_ended_properly_it_hands_over_at_once(
    replicas: Replicas, client: ApiClient, namespace: str
) -> None:
    await start_both(replicas, client, namespace)
    await create_widgets(client, namespace, 0, 30)
    one = replicas.processes["one"]
    one.terminate()
    assert await asyncio.wait_for(one.wait(), 15) == 0, replicas.log("one")
    assert await holder(client, namespace) != "one", "it gave the Lease up"
    await leads(client, namespace, "two")
    await until(lambda: all_ready(client, namespace, 30), "the other does the rest")


async def test_cut_off_it_stops_before_another_begins(
    wire: Wire, client: ApiClient, transport: KubernetesTransport, namespace: str
) -> None:
    one = Elector(wire, namespace=namespace, name="widgets", identity="one")
    two = Elector(transport, namespace=namespace, name="widgets", identity="two")
    story: list[str] = []

    def work(name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def until_ended() -> None:
            story.append(
                f"{name} begins" + (" while one may write" * one.leading * (name == "two"))
            )
            try:
                await asyncio.Event().wait()
            finally:
                story.append(f"{name} ends")

        return until_ended

    with pytest.raises(NotLeading):
        one.check()
    tasks = [asyncio.create_task(one.run(work("one")))]
    await until(lambda: story == ["one begins"], "one leads")
    tasks.append(asyncio.create_task(two.run(work("two"))))
    one.check()
    wire.meddle = lambda _: Unreachable("cut off")
    await until(lambda: len(story) == 3, "two leads")
    assert story == ["one begins", "one ends", "two begins"]
    with pytest.raises(NotLeading):
        one.check()
    wire.meddle = lambda _: None
    for task in reversed(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert story[3:] == ["two ends"]
    assert await holder(client, namespace) == ""


async def test_released_though_a_renewal_was_broken_off(
    wire: Wire, client: ApiClient, namespace: str
) -> None:
    """The answer to a renewal is still on its way when we are told to stop."""
    renewals: list[str] = []

    async def hold_the_answer(request: Request, _: Response) -> None:
        if request.method == "PUT" and not renewals:
            renewals.append(request.path)
            await asyncio.Event().wait()

    wire.after = hold_the_answer
    elector = Elector(wire, namespace=namespace, name="widgets", identity="one")
    task = asyncio.create_task(elector.run(asyncio.Event().wait))  # type: ignore[arg-type]
    await until(lambda: renewals, "the server has renewed it")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await holder(client, namespace) == ""


async def test_a_standby_whose_clock_jumps_waits_all_the_same(
    wire: Wire, transport: KubernetesTransport, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Elector(transport, namespace=namespace, name="widgets", identity="one")
    two = Elector(wire, namespace=namespace, name="widgets", identity="two")
    led: list[str] = []

    async def work(name: str) -> None:
        led.append(name)
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(one.run(lambda: work("one")))]
    await until(lambda: led == ["one"], "one leads")
    tasks.append(asyncio.create_task(two.run(lambda: work("two"))))
    await until(lambda: len(wire.sent) >= 2, "two looks")
    jumps = itertools.count(1)

    def wall_clock() -> float:
        return time.time() + (1000 * next(jumps) if asyncio.current_task() is tasks[1] else 0)

    monkeypatch.setattr(leaderelection, "time", SimpleNamespace(time=wall_clock))
    looked = len(wire.sent)
    await until(lambda: len(wire.sent) >= looked + 4, "two looks again and again")
    assert led == ["one"]
    assert wire.writes() == []
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_error_of_the_work_ends_it_and_frees_the_lease(
    wire: Wire, client: ApiClient, namespace: str
) -> None:
    async def work() -> None:
        raise FatalError("no")

    elector = Elector(wire, namespace=namespace, name="widgets", identity="one")
    with pytest.raises(FatalError, match="no"):
        await asyncio.wait_for(elector.run(work), 20)
    assert await holder(client, namespace) == ""


async def test_without_the_right_to_the_lease_it_ends(wire: Wire, namespace: str) -> None:
    wire.meddle = lambda _: status(403, "Forbidden")
    elector = Elector(wire, namespace=namespace, name="widgets", identity="one")
    with pytest.raises(FatalError, match="may not use the Lease"):
        await asyncio.wait_for(elector.run(asyncio.Event().wait), 20)  # type: ignore[arg-type]
