"""A real server from its process's start to its end."""

import json
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from served import Served

Start = Callable[..., Served]
INFER = "/v2/models/double/infer"
SLOW = "/v2/models/slow/infer"
HELD = "/v2/models/held/infer"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Served] = []

    def start(factory: str, **environment: str) -> Served:
        served = Served(tmp_path, f"serve_models:{factory}", environment).start()
        started.append(served)
        return served

    yield start
    for served in started:
        served.close()


def body(**more: Any) -> dict[str, Any]:
    x = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
    flags = {"name": "flags", "datatype": "BOOL", "shape": [1], "data": [True]}
    return {"inputs": [x, flags], "outputs": [{"name": "y"}], **more}


ONE_ROW = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}


def test_it_is_alive_at_once_and_ready_when_loaded(start: Start, tmp_path: Path) -> None:
    go = tmp_path / "go"
    served = start("patient", GO=str(go)).wait_until_up()
    status, _, said = served.ask("GET", "/v2/health/ready")
    assert (status, said) == (503, "loading the model\n")
    status, headers, refused = served.ask("POST", INFER, body())
    assert status == 503
    assert "loading the model" in refused["error"]
    assert int(headers["retry-after"]) > 0
    assert served.ask("GET", "/status")[2]["state"] == "Loading"
    go.touch()
    served.wait_until_ready()
    status, _, answer = served.ask("POST", INFER, body(id="i"))
    assert status == 200, answer
    assert answer["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [2, 4]}]
    assert answer["id"] == "i"


def test_the_garbage_collector_passes_over_what_loading_has_made(start: Start) -> None:
    served = start("double").wait_until_ready()
    _, _, frozen = served.ask("POST", "/frozen", {"values": [1]})
    assert frozen["objects"] > 50_000


def test_told_to_stop_while_loading_it_stops_at_once(start: Start, tmp_path: Path) -> None:
    served = start("patient", GO=str(tmp_path / "never")).wait_until_up()
    served.stop()
    assert served.exit_code() == 0


@pytest.mark.parametrize(
    ("factory", "last_words"),
    [
        ("failing", "KeyError: 'weights'"),
        ("wrong", "LoadFailed: golden[0]"),
        ("absent", "has no absent"),
    ],
)
def test_a_load_that_fails_ends_it(start: Start, factory: str, last_words: str) -> None:
    served = start(factory)
    assert served.exit_code() == 1
    assert last_words in served.out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{", "JAXRUN_SERVE is not valid JSON"),
        ('{"bucket": {}}', "JAXRUN_SERVE.bucket is unknown: there are buckets, batching, drainSec"),
        ('{"buckets": {"batch": 4}}', "JAXRUN_SERVE.buckets.batch is 4, not a list of integers"),
        ('{"batching": {"maxQueue": "many"}}', "maxQueue is 'many', not a number from 0"),
    ],
)
def test_senseless_settings_are_refused_at_once(start: Start, settings: str, message: str) -> None:
    served = start("double", JAXRUN_SERVE=settings)
    assert served.exit_code() == 2
    assert message in served.out


def test_the_operators_buckets_win(start: Start) -> None:
    settings = json.dumps({"buckets": {"length": [2]}})
    served = start("double", JAXRUN_SERVE=settings).wait_until_ready()
    assert served.ask("GET", "/status")[2]["bucketsTotal"] == 2
    status, _, said = served.ask("POST", "/double", {"values": [1, 2, 3]})
    assert status == 400
    assert "length" in said["error"]


