"""A replica of two hosts, as one unit through the gang: process 0 serves, the other follows."""

import json
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gang import RealGang
from ports import free_ports

HERE = Path(__file__).parent


class Replica(RealGang):
    """Two launchers of one server each."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, 2, {"JAXRUN_SERVE": '{"drainSeconds": 120}'})
        self.ports = free_ports(2)

    def serve(self, factory: str, **environment: str) -> None:
        """Returns when both are ready."""
        command = [sys.executable, "-m", "jaxrun", "serve", f"serve_models:{factory}"]
        environment["PYTHONPATH"] = f"{HERE}:{':'.join(sys.path)}"
        for index, port in enumerate(self.ports):
            self.start(command, [index], JAXRUN_SERVING_PORT=str(port), **environment)
        self.wait_for(lambda: self.readiness() == [200, 200])

    def readiness(self) -> list[int]:
        return [ask(port, "/v2/health/ready")[0] for port in self.ports]

    def stops(self) -> None:
        """Each of itself, when its launcher is told to."""
        for index in range(2):
            self.signal(index, signal.SIGTERM)

    def has_stopped(self) -> None:
        """As one that has been asked to, and did: its JaxJob has to see that the pods did not
        finish of themselves."""
        self.wait()
        assert self.exit_codes == [143, 143], self.outputs()
        told = self.launchers[0].termination
        assert told["cause"] == "Preempted"
        assert "the program stopped" in told["message"], "it was killed at the end of its grace"
        assert "Traceback" not in self.outputs()


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    replica = Replica(tmp_path)
    yield replica
    replica.close()


def ask(port: int, path: str, said: Any = None, seconds: float = 60) -> tuple[int, str]:
    data = json.dumps(said).encode() if said is not None else None
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def test_process_0_serves_and_the_other_follows_until_both_are_stopped(replica: Replica) -> None:
    replica.serve("double")
    status, answer = ask(replica.ports[0], "/double", {"values": [1, 2]})
    assert (status, json.loads(answer)) == (200, {"doubled": [2.0, 4.0]})
    status, answer = ask(replica.ports[1], "/double", {"values": [1, 2]})
    assert (status, json.loads(answer)["error"]) == (503, "process 0 of this replica serves")
    replica.stops()
    replica.has_stopped()


def test_what_both_execute_when_they_are_stopped_is_answered(
    replica: Replica, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    go.touch()
    replica.serve("held", GO=str(go))
    go.unlink()
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [3]}]}
    ends: list[tuple[int, str]] = []
    client = threading.Thread(
        target=lambda: ends.append(ask(replica.ports[0], "/v2/models/held/infer", body, 180))
    )
    client.start()
    replica.wait_for(lambda: json.loads(ask(replica.ports[0], "/status")[1])["inFlight"] == 1)
    replica.stops()
    replica.wait_for(lambda: 200 not in replica.readiness())
    go.touch()
    client.join(180)
    replica.has_stopped()
    assert [status for status, _ in ends] == [200], ends
