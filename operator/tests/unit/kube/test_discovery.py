"""Is Kueue there, in which version, and may we look?"""

import json
import logging
from collections.abc import AsyncIterator

import pytest
from jaxop.kube.client import ApiClient
from jaxop.kube.discovery import kueue_served
from jaxop.kube.errors import Unreachable
from jaxop.kube.transport import Request, Response


class Server:
    """Serves the versions of Kueue's group; `codes` answers for lists, by their plural."""

    def __init__(self, *versions: str, **codes: int) -> None:
        self.versions, self.codes = versions, codes
        self.asked: list[str] = []

    async def request(self, request: Request) -> Response:
        self.asked.append(str(request))
        if request.path == "/apis/kueue.x-k8s.io":
            if not self.versions:
                return Response(404, b"404 page not found\n")
            served = [{"groupVersion": f"kueue.x-k8s.io/{v}", "version": v} for v in self.versions]
            return _json(200, {"kind": "APIGroup", "versions": served})
        code = self.codes.get(request.path.rsplit("/", 1)[-1], 200)
        return _json(code, {"metadata": {"resourceVersion": "1"}, "items": []})

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        raise NotImplementedError
        yield b""

    async def close(self) -> None:
        pass


def _json(code: int, body: object) -> Response:
    return Response(code, json.dumps(body).encode())


async def served(server: Server) -> str | None:
    found = await kueue_served(server, ApiClient(server), None)
    return found.version if found is not None else None


@pytest.mark.parametrize(
    ("versions", "best"),
    [
        ((), None),
        (("v1beta1",), "v1beta1"),
        (("v1beta1", "v1beta2"), "v1beta2"),
        (("v1beta2",), "v1beta2"),
        (("v2",), None),
    ],
)
async def test_the_best_version_that_is_served(versions: tuple[str, ...], best: str | None) -> None:
    assert await served(Server(*versions)) == best


async def test_without_kueue_there_is_one_question() -> None:
    server = Server()
    assert await served(server) is None
    assert server.asked == ["GET /apis/kueue.x-k8s.io"]


async def test_a_version_of_the_future_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert await served(Server("v2")) is None
    assert "Kueue serves v2, none of which is known here (v1beta2, v1beta1)" in caplog.text


@pytest.mark.parametrize("plural", ["workloads", "resourceflavors", "workloadpriorityclasses"])
async def test_without_the_right_to_look_jobs_do_not_queue(
    plural: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An older chart's roles: nothing else is different."""
    assert await served(Server("v1beta2", **{plural: 403})) is None
    assert f"we may not list {plural}.kueue.x-k8s.io" in caplog.text


async def test_an_answer_that_is_none() -> None:
    class Proxy(Server):
        async def request(self, request: Request) -> Response:
            return Response(200, b"<html>")

    with pytest.raises(Unreachable, match="the answer is no APIGroup"):
        await served(Proxy())
