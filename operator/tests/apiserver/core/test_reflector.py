"""A store stays equal to the server, whatever happens to the watch."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from jaxop.api.plan import Manifest
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import FatalError, Unreachable
from jaxop.kube.reflector import Reflector
from jaxop.kube.resources import CONFIGMAPS, Resource
from jaxop.kube.store import ObjectStore
from jaxop.kube.transport import Request, Response
from waiting import until
from wire import Wire, status

Told = list[tuple[str, str]]


def a_configmap(namespace: str, name: str, *, labels: dict[str, str] | None = None) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"n": "0"}}


class Reflected:
    """A store with its reflector, and what listeners were told."""

    def __init__(self, wire: Wire, namespace: str, **options: object) -> None:
        self.store = ObjectStore(CONFIGMAPS)
        self.told: Told = []
        self.store.listeners = [self._listen]
        self.reflector = Reflector(
            ApiClient(wire),
            self.store,
            namespace=namespace,
            **options,  # type: ignore[arg-type]
        )

    def _listen(self, old: Manifest | None, new: Manifest | None, _: object) -> None:
        verb = "added" if old is None else "changed" if new is not None else "deleted"
        self.told.append((verb, (new or old or {})["metadata"]["name"]))

    def names(self) -> set[str]:
        return {obj["metadata"]["name"] for obj in self.store.all()}

    def data(self, namespace: str, name: str) -> str:
        return str((self.store.get(namespace, name) or {"data": {"n": ""}})["data"]["n"])

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Reflected"]:
        task = asyncio.create_task(self.reflector.run())
        try:
            await until(lambda: self.reflector.synced.is_set() or task.done(), "synced")
            if task.done():
                task.result()
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def fill(client: ApiClient, namespace: str) -> None:
    for name in "abc":
        await client.create(CONFIGMAPS, a_configmap(namespace, name), manager="test")


async def change(client: ApiClient, namespace: str, name: str, value: str) -> None:
    await client.patch(CONFIGMAPS, namespace, name, {"data": {"n": value}}, manager="test")


@pytest.mark.usefixtures("fill")
async def test_list_in_chunks_then_watch(wire: Wire, client: ApiClient, namespace: str) -> None:
    async with Reflected(wire, namespace, page_size=2).running() as it:
        assert it.names() == {"a", "b", "c"}
        assert wire.lists() == 2
        assert "managedFields" not in (it.store.get(namespace, "a") or {})["metadata"]
        await change(client, namespace, "a", "1")
        await client.delete(CONFIGMAPS, namespace, "b")
        await client.create(CONFIGMAPS, a_configmap(namespace, "d"), manager="test")
        await until(lambda: it.names() == {"a", "c", "d"}, "the watch tells")
        assert it.data(namespace, "a") == "1"
        assert it.told[3:] == [("changed", "a"), ("deleted", "b"), ("added", "d")]


@pytest.mark.usefixtures("fill")
async def test_a_broken_watch_goes_on_where_it_was(
    wire: Wire, client: ApiClient, namespace: str
) -> None:
    async with Reflected(wire, namespace).running() as it:
        await until(lambda: wire.watches() == 1, "it watches")
        wire.meddle = lambda r: Unreachable("down") if r.query.get("watch") else None
        wire.cut()
        await client.delete(CONFIGMAPS, namespace, "b")
        await change(client, namespace, "a", "7")
        await until(lambda: wire.watches() >= 3, "it tries again")
        assert it.names() == {"a", "b", "c"}
        wire.meddle = lambda _: None
        await until(lambda: it.names() == {"a", "c"}, "what it missed is made up for")
        await until(lambda: it.data(namespace, "a") == "7", "also the change")
        assert wire.lists() == 1, "without listing again"


@pytest.mark.usefixtures("fill")
async def test_410_lists_anew_and_tells_what_vanished(
    wire: Wire, client: ApiClient, namespace: str
) -> None:
    """By the HTTP code; test_server_restart.py has a server that really forgot."""
    async with Reflected(wire, namespace).running() as it:
        await until(lambda: wire.watches() == 1, "it watches")
        wire.meddle = lambda r: Unreachable("down") if r.query.get("watch") else None
        wire.cut()
        await client.delete(CONFIGMAPS, namespace, "b")
        await client.delete(CONFIGMAPS, namespace, "c")
        again = await client.create(CONFIGMAPS, a_configmap(namespace, "c"), manager="test")
        await change(client, namespace, "a", "8")
        wire.meddle = lambda r: status(410, "Expired") if r.query.get("watch") else None
        await until(lambda: wire.lists() >= 2, "it lists again")
        wire.meddle = lambda _: None
        await until(lambda: it.names() == {"a", "c"}, "the vanished one is gone")
        assert ("deleted", "b") in it.told
        assert it.told.index(("deleted", "c")) < it.told.index(("added", "c"), 3), it.told
        found = it.store.get(namespace, "c") or {}
        assert found["metadata"]["uid"] == again["metadata"]["uid"]
        await change(client, namespace, "a", "9")
        await until(lambda: it.data(namespace, "a") == "9", "and it watches on")


@pytest.mark.usefixtures("fill")
@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}',
        b'{"type":"ERROR","object":{"kind":"Status","reason":"Expired"}}',
    ],
)
async def test_410_inside_the_watch(
    wire: Wire, client: ApiClient, namespace: str, line: bytes
) -> None:
    async with Reflected(wire, namespace).running() as it:
        await until(lambda: wire.watches() == 1, "it watches")
        wire.lines = [line]
        wire.cut()
        await until(lambda: wire.lists() == 2 and wire.watches() == 3, "it lists again")
        await change(client, namespace, "a", "1")
        await until(lambda: it.data(namespace, "a") == "1", "and watches on")


@pytest.mark.usefixtures("fill")
@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b'{"type":"ADDED"}',
        b'{"type":"SURPRISE","object":{"metadata":{"resourceVersion":"1"}}}',
        b'{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError"}}',
        b'{"type":"ERROR","object":{"kind":"Status","code":429,"reason":"TooManyRequests"}}',
    ],
)
async def test_nonsense_in_the_watch_is_survived(
    wire: Wire, client: ApiClient, namespace: str, line: bytes
) -> None:
    async with Reflected(wire, namespace).running() as it:
        await until(lambda: wire.watches() == 1, "it watches")
        wire.lines = [line]
        wire.cut()
        await until(lambda: wire.watches() == 3, "it watches again")
        await change(client, namespace, "a", "1")
        await until(lambda: it.data(namespace, "a") == "1", "and goes on")
        assert wire.lists() == 1


@pytest.mark.usefixtures("fill")
async def test_nonsense_that_does_not_end_lists_anew(wire: Wire, namespace: str) -> None:
    async with Reflected(wire, namespace).running():
        await until(lambda: wire.watches() == 1, "it watches")

        def nonsense(request: Request) -> None:
            if request.query.get("watch"):
                wire.lines = [b"{"]

        wire.meddle = nonsense
        wire.cut()
        await until(lambda: wire.lists() == 2, "it lists again")


@pytest.mark.usefixtures("fill")
async def test_bookmarks_move_the_place_to_go_on_from(
    wire: Wire, client: ApiClient, namespace: str
) -> None:
    """The server sends one before it ends a watch; other kinds' writes have moved it far on."""
    async with Reflected(wire, namespace, watch_seconds=(3, 3)).running() as it:
        was = int(it.reflector.resource_version)
        other = f"{namespace}-other"
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}}
        namespaces = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
        await client.create(namespaces, made, manager="test")
        elsewhere = await client.create(CONFIGMAPS, a_configmap(other, "x"), manager="test")
        await client.delete(namespaces, "", other)
        reached = int(elsewhere["metadata"]["resourceVersion"])
        assert reached > was
        await until(lambda: int(it.reflector.resource_version) >= reached, "a bookmark")
        assert it.names() == {"a", "b", "c"}
        await until(lambda: wire.watches() > 1, "it watches on after the server's end")
        assert wire.lists() == 1