class Held:
    """A server that answers nothing from now on, until it may."""

    def __init__(self, start: Start, go: Path, drain_seconds: float = 600) -> None:
        self._go = go
        self.ends: list[int] = []
        go.touch()
        settings = json.dumps({"drainSeconds": drain_seconds})
        self.served = start("held", GO=str(go), JAXRUN_SERVE=settings).wait_until_ready()
        go.unlink()

    def asked(self, times: int) -> list[threading.Thread]:
        """By as many clients, whose requests have been taken on when this returns."""
        clients = [threading.Thread(target=self._ask, daemon=True) for _ in range(times)]
        for each in clients:
            each.start()
        self.served.wait_until(lambda: self.pending == times)
        return clients

    @property
    def pending(self) -> int:
        said = self.served.ask("GET", "/status")[2]
        return int(said["queued"] + said["inFlight"])

    def answer(self) -> None:
        self._go.touch()

    def _ask(self) -> None:
        try:
            self.ends.append(self.served.ask("POST", HELD, ONE_ROW)[0])
        except OSError:
            self.ends.append(0)


def test_told_to_stop_under_load_it_loses_nothing(start: Start) -> None:
    served = start("double").wait_until_ready()
    ends: Counter[object] = Counter()
    heard = threading.Event()
    lock = threading.Lock()

    def client() -> None:
        """As a load balancer's: a connection each, until it has heard that the server is gone."""
        while not heard.is_set():
            try:
                end: object = served.ask("POST", INFER, body())[0]
            except OSError as error:
                end = repr(error)
            with lock:
                ends[end] += 1

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    served.wait_until(lambda: ends[200] >= 20)
    served.stop()
    served.wait_until(lambda: served.ask("GET", "/v2/health/ready")[0] == 503)
    before = ends[200]
    served.wait_until(lambda: ends[200] >= before + 8)
    heard.set()
    for each in clients:
        each.join(120)
    assert served.exit_code() == 0
    assert set(ends) == {200}, ends


def test_what_was_taken_on_is_answered_before_the_end(start: Start, tmp_path: Path) -> None:
    held = Held(start, tmp_path / "go")
    clients = held.asked(3)
    held.served.stop()
    held.served.wait_until(lambda: held.served.ask("GET", "/v2/health/ready")[0] == 503)
    held.answer()
    for each in clients:
        each.join(120)
    assert held.served.exit_code() == 0
    assert held.ends == [200, 200, 200]


def test_a_second_signal_ends_it_at_once(start: Start, tmp_path: Path) -> None:
    held = Held(start, tmp_path / "go")
    held.asked(1)
    held.served.stop()
    held.served.wait_until(lambda: held.served.ask("GET", "/v2/health/ready")[0] == 503)
    held.served.stop()
    assert held.served.exit_code() == 128 + signal.SIGTERM


def test_who_goes_away_is_not_worked_for(start: Start, tmp_path: Path) -> None:
    held = Held(start, tmp_path / "go")
    served = held.served
    data = json.dumps(ONE_ROW).encode()
    head = f"POST {HELD} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    peers = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(40)]
    for peer in peers:
        peer.sendall(head + data)
    served.wait_until(lambda: held.pending == 40)
    for peer in peers:
        peer.close()
    # Nothing is executed meanwhile, but for what the device had begun.
    served.wait_until(lambda: served.ask("GET", "/status")[2]["queued"] == 0)
    held.answer()
    assert served.ask("POST", HELD, ONE_ROW)[0] == 200
    page = served.ask("GET", "/metrics")[2]
    found = re.search(r'^jaxrun_serve_requests_total{outcome="cancelled"} (.*)$', page, re.M)
    assert found is not None, page
    assert float(found[1]) >= 30, page


def test_a_deadline_that_cannot_be_kept_is_refused_early(start: Start) -> None:
    served = start("slow", TURNS="3000").wait_until_ready()
    began = time.monotonic()
    assert served.ask("POST", SLOW, ONE_ROW)[0] == 200
    too_soon = (time.monotonic() - began) / 3

    milliseconds = str(int(too_soon * 1e3))
    status, headers, said = served.ask("POST", SLOW, ONE_ROW, X_Request_Timeout_Ms=milliseconds)
    assert status == 503, said
    assert "an answer takes about" in said["error"]
    assert int(headers["retry-after"]) >= 1
    in_body = {**ONE_ROW, "parameters": {"timeout": int(too_soon * 1e6)}}
    assert served.ask("POST", SLOW, in_body)[0] == 503
