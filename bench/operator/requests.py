"""How often the API server was asked what: counters read before and after."""

import asyncio
import re
import urllib.request
from collections import Counter
from dataclasses import dataclass

from jaxop.kube.transport import Request

from bench.operator.plane import Plane

Counts = Counter[tuple[str, str]]
"""By verb and resource, or kind."""

_LABEL = re.compile(r'(\w+)="([^"]*)"')
NOT_COUNTED = frozenset({"WATCH", "CONNECT"})


@dataclass(frozen=True)
class Requests:
    """`served` by the API server to everybody, watches aside; `sent` by the operator, by its own
    count."""

    served: Counts
    sent: Counts

    def since(self, before: "Requests") -> "Requests":
        return Requests(self.served - before.served, self.sent - before.sent)

    @property
    def writes(self) -> int:
        """Of the operator, its Lease aside: that is written all the time."""
        reads = ("get", "list", "watch")
        sent = self.sent.items()
        return sum(n for (verb, kind), n in sent if verb not in reads and kind != "Lease")


async def count(plane: Plane) -> Requests:
    apiserver = await plane.transport.request(Request("GET", "/metrics"))
    url = f"http://127.0.0.1:{plane.metrics_port}/metrics"
    operator = await asyncio.to_thread(_get, url)
    everything = _counts(
        apiserver.body.decode(), "apiserver_request_total", "verb", "resource", "subresource"
    )
    served = Counter(
        {
            (verb, what): n
            for (verb, what), n in everything.items()
            if what and verb not in NOT_COUNTED
        }
    )
    return Requests(served, _counts(operator, "jaxop_api_requests_total", "verb", "kind"))


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def _counts(text: str, metric: str, verb: str, *what: str) -> Counts:
    counts: Counts = Counter()
    for labels, value in re.findall(rf"^{metric}\{{(.*)\}} (\S+)$", text, re.M):
        named = dict(_LABEL.findall(labels))
        name = "/".join(filter(None, (named.get(part) for part in what)))
        counts[named[verb], name] += int(float(value))
    return counts