@pytest.mark.usefixtures("fill")
async def test_selector(wire: Wire, client: ApiClient, namespace: str) -> None:
    async with Reflected(wire, namespace, selector="mine=yes").running() as it:
        assert it.names() == set()
        made = a_configmap(namespace, "m", labels={"mine": "yes"})
        await client.create(CONFIGMAPS, made, manager="test")
        await until(lambda: it.names() == {"m"}, "it is seen")
        patch = {"metadata": {"labels": {"mine": "no"}}}
        await client.patch(CONFIGMAPS, namespace, "m", patch, manager="test")
        await until(lambda: it.names() == set(), "without the label it is gone")


@pytest.mark.usefixtures("fill")
async def test_a_continue_token_that_expired(wire: Wire, namespace: str) -> None:
    wire.meddle = lambda r: status(410, "Expired") if r.query.get("continue") else None
    async with Reflected(wire, namespace, page_size=2).running() as it:
        assert it.names() == {"a", "b", "c"}
        assert wire.lists() == 3, "first chunk, refused second, all at once"


@pytest.mark.usefixtures("fill")
async def test_a_stale_list_is_not_believed(wire: Wire, client: ApiClient, namespace: str) -> None:
    """After a 410 another server of the cluster, far behind, answers the LIST."""
    answers: list[Response] = []

    def keep(request: Request, response: Response) -> None:
        if not answers and request.method == "GET":
            answers.append(response)

    wire.after = keep
    async with Reflected(wire, namespace).running() as it:
        await client.create(CONFIGMAPS, a_configmap(namespace, "d"), manager="test")
        await client.delete(CONFIGMAPS, namespace, "a")
        await until(lambda: it.names() == {"b", "c", "d"}, "the watch tells")
        old = list(answers)
        wire.meddle = lambda r: old.pop() if old and not r.query.get("watch") else None
        wire.lines = [b'{"type":"ERROR","object":{"kind":"Status","code":410}}']
        wire.cut()
        await until(lambda: wire.lists() >= 3, "it lists twice")
        assert it.names() == {"b", "c", "d"}
        assert ("added", "a") not in it.told[3:]


async def test_an_outage_is_waited_for(wire: Wire, namespace: str) -> None:
    wire.meddle = lambda _: status(503)
    it = Reflected(wire, namespace)
    it.reflector._client = ApiClient(wire, attempts=1)
    task = asyncio.create_task(it.reflector.run())
    await until(lambda: wire.lists() >= 2, "it lists again")
    wire.meddle = lambda _: None
    await until(it.reflector.synced.is_set, "it is synced")
    task.cancel()


async def test_a_kind_that_is_not_there_ends_it_with_a_remedy(wire: Wire) -> None:
    missing = Resource("test.jaxop.dev", "v1", "nothings", "Nothing")
    reflector = Reflector(ApiClient(wire), ObjectStore(missing), patience=0.1)
    with pytest.raises(FatalError, match=r"does not serve nothings.*install the CRDs"):
        await asyncio.wait_for(reflector.run(), 20)


async def test_a_forbidden_kind_ends_it_with_a_remedy(wire: Wire, namespace: str) -> None:
    wire.meddle = lambda _: status(403, "Forbidden")
    reflector = Reflector(ApiClient(wire), ObjectStore(CONFIGMAPS), patience=0.1)
    with pytest.raises(FatalError, match="may not list and watch configmaps: grant it"):
        await asyncio.wait_for(reflector.run(), 20)
