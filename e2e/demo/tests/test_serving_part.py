"""The demo's second part judges what it is answered, by a server and a kubectl that are played."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.processes import DIES_WITH_US
from e2e.cluster.progress import Progress
from e2e.cluster.provider import GivenCluster
from e2e.demo import serving
from e2e.demo.stage import Stage
from e2e.deploy import Deployment

READY = {
    "state": "Ready",
    "message": "all 2 replicas serve",
    "observedGeneration": 1,
    "buckets": {"ready": 15, "total": 15},
    "url": "http://minilm.demo.svc",
    "latency": {"p50Milliseconds": 7.0},
}
LOADING = READY | {
    "state": "Starting",
    "message": "0 of 2 replicas serve",
    "buckets": {"ready": 3, "total": 15},
}
OF_AN_EARLIER_SPEC = READY | {"observedGeneration": 0}
STALLED = LOADING | {
    "state": "Failed",
    "message": "revision 1c5be0a7 fails: no weights",
    "conditions": [{"type": "Stalled", "status": "True"}],
}


def by_meaning(text: str) -> list[float]:
    near = any(text in (each.sentence, each.like) for each in serving.TRIPLES)
    return [1.0, 0.0] if near else [0.0, 1.0]


def the_wrong_way_round(text: str) -> list[float]:
    near = any(text in (each.sentence, each.unlike) for each in serving.TRIPLES)
    return [1.0, 0.0] if near else [0.0, 1.0]


@contextmanager
def a_server(embed: Callable[[str], list[float]], compiled: int = 0) -> Iterator[int]:
    """Its port."""

    class Played(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer({"embeddings": [embed(text) for text in body["texts"]]})

        def do_GET(self) -> None:
            self._answer({"compilesAfterReady": compiled})

        def _answer(self, said: object) -> None:
            text = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Played)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class PlayedKubectl(Kubectl):
    """Shows these statuses one after the other, the last one for ever."""

    port: int = 0
    statuses: list[dict[str, Any]] = field(default_factory=list)

    def attempt(self, *args: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        told = "a table\n"
        if "jaxservice" in args:
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            told = json.dumps({"metadata": {"generation": 1}, "status": status})
        return subprocess.CompletedProcess(args, 0, told, "")

    def command(self, *args: str) -> list[str]:
        script = f"echo Forwarding from 127.0.0.1:{self.port} '->' 8000; exec sleep 60"
        return [*DIES_WITH_US, "sh", "-c", script]


class PlayedStage(Stage):
    def explained(self, kind: str, name: str) -> str:
        return f"{kind} {name} explained"


def a_stage(directory: Path, port: int, *statuses: dict[str, Any]) -> Stage:
    kubeconfig = directory / "kubeconfig"
    kubectl = PlayedKubectl(kubeconfig, port, list(statuses))
    return PlayedStage(Deployment(GivenCluster(kubeconfig), kubectl, Progress()))


def test_says_what_it_sees_until_it_is_ready_and_is_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_server(by_meaning) as port:
        assert serving.play(a_stage(tmp_path, port, {}, LOADING, READY))
    said = capsys.readouterr()
    assert "Starting         0 of 2 replicas serve (buckets 3 of 15)" in said.err
    assert "Ready            all 2 replicas serve (buckets 15 of 15)" in said.err
    assert "jaxservice minilm explained" in said.out
    assert "as wanted; 0 compilations" in said.out


def test_what_is_ready_of_an_earlier_spec_is_not_asked(tmp_path: Path) -> None:
    with (
        a_server(by_meaning) as port,
        pytest.raises(ClusterError, match="does not become ready:\njaxservice minilm explained"),
    ):
        serving.play(a_stage(tmp_path, port, OF_AN_EARLIER_SPEC, STALLED))


def test_unlike_sentences_that_are_nearer_are_a_failure(tmp_path: Path) -> None:
    with a_server(the_wrong_way_round) as port:
        assert not serving.play(a_stage(tmp_path, port, READY))


def test_a_compilation_for_a_request_is_a_failure(tmp_path: Path) -> None:
    with a_server(by_meaning, compiled=1) as port:
        assert not serving.play(a_stage(tmp_path, port, READY))


def test_a_part_that_is_never_over_is_too_late(tmp_path: Path) -> None:
    stage = a_stage(tmp_path, 0, LOADING)
    with pytest.raises(ClusterError, match="too late, after 1 s; last: Starting"):
        stage.follow("jaxservice", "minilm", lambda s: str(s["state"]), lambda _: False, 1.0)
