"""A replica of two hosts, as one unit through the gang: process 0 serves, the other follows."""

import json
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gang import RealGang, free_ports

HERE = Path(__file__).parent


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[RealGang]:
    gang = RealGang(tmp_path, 2, {"JAXRUN_SERVE": '{"drainSeconds": 4}'})
    yield gang
    gang.close()


def ask(port: int, path: str, said: Any = None) -> tuple[int, str]:
    data = json.dumps(said).encode() if said is not None else None
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def test_process_0_serves_and_the_other_follows_until_both_are_stopped(replica: RealGang) -> None:
    ports = free_ports(30)[-2:]
    command = [sys.executable, "-m", "jaxrun", "serve", "serve_models:double"]
    for index, port in enumerate(ports):
        path = f"{HERE}:{':'.join(sys.path)}"
        replica.start(command, [index], JAXRUN_SERVING_PORT=str(port), PYTHONPATH=path)
    for port in ports:
        replica.wait_for(lambda port=port: ask(port, "/v2/health/ready")[0] == 200, 120)
    status, answer = ask(ports[0], "/double", {"values": [1, 2]})
    assert (status, json.loads(answer)) == (200, {"doubled": [2.0, 4.0]})
    status, answer = ask(ports[1], "/double", {"values": [1, 2]})
    assert (status, json.loads(answer)["error"]) == (503, "process 0 of this replica serves")
    for index in range(2):
        replica.signal(index, signal.SIGTERM)
    replica.wait(60)
    # Its JaxJob has to see that the pods did not finish of themselves.
    assert replica.exit_codes == [143, 143], replica.outputs()
    assert replica.launchers[0].termination["cause"] == "Preempted"
    assert "Traceback" not in replica.outputs()
