"""`jaxrun keep` as a process: its pages, its end, and two of them."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ports import free_ports

DIGEST = "0123456789abcdef"


class KeeperProcess:
    """Started on a volume, on a port of its own."""

    def __init__(self, root: Path) -> None:
        (self.port,) = free_ports(1)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jaxrun", "keep"],
            env={
                **os.environ,
                "JAXRUN_KEEPER_VOLUME": str(root / "volume"),
                "JAXRUN_KEEPER_POLICY": str(root / "policy.json"),
                "JAXRUN_KEEPER_PORT": str(self.port),
            },
        )

    def get(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def status(self) -> Any:
        return json.loads(self.get("/status")[1])

    def until(self, path: str, code: int, text: str = "") -> str:
        deadline = time.monotonic() + 120
        while True:
            found, body = self.get(path)
            if found == code and text in body:
                return body
            assert time.monotonic() < deadline, (found, body)
            time.sleep(0.05)


@pytest.fixture
def keepers(tmp_path: Path) -> Iterator[list[KeeperProcess]]:
    (tmp_path / "volume").mkdir()
    (tmp_path / "policy.json").write_text(
        json.dumps({"version": 1, "maxBytes": None, "unusedSeconds": 86400, "inUse": []})
    )
    started: list[KeeperProcess] = []
    yield started
    for keeper in started:
        keeper.process.kill()
        keeper.process.wait()


def offer(root: Path, number: int, size_bytes: int = 100) -> Path:
    content = zlib.compress(b"\0\0\0\1" + os.urandom(size_bytes), 0)
    directory = root / "volume" / "staging" / f"{DIGEST}.pod-{number}"
    directory.mkdir()
    directory.chmod(0o777)
    name = f"jit_f{number}-{'0' * 64}-cache@{hashlib.sha256(content).hexdigest()}"
    (directory / ".tmp-x").write_bytes(content)
    return (directory / ".tmp-x").rename(directory / name)


def test_it_publishes_and_tells(tmp_path: Path, keepers: list[KeeperProcess]) -> None:
    keepers.append(KeeperProcess(tmp_path))
    keeper = keepers[0]
    keeper.until("/readyz", 200)
    offer(tmp_path, 0)
    keeper.until("/metrics", 200, "jaxrun_keeper_published_total 1.0")
    keeper.until("/metrics", 200, "jaxrun_keeper_entries 1.0")
    assert keeper.status()["state"] == "Ready"
    assert keeper.status()["offers"] == {
        f"{DIGEST}.pod-0": {"published": 1, "refused": 0, "pending": 0}
    }
    assert keeper.get("/healthz")[0] == 200
    assert keeper.get("/nothing")[0] == 404


def test_without_its_volume_it_is_alive_but_not_ready(
    tmp_path: Path, keepers: list[KeeperProcess]
) -> None:
    (tmp_path / "volume").rename(tmp_path / "away")
    keepers.append(KeeperProcess(tmp_path))
    keepers[0].until("/readyz", 503, "No such file")
    assert keepers[0].get("/healthz")[0] == 200
    assert keepers[0].status()["state"] == "Degraded"
    (tmp_path / "away").rename(tmp_path / "volume")
    keepers[0].until("/readyz", 200)


def test_a_second_one_stands_by_until_the_first_is_gone(
    tmp_path: Path, keepers: list[KeeperProcess]
) -> None:
    keepers.append(KeeperProcess(tmp_path))
    keepers[0].until("/readyz", 200)
    keepers.append(KeeperProcess(tmp_path))
    keepers[1].until("/status", 200, "another keeper is at work")
    assert keepers[1].get("/readyz")[0] == 503
    keepers[0].process.kill()
    keepers[1].until("/readyz", 200)


@pytest.mark.parametrize("size_bytes", [100, 200 << 20], ids=["idle", "in the middle of a copy"])
def test_sigterm_ends_it_soon(
    tmp_path: Path, keepers: list[KeeperProcess], size_bytes: int
) -> None:
    keepers.append(KeeperProcess(tmp_path))
    keepers[0].until("/readyz", 200)
    offered = offer(tmp_path, 0, size_bytes)
    blobs = tmp_path / "volume" / "published" / DIGEST / "blobs"
    deadline = time.monotonic() + 120
    while not blobs.is_dir() or not list(blobs.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started = time.monotonic()
    keepers[0].process.send_signal(signal.SIGTERM)
    assert keepers[0].process.wait(60) == 0
    assert time.monotonic() - started < 8, "a second, and the interpreter's end"
    keepers.append(KeeperProcess(tmp_path))
    keepers[1].until("/metrics", 200, "jaxrun_keeper_entries 1.0")
    assert not offered.exists()
