"""What a load does with a server: vegeta's constant rate, and what became of its requests.

The load is open: requests are sent whether earlier ones were answered or not, so that what a server
cannot serve in time shows as latency, and is not hidden by clients that wait for it.
"""

import base64
import json
import statistics
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.serving.cores import pinned
from bench.serving.servers import Server
from e2e.cluster.errors import ClusterError

GIVE_UP_SECONDS = 5.0
MOST_WORKERS = 8000
"""Requests under way at once; vegeta starts a worker wherever all others still wait."""
REFUSALS = (429, 503)
EXPIRED = 504


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
    unsent: int = 0
    """That the load generator did not come to send."""
    late: int = 0
    """Of those answered: after the deadline that they were sent with."""
    expired: int = 0
    """Of those failed: with 504, as their deadline passed in the server's queue."""

    @property
    def lost(self) -> int:
        return self.failed + self.unsent

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


class Vegeta:
    def __init__(self, binary: Path, texts: Sequence[str], cores: Sequence[int]) -> None:
        self._command = (*pinned(cores), str(binary))
        self._texts = texts

    def run(
        self, server: Server, rate: float, seconds: float, timeout_ms: float | None = None
    ) -> Load:
        """Blocks for `seconds` and a little more.

        Raises ClusterError if vegeta does not run.
        """
        with tempfile.TemporaryDirectory() as directory:
            targets, results = Path(directory, "targets"), Path(directory, "results")
            targets.write_text("\n".join(_targets(server, self._texts, timeout_ms)))
            self._vegeta(
                "attack",
                f"-rate={round(rate * 10)}/10s",
                f"-duration={seconds:g}s",
                f"-timeout={GIVE_UP_SECONDS:g}s",
                f"-max-workers={MOST_WORKERS}",
                "-max-body=0",
                "-format=json",
                f"-targets={targets}",
                f"-output={results}",
            )
            said = self._vegeta("encode", "-to=json", str(results))
        return counted(rate, seconds, map(json.loads, said.splitlines()), timeout_ms)

    def _vegeta(self, *args: str) -> str:
        done = subprocess.run([*self._command, *args], capture_output=True, text=True)
        if done.returncode != 0:
            said = done.stderr.strip()[-1500:]
            raise ClusterError(f"vegeta {args[0]} failed ({done.returncode}): {said}")
        return done.stdout


def counted(
    rate: float, seconds: float, results: Iterable[dict[str, Any]], timeout_ms: float | None
) -> Load:
    """`results` as vegeta encodes them: `code` 0 where there was no answer, `latency` in ns."""
    answered: list[float] = []
    refused: list[float] = []
    failed = expired = 0
    for result in results:
        code, milliseconds = result["code"], result["latency"] / 1e6
        if code == 200:
            answered.append(milliseconds)
        elif code in REFUSALS:
            refused.append(milliseconds)
        else:
            failed += 1
            expired += code == EXPIRED
    sent = len(answered) + len(refused) + failed
    return Load(
        rate=rate,
        seconds=seconds,
        answered=_latency(answered),
        refused=_latency(refused),
        failed=failed,
        unsent=max(0, int(rate * seconds) - sent),
        late=sum(timeout_ms is not None and each > timeout_ms for each in answered),
        expired=expired,
    )


def _latency(milliseconds: Sequence[float]) -> Latency:
    if len(milliseconds) < 2:
        only = milliseconds[0] if milliseconds else None
        return Latency(len(milliseconds), only, only, only, only)
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return Latency(len(milliseconds), cuts[49], cuts[94], cuts[98], max(milliseconds))


def _targets(server: Server, texts: Sequence[str], timeout_ms: float | None) -> Iterator[str]:
    """A line of JSON each; vegeta sends them in this order, and again from the first."""
    header = {"Content-Type": ["application/json"]}
    if timeout_ms is not None:
        header["X-Request-Timeout-Ms"] = [f"{timeout_ms:g}"]
    for text in texts:
        body = base64.b64encode(server.body(text)).decode()
        yield json.dumps({"method": "POST", "url": server.url, "header": header, "body": body})
