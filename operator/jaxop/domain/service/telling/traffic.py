"""What the replicas say of themselves, in one number each.

    requests per second   the sum over all replicas
    latency               each percentile is the slowest replica's: percentiles cannot be added up,
                          and nobody who waits there is helped by the others
    buckets               of the replica that has the fewest
    cache hits            the sum over the replicas' starts

Numbers that always move are told with two digits, so that an even load writes an even status.
"""

from collections.abc import Iterable, Sequence
from math import floor, log10

from jaxop.api.v1alpha1.jaxservice_status import BucketsReady, Latency
from jaxop.domain.service.snapshot import Snapshot
from jaxop.domain.service.views import ReplicaReport, ServingReport


def told(snapshot: Snapshot) -> list[ReplicaReport]:
    """Of process 0 of each replica that is there."""
    there = [p.pod.uid for p in snapshot.pods if p.pod.index == 0 and not p.pod.terminating]
    return [snapshot.reports[uid] for uid in sorted(there) if uid in snapshot.reports]


def buckets(reports: Iterable[ReplicaReport]) -> BucketsReady | None:
    servers = [s for s in _serving(reports) if s.buckets_total]
    if not servers:
        return None
    least = min(servers, key=lambda s: (s.buckets_ready / s.buckets_total, -(s.seconds_left or 0)))
    loads = least.state == "Loading" and least.seconds_left is not None
    return BucketsReady(
        ready=least.buckets_ready,
        total=least.buckets_total,
        summary=f"{least.buckets_ready}/{least.buckets_total}",
        seconds_left=float(round(least.seconds_left or 0.0)) if loads else None,
    )


def latency(reports: Iterable[ReplicaReport]) -> Latency | None:
    servers = _serving(reports)
    worst = [
        _slowest(s.p50_seconds for s in servers),
        _slowest(s.p95_seconds for s in servers),
        _slowest(s.p99_seconds for s in servers),
    ]
    if worst == [None, None, None]:
        return None
    p50, p95, p99 = worst
    return Latency(p50_milliseconds=p50, p95_milliseconds=p95, p99_milliseconds=p99)


def requests_per_second(reports: Iterable[ReplicaReport]) -> float | None:
    servers = _serving(reports)
    return two_digits(sum(s.requests_per_second for s in servers)) if servers else None


def compiles_after_ready(reports: Iterable[ReplicaReport]) -> int | None:
    servers = _serving(reports)
    return sum(s.compiles_after_ready for s in servers) if servers else None


def cache_hit(reports: Iterable[ReplicaReport]) -> str | None:
    starts = [r.gang.compilation for r in reports if r.gang.compilation is not None]
    requests, hits = sum(c.requests for c in starts), sum(c.hits for c in starts)
    return f"{hits}/{requests}" if requests else None


def two_digits(value: float) -> float:
    """12.34 -> 12.0, 0.01234 -> 0.012."""
    return round(value, 1 - floor(log10(value))) if value > 0 else 0.0


def _serving(reports: Iterable[ReplicaReport]) -> Sequence[ServingReport]:
    return [r.serving for r in reports if r.serving is not None]


def _slowest(seconds: Iterable[float | None]) -> float | None:
    known = [value for value in seconds if value is not None]
    return two_digits(1000 * max(known)) if known else None
