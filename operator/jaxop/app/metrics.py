"""What is counted in memory when somebody scrapes: objects by state, and what caches hold.

All of it from the leader only: from a standby nothing, so that a sum over the replicas counts no
object twice.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jaxop.api.v1alpha1.compile_cache import CacheState
from jaxop.api.v1alpha1.jaxjob_status import State
from jaxop.api.v1alpha1.jaxservice_status import ServiceState
from jaxop.kube.resources import COMPILECACHES, JAXJOBS, JAXSERVICES
from jaxop.kube.store import Store, Stores

Leads = Callable[[], bool]


def collectors(stores: Stores, leads: Leads) -> tuple[Collector, ...]:
    caches, services = stores[COMPILECACHES], stores[JAXSERVICES]
    return (
        States("jaxop_jaxjobs", "JaxJobs by state.", get_args(State), stores[JAXJOBS], leads),
        States(
            "jaxop_compile_caches", "CompileCaches by state.", get_args(CacheState), caches, leads
        ),
        CacheTotals(caches, leads),
        States("jaxop_services", "JaxServices by state.", get_args(ServiceState), services, leads),
        ServiceReplicas(services, leads),
    )


class States(Collector):
    """How many objects are in each state: every state always, so that a rule on it never misses a
    series. An object without a status is Pending."""

    def __init__(
        self, name: str, documentation: str, states: Sequence[str], objects: Store, leads: Leads
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._states = states
        self._objects = objects
        self._leads = leads

    def describe(self) -> Iterable[Metric]:
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        if not self._leads():
            return []
        states = Counter(
            (obj.get("status") or {}).get("state") or "Pending" for obj in self._objects.all()
        )
        family = self._family()
        for state in self._states:
            family.add_metric([state], states[state])
        return [family]

    def _family(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(self._name, self._documentation, labels=["state"])


class CacheTotals(Collector):
    """What all CompileCaches hold together."""

    def __init__(self, caches: Store, leads: Leads) -> None:
        self._caches = caches
        self._leads = leads

    def describe(self) -> Iterable[Metric]:
        return self._families(0, 0)

    def collect(self) -> Iterable[Metric]:
        if not self._leads():
            return []
        statuses = [obj.get("status") or {} for obj in self._caches.all()]
        return self._families(*(sum(s.get(of, 0) for s in statuses) for of in ("entries", "bytes")))

    @staticmethod
    def _families(entries: int, size_bytes: int) -> Iterable[Metric]:
        return [
            GaugeMetricFamily(
                "jaxop_compile_cache_entries",
                "Compiled programs in all CompileCaches.",
                value=entries,
            ),
            GaugeMetricFamily(
                "jaxop_compile_cache_bytes", "Bytes of all CompileCaches.", value=size_bytes
            ),
        ]


class ServiceReplicas(Collector):
    """Replicas of all JaxServices together: those that specs want, and those that serve."""

    def __init__(self, services: Store, leads: Leads) -> None:
        self._services = services
        self._leads = leads

    def describe(self) -> Iterable[Metric]:
        return self._families(0, 0)

    def collect(self) -> Iterable[Metric]:
        if not self._leads():
            return []
        services = list(self._services.all())
        wanted = sum((obj.get("spec") or {}).get("replicas", 1) for obj in services)
        ready = sum((obj.get("status") or {}).get("readyReplicas", 0) for obj in services)
        return self._families(wanted, ready)

    @staticmethod
    def _families(wanted: int, ready: int) -> Iterable[Metric]:
        return [
            GaugeMetricFamily(
                "jaxop_service_replicas_wanted", "Replicas that JaxServices want.", value=wanted
            ),
            GaugeMetricFamily(
                "jaxop_service_replicas_ready", "Replicas of JaxServices that serve.", value=ready
            ),
        ]
