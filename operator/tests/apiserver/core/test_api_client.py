"""The verbs, their errors, and what is tried again."""

import json
import time
from pathlib import Path

import pytest
import yaml
from jaxop.api.plan import Manifest
from jaxop.kube import transport as transport_module
from jaxop.kube.client import ApiClient
from jaxop.kube.errors import (
    AlreadyExists,
    Conflict,
    FatalError,
    Forbidden,
    Invalid,
    NotFound,
    NotLeading,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from jaxop.kube.login import login
from jaxop.kube.resources import CONFIGMAPS, SERVICES
from jaxop.kube.transport import KubernetesTransport
from wire import Wire, status


def a_configmap(namespace: str, name: str = "c", **data: str) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def test_errors_have_types(client: ApiClient, namespace: str) -> None:
    with pytest.raises(NotFound, match='configmaps "c" not found'):
        await client.get(CONFIGMAPS, namespace, "c")
    made = await client.create(CONFIGMAPS, a_configmap(namespace), manager="m")
    with pytest.raises(AlreadyExists):
        await client.create(CONFIGMAPS, a_configmap(namespace), manager="m")
    await client.patch(CONFIGMAPS, namespace, "c", {"data": {"a": "1"}}, manager="m")
    with pytest.raises(Conflict):
        await client.replace(CONFIGMAPS, made)
    service = {**a_configmap(namespace), "kind": "Service", "spec": {"ports": [{"port": -1}]}}
    with pytest.raises(Invalid):
        await client.create(SERVICES, service, manager="m")


async def test_delete_is_of_one_uid(client: ApiClient, namespace: str) -> None:
    made = await client.create(CONFIGMAPS, a_configmap(namespace), manager="m")
    with pytest.raises(Conflict):
        await client.delete(CONFIGMAPS, namespace, "c", uid="another")
    await client.delete(CONFIGMAPS, namespace, "c", uid=made["metadata"]["uid"])
    with pytest.raises(NotFound):
        await client.delete(CONFIGMAPS, namespace, "c")


async def test_apply_is_of_one_uid(client: ApiClient, namespace: str) -> None:
    made = await client.create(CONFIGMAPS, a_configmap(namespace), manager="m")
    wanted = a_configmap(namespace, a="1")
    wanted["metadata"]["uid"] = "another"
    with pytest.raises(Conflict):
        await client.apply(CONFIGMAPS, wanted, manager="m")
    wanted["metadata"]["uid"] = made["metadata"]["uid"]
    applied = await client.apply(CONFIGMAPS, wanted, manager="m")
    assert applied["data"] == {"a": "1"}
    await client.delete(CONFIGMAPS, namespace, "c")
    with pytest.raises(Conflict):
        await client.apply(CONFIGMAPS, wanted, manager="m")


async def test_lists_come_in_pages(client: ApiClient, namespace: str) -> None:
    for i in range(5):
        await client.create(CONFIGMAPS, a_configmap(namespace, f"c{i}", a="b"), manager="m")
    first = await client.list_page(CONFIGMAPS, namespace, limit=3)
    second = await client.list_page(
        CONFIGMAPS, namespace, limit=3, continue_token=first.continue_token
    )
    assert [len(first.items), len(second.items), second.continue_token] == [3, 2, ""]
    assert second.items[0]["kind"] == "ConfigMap"
    lean = await client.list_page(CONFIGMAPS, namespace, metadata_only=True)
    assert len(lean.items) == 5
    assert "data" not in lean.items[0]
    assert lean.items[0]["metadata"]["uid"] == first.items[0]["metadata"]["uid"]


async def test_watch(client: ApiClient, namespace: str) -> None:
    start = (await client.list_page(CONFIGMAPS, namespace)).resource_version
    made = await client.create(CONFIGMAPS, a_configmap(namespace), manager="m")
    await client.delete(CONFIGMAPS, namespace, "c")
    seen = []
    async for event in client.watch(
        CONFIGMAPS, namespace, resource_version=start, timeout_seconds=2
    ):
        seen.append((event.type, event.object["metadata"].get("uid")))
    uid = made["metadata"]["uid"]
    assert seen[:2] == [("ADDED", uid), ("DELETED", uid)]


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_passing_failures_are_tried_again(client: ApiClient, wire: Wire, code: int) -> None:
    answers = [status(code), status(code)]
    wire.meddle = lambda _: answers.pop() if answers else None
    await ApiClient(wire).list_page(CONFIGMAPS, limit=1)
    assert len(wire.sent) == 3


async def test_retry_after_is_obeyed(wire: Wire) -> None:
    answers = [status(429, retryAfterSeconds=1)]
    wire.meddle = lambda _: answers.pop() if answers else None
    began = time.monotonic()
    await ApiClient(wire).list_page(CONFIGMAPS, limit=1)
    assert time.monotonic() - began >= 1.0


async def test_it_gives_up_in_the_end(wire: Wire) -> None:
    wire.meddle = lambda _: status(429)
    with pytest.raises(TooManyRequests):
        await ApiClient(wire, attempts=2).list_page(CONFIGMAPS)
    wire.meddle = lambda _: Unreachable("down")
    with pytest.raises(Unreachable):
        await ApiClient(wire, attempts=2).list_page(CONFIGMAPS)
    wire.meddle = lambda _: status(403, "Forbidden")
    wire.sent.clear()
    with pytest.raises(Forbidden):
        await ApiClient(wire).list_page(CONFIGMAPS)
    assert len(wire.sent) == 1


async def test_a_create_is_repeated_only_when_surely_not_done(wire: Wire, namespace: str) -> None:
    def posts() -> int:
        return len(wire.writes())

    for failure, expected in ((Unreachable("lost"), Unreachable), (status(500), ServerError)):
        wire.sent.clear()
        wire.meddle = lambda _, failure=failure: failure  # type: ignore[misc]
        with pytest.raises(expected):
            await ApiClient(wire).create(CONFIGMAPS, a_configmap(namespace), manager="m")
        assert posts() == 1
    answers = [status(429)]
    wire.meddle = lambda _: answers.pop() if answers else None
    await ApiClient(wire).create(CONFIGMAPS, a_configmap(namespace), manager="m")
    assert posts() == 3


async def test_the_fence_holds_every_attempt_of_a_write(wire: Wire, namespace: str) -> None:
    open_for = iter([True, False])

    def fence() -> None:
        if not next(open_for):
            raise NotLeading("closed")

    wire.meddle = lambda r: Unreachable("lost") if r.method != "GET" else None
    client = ApiClient(wire, fence=fence)
    await client.list_page(CONFIGMAPS, namespace)
    with pytest.raises(NotLeading):
        await client.apply(CONFIGMAPS, a_configmap(namespace), manager="m")
    assert len(wire.writes()) == 1


def a_kubeconfig(path: Path) -> Manifest:
    found: Manifest = yaml.safe_load(path.read_text())
    return found


async def test_a_401_loads_the_credentials_anew(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubeconfig's user changes between two requests, as a rotated token does."""
    good = a_kubeconfig(kubeconfig)
    bad = json.loads(json.dumps(good))
    for user in bad["users"]:
        user["user"] = {"token": "expired"}
    mine = tmp_path / "kubeconfig"
    mine.write_text(json.dumps(bad))
    transport = KubernetesTransport(login(str(mine)))
    client = ApiClient(transport)
    monkeypatch.setattr(transport_module, "REFRESH_SECONDS", 0)
    with pytest.raises(Unauthorized):
        await client.list_page(CONFIGMAPS)
    mine.write_text(json.dumps(good))
    assert (await client.list_page(CONFIGMAPS, limit=1)).resource_version
    await transport.close()


async def test_nobody_to_talk_to_is_said_clearly(tmp_path: Path) -> None:
    client = ApiClient(KubernetesTransport(login(str(tmp_path / "missing"))))
    with pytest.raises(FatalError, match=r"no cluster to talk to: .*missing"):
        await client.list_page(CONFIGMAPS)


async def test_a_server_that_does_not_listen(tmp_path: Path) -> None:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    (tmp_path / "k").write_text(json.dumps(config))
    transport = KubernetesTransport(login(str(tmp_path / "k")))
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        await ApiClient(transport, attempts=1).list_page(CONFIGMAPS)
    await transport.close()
