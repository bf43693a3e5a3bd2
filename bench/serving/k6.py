"""The load generator: k6, at a rate that does not depend on the answers (`load.js`)."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.serving.servers import Server
from e2e.cluster.errors import ClusterError

SCRIPT = Path(__file__).with_name("load.js")


@dataclass(frozen=True)
class Latency:
    """Milliseconds, of requests that came to the same end; None where there were none."""

    count: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    longest: float | None = None


@dataclass(frozen=True)
class Load:
    """What became of the requests of one run."""

    rate: float
    """Requests a second that were to be sent."""
    seconds: float
    """That requests were sent."""
    answered: Latency
    refused: Latency
    """With 429 or 503."""
    failed: int
    """Any other answer, or none within 5 s."""
    dropped: int
    """That the load generator could not send, as all its clients still waited."""
    late: int = 0
    """Of those answered: after the deadline that they were sent with."""
    expired: int = 0
    """Of those failed: with 504, as their deadline passed in the server's queue."""

    @property
    def lost(self) -> int:
        return self.failed + self.dropped

    @property
    def goodput(self) -> float:
        """Requests answered in time a second."""
        return (self.answered.count - self.late) / self.seconds

    def keeps(self, p95_milliseconds: float, tolerated: float = 0.001) -> bool:
        """Whether all but a thousandth were answered, and 95 percent in time."""
        sent = self.answered.count + self.refused.count + self.lost
        p95 = self.answered.p95
        if p95 is None or self.refused.count + self.lost > tolerated * sent:
            return False
        return p95 <= p95_milliseconds


class K6:
    def __init__(self, binary: Path, texts: Path) -> None:
        self._binary = binary
        self._texts = texts

    def run(
        self, server: Server, rate: float, seconds: float, timeout_ms: float | None = None
    ) -> Load:
        """Blocks for `seconds` and a little more.

        Raises ClusterError if k6 does not run.
        """
        values = {
            "URL": server.url,
            "PROTOCOL": server.protocol,
            "RATE": str(rate),
            "SECONDS": f"{seconds:g}",
        }
        if timeout_ms is not None:
            values["TIMEOUT_MS"] = f"{timeout_ms:g}"
        done = subprocess.run(
            [str(self._binary), "run", "--quiet", "--no-usage-report", str(SCRIPT)],
            env={**os.environ, **values, "TEXTS": str(self._texts)},
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ClusterError(f"k6 failed ({done.returncode}): {done.stderr.strip()[-1500:]}")
        return parsed(rate, seconds, json.loads(done.stdout))


def parsed(rate: float, seconds: float, said: dict[str, Any]) -> Load:
    return Load(
        rate=rate,
        seconds=seconds,
        answered=_latency(said["answered"]),
        refused=_latency(said["refused"]),
        failed=int(said["failed"]),
        dropped=int(said["dropped"]),
        late=int(said["late"]),
        expired=int(said["expired"]),
    )


def _latency(values: dict[str, float] | None) -> Latency:
    if not values or not values["count"]:
        return Latency(0)
    return Latency(
        count=int(values["count"]),
        p50=values["med"],
        p95=values["p(95)"],
        p99=values["p(99)"],
        longest=values["max"],
    )
