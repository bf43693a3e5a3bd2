"""A real server in a process of its own."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ports import free_ports

_HERE = Path(__file__).parent


@dataclass
class Served:
    """`start`, ask, `stop`; `close` leaves nothing behind."""

    directory: Path
    entry: str
    environment: dict[str, str] = field(default_factory=dict)
    command: Sequence[str] = (sys.executable, "-m", "jaxrun", "serve")
    port: int = 0

    def __post_init__(self) -> None:
        (self.port,) = free_ports(1)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Served":
        path = os.pathsep.join((str(_HERE), os.environ.get("PYTHONPATH", "")))
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("JAX", "OMPI", "XLA"))},
            "PYTHONPATH": path,
            "JAX_PLATFORMS": "cpu",
            "JAXRUN_SERVING_PORT": str(self.port),
            **self.environment,
        }
        with (self.directory / "out").open("wb") as out:
            self.process = subprocess.Popen(
                [*self.command, self.entry], env=env, stdout=out, stderr=out, cwd=self.directory
            )
        return self

    @property
    def out(self) -> str:
        return (self.directory / "out").read_text(errors="replace")

    def peak_bytes(self) -> int:
        """The most memory that the process has had."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (kibibytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return int(kibibytes) * 1024

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers, and the body, parsed where it is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, data, named)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        told = {name.lower(): value for name, value in answer.getheaders()}
        is_json = told.get("content-type") == "application/json"
        return answer.status, told, json.loads(text) if is_json else text.decode()

    def wait_until(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        """Fails with all that was said."""
        deadline = time.monotonic() + seconds
        assert self.process is not None
        while True:
            try:
                if condition():
                    return
            except OSError:
                pass
            ended = self.process.poll()
            assert ended is None, f"it ended with {ended}\n{self.out}"
            assert time.monotonic() < deadline, f"not so after {seconds} s\n{self.out}"
            time.sleep(0.02)

    def wait_until_up(self) -> "Served":
        self.wait_until(lambda: self.ask("GET", "/v2/health/live")[0] == 200)
        return self

    def wait_until_ready(self) -> "Served":
        self.wait_until(lambda: self.ask("GET", "/v2/health/ready")[0] == 200)
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def exit_code(self, seconds: float = 120.0) -> int:
        """Of the process, which ends within so many seconds."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {seconds} s\n{self.out}") from None

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
