"""The operator as a real process, as a cluster runs it: `python -m jaxop.app`."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e.cluster.processes import DIES_WITH_US

RUNTIME_IMAGE = "registry.test/jaxop-runtime:1"


class OperatorProcess:
    """One replica. `namespace` is where its Lease is, and all that it looks after."""

    def __init__(self, kubeconfig: Path, namespace: str, directory: Path, name: str = "a") -> None:
        self.name = name
        self.log_file = directory / f"operator-{name}.log"
        settings = {
            "JAXOP_RUNTIME_IMAGE": RUNTIME_IMAGE,
            "JAXOP_KUBECONFIG": str(kubeconfig),
            "JAXOP_NAMESPACE": namespace,
            "JAXOP_WATCH_NAMESPACE": namespace,
            "JAXOP_IDENTITY": name,
            "JAXOP_METRICS_PORT": "0",
            "JAXOP_HEALTH_PORT": "0",
            "JAXOP_LOG_FORMAT": "json",
        }
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*DIES_WITH_US, sys.executable, "-m", "jaxop.app"],
                env={**os.environ, **settings},
                stderr=log,
            )

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = self.log_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def said(self, pattern: str) -> re.Match[str] | None:
        return next((m for e in self.log if (m := re.search(pattern, e["message"]))), None)

    def wait(self, what: str, check: Callable[[], Any], seconds: float = 30.0) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            if seen := check():
                return seen
            ended = self.process.poll()
            assert ended is None, f"operator {self.name} ended with {ended}:\n{self._end_of_log()}"
            assert time.monotonic() < deadline, (
                f"operator {self.name}: not within {seconds} s: {what}\n{self._end_of_log()}"
            )
            time.sleep(0.05)

    def wait_ready(self) -> None:
        self.wait("ready", lambda: self.probe("/readyz")[0] == 200)

    def wait_leading(self, seconds: float = 30.0) -> None:
        self.wait("leading", lambda: self.probe("/healthz")[1].get("leading"), seconds)

    def probe(self, path: str) -> tuple[int, dict[str, Any]]:
        found = self.said(r"^probes at port (\d+)")
        if found is None:
            return 0, {}
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}{path}", timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, {}

    def metrics(self) -> dict[str, float]:
        """`name{labels}` -> value."""
        found = self.wait("metrics are served", lambda: self.said(r"^metrics at port (\d+)"))
        with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def writes(self) -> dict[tuple[str, str], int]:
        """(verb, kind) -> requests that wanted to change something, those for the Lease aside."""
        found: dict[tuple[str, str], int] = {}
        for name, value in self.metrics().items():
            match = re.match(
                r'jaxop_api_requests_total\{code="\d+",kind="(\w+)",verb="(\w+)"', name
            )
            if match and match[2] not in ("get", "list", "watch") and match[1] != "Lease":
                found[match[2], match[1]] = found.get((match[2], match[1]), 0) + int(value)
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds: float = 20.0) -> int:
        """SIGTERM, as kubelet sends it; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def _end_of_log(self) -> str:
        return "\n".join(self.log_file.read_text().splitlines()[-15:])
