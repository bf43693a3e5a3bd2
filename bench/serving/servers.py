"""Starts one server, waits until it answers, and tells what it has used."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.serving.cores import pinned
from e2e.cluster.errors import ClusterError
from e2e.cluster.processes import DIES_WITH_US

PORT = 18000
GIVE_UP_SECONDS = 600.0
RECOVERS_WITHIN_SECONDS = 60.0
IN_GOOD_TIME_SECONDS = 0.2
PING = "is anybody there"
_TICKS = os.sysconf("SC_CLK_TCK")
_COMPILED = re.compile(r"Finished XLA compilation of ")


@dataclass(frozen=True)
class Server:
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    refuses: bool = False
    """It answers early that it cannot keep a deadline."""
    protocol: Literal["json", "v2"] = "json"
    """`{"texts": [...]}` at /embed, or the Open Inference Protocol."""

    @property
    def url(self) -> str:
        path = "/embed" if self.protocol == "json" else "/v2/models/minilm/infer"
        return f"http://127.0.0.1:{PORT}{path}"

    @property
    def ping(self) -> bytes:
        return self.body(PING)

    def body(self, text: str) -> bytes:
        """The request that embeds it."""
        if self.protocol == "json":
            return json.dumps({"texts": [text]}).encode()
        tensor = {"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": [text]}
        return json.dumps({"inputs": [tensor]}).encode()


@dataclass(frozen=True)
class Running:
    """A server that has answered a first request."""

    server: Server
    process: "subprocess.Popen[bytes]"
    log: Path
    ready_seconds: float
    """From its start until it answered."""

    def cpu_seconds(self) -> float:
        """Of the server and all processes that it has started, as far as they live."""
        return sum(map(_cpu_seconds, _family(self.process.pid)))

    def recover(self) -> None:
        """Waits until it answers a single request in good time; not for ever: some never do.

        After more than it could take, a server may work on for clients that have gone.
        """
        deadline = time.monotonic() + RECOVERS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            asked = time.monotonic()
            with suppress(OSError):
                post(self.server.url, self.server.ping)
                if time.monotonic() - asked < IN_GOOD_TIME_SECONDS:
                    return
            time.sleep(0.5)

    def compilations(self) -> int:
        """By XLA since its start, as JAX logs them."""
        return len(_COMPILED.findall(self.log.read_text(errors="replace")))


@contextmanager
def running(server: Server, log: Path, cores: Sequence[int]) -> Iterator[Running]:
    """On these cores. Raises ClusterError if it ends, or does not answer in time."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            raise ClusterError(f"port {PORT} is taken: stop what listens there")
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*DIES_WITH_US, *pinned(cores), *server.command],
            env={**os.environ, "JAX_LOG_COMPILES": "1", **server.environment},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(server, process, log)
        yield Running(server, process, log, time.monotonic() - started)
    finally:
        _stop(process)


def post(url: str, body: bytes, timeout: float = 30.0) -> bytes:
    """Raises OSError where the answer is not 200."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        text: bytes = answer.read()
        return text


def _wait(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ClusterError(f"the server has ended ({process.returncode}):\n{_end(log)}")
        try:
            post(server.url, server.ping)
            return
        except OSError:
            time.sleep(0.05)
    raise ClusterError(f"no answer in {GIVE_UP_SECONDS:.0f} s:\n{_end(log)}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """With all that it has started; some of that leaves its session."""
    family = _family(process.pid)
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in family[1:]:
        _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _family(first: int) -> list[int]:
    """A process and all that descend from it, youngest last."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(path)
        if fields:
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [first]
    for pid in found:
        found += children.get(pid, [])
    return found


def _cpu_seconds(pid: int) -> float:
    """User and system."""
    fields = _stat(Path(f"/proc/{pid}/stat"))
    return sum(map(int, fields[11:13])) / _TICKS if fields else 0.0


def _stat(path: Path) -> list[str]:
    """The fields after the command's name: state is the first."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
