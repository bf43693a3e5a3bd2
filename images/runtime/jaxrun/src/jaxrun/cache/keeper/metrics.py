"""The keeper's /metrics, from its status alone."""

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jaxrun.cache.keeper.status import KeeperStatus


def exposition(status: KeeperStatus) -> tuple[str, bytes]:
    """Content type and body; no labels, as namespaces come and go."""
    registry = CollectorRegistry()
    registry.register(_FromStatus(status))
    return CONTENT_TYPE_LATEST, generate_latest(registry)


class _FromStatus(Collector):
    def __init__(self, status: KeeperStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status
        for name, text, number in (
            ("degraded", "1 while the keeper has a problem", float(status.problem is not None)),
            ("ready", "1 while the keeper can write its volume", float(status.ready)),
            ("staged", "Offers that wait to be published", status.staged),
            ("entries", "Published entries", status.entries),
            ("bytes", "Bytes that they take", status.size_bytes),
            ("namespaces", "Cache namespaces", len(status.namespaces)),
            ("volume_bytes", "Size of the volume", status.volume_bytes),
            ("volume_free_bytes", "Free bytes of the volume", status.free_bytes),
        ):
            yield GaugeMetricFamily(f"jaxrun_keeper_{name}", text, value=number)
        for name, text, number in (
            ("published", "Offers published, or found to be there already", status.published),
            ("refused", "Offers refused", status.refused),
            ("repaired", "Damaged entries taken away or replaced", status.repaired),
            ("evicted", "Cache namespaces evicted", status.evicted),
        ):
            yield CounterMetricFamily(f"jaxrun_keeper_{name}", text, value=number)
